"""One run of a workload on the cache library: the machine, the file, the answer, the measurements."""

from __future__ import annotations

import gc
import io
import struct
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from guest.build import guest
from guest.caching.workload import (
    COUNTERS,
    COUNTERS_FD,
    LATENCIES_FD,
    NO_FILE,
    NOT_OFFERED,
    RESULT_FD,
    SHORT_FILE,
    CachedWorkload,
    CacheSetting,
)
from pffemu.arch.paging import PAGE_SIZE
from pffemu.cli.measure import GuestFailed, Recorder
from pffemu.errors import PffemuError
from pffemu.events.faults import KERNEL
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions
from pffemu.machine.roots import parse_root
from pffemu.machine.stop import Exited, Interrupted
from pffemu.report.cache_run import CacheRun
from pffemu.report.cost_clocks import CostClocks
from pffemu.report.measured_counts import MeasuredCounts
from pffemu.timing import Profile

_FILE: Final = "file"  # in the folder that the guest finds as /data (core.s)
_LATENCIES: Final = ("device.disk.read", "device.disk.write")
_RAM_DISK: Final = Fraction(1, 5)  # us: a page is copied
_COUNTERS: Final = f"<{len(COUNTERS)}Q"
_FAILURES: Final = {NO_FILE: "cannot open its file", SHORT_FILE: "has more pages to touch than its file has"}


_running: Final[list[Machine]] = []


class NotOffered(PffemuError):
    """The machine does not offer the mechanism."""


class RunInterrupted(Exception):
    """`interrupt` was called."""


def interrupt() -> None:
    """Make `run` raise RunInterrupted soon, and leave nothing behind. From any thread; call again until it has."""
    for machine in list(_running):
        machine.interrupt()


def run(
    workload: CachedWorkload,
    setting: CacheSetting,
    options: MachineOptions,
    *,
    clocks: bool = False,
    sinks: Sequence[Callable[[Any], None]] = (),
) -> CacheRun:
    """Run `workload`; `options`: the machine, but for its mode, its cores and its RAM. `clocks`: keep the run's.

    `sinks` get the run's events, too. Raises GuestFailed, NotOffered, PffemuError, RunInterrupted.
    """
    gc.collect()  # reference cycles keep the RAM of the last run's machine
    with tempfile.TemporaryDirectory(prefix="pffemu-") as folder:
        file = Path(folder) / _FILE
        file.write_bytes(workload.content.tobytes())
        return _run(workload, setting, options, file, sinks, clocks=clocks)


def _run(
    workload: CachedWorkload,
    setting: CacheSetting,
    options: MachineOptions,
    file: Path,
    sinks: Sequence[Callable[[Any], None]],
    *,
    clocks: bool,
) -> CacheRun:
    result, counters, logged = io.BytesIO(), io.BytesIO(), io.BytesIO()
    machine = Machine(_machine_options(workload, setting, options, file.parent))
    for fd, data in workload.inputs.items():
        machine.open_ram_file(fd, "input", data)
    for fd, name, sink in (
        (RESULT_FD, "result", result), (COUNTERS_FD, "counters", counters), (LATENCIES_FD, "latencies", logged),
    ):  # fmt: skip
        machine.open_output(fd, name, sink)
    machine.load(guest(f"workloads/{workload.guest}"), setting.arguments(workload))
    forms = CostClocks(machine.cpus) if clocks else None
    with Recorder(machine, None, [*sinks, *([] if forms is None else [forms])]) as recorder:
        counts = MeasuredCounts(machine.counts, recorder.stages)
        machine.events.sinks.append(counts)
        started = time.perf_counter()
        _running.append(machine)
        try:
            stop = machine.run()
        finally:
            _running.remove(machine)
        seconds = time.perf_counter() - started
    _check(stop, setting)
    content = np.frombuffer(file.read_bytes(), np.uint64)
    right = np.array_equal(content, workload.content if workload.after is None else workload.after)
    summary = recorder.summary(result.getvalue() == workload.result and right, seconds)
    by_path = counts.latencies()
    own = [cycles for path, found in by_path.items() if path != KERNEL for cycles in found]
    faults = own or by_path.get(KERNEL, [])
    latencies = faults if setting.mechanism.faults else np.frombuffer(logged.getvalue(), np.uint32).tolist()
    cache, total = (dict(zip(COUNTERS, one, strict=True)) for one in struct.iter_unpack(_COUNTERS, counters.getvalue()))
    return CacheRun(workload, setting, summary, counts.counts(), cache, total, latencies, forms)


def _machine_options(
    workload: CachedWorkload, setting: CacheSetting, options: MachineOptions, folder: Path
) -> MachineOptions:
    """The machine: a quota where the kernel evicts."""
    return replace(
        options,
        mode=setting.mechanism.mode,
        cpus=max(options.cpus, setting.cores),
        ram=workload.ram(setting.threads),
        roots=(*options.roots, parse_root(f"{folder}:/data")),
        cpu=replace(options.cpu, profile=profile_of(setting, options.cpu.profile)),
        quota=setting.quota * PAGE_SIZE if setting.mechanism.name == "kernel" else 0,
    )


def profile_of(setting: CacheSetting, profile: Profile) -> Profile:
    """The profile of a run: a disk of RAM where the file is said to be in memory."""
    if setting.on_disk:
        return profile
    least = {name: replace(profile.entries[name], value=_RAM_DISK, unit="us") for name in _LATENCIES}
    entries = {**profile.entries, **least}
    return profile.with_entries(entries)


def _check(stop: object, setting: CacheSetting) -> None:
    """Raises GuestFailed, NotOffered, PffemuError, RunInterrupted when the guest did not reach its end."""
    mode = setting.mechanism.mode
    if isinstance(stop, Interrupted):
        raise RunInterrupted
    if not isinstance(stop, Exited):
        raise GuestFailed(mode, stop)  # type: ignore[arg-type]
    if stop.status == NOT_OFFERED:
        raise NotOffered(
            f"the machine of mode {mode.value} does not offer {setting.mechanism.name}",
            where="compare",
            remedy="leave this mechanism out of --mechanism",
        )
    if stop.status:
        what = _FAILURES.get(stop.status, "gave up: one of its system calls failed")
        raise PffemuError(
            f"the guest {what} (status {stop.status})",
            where=f"mechanism {setting.mechanism.name}",
            remedy="a smaller --scale, or fewer --threads",
        )
