"""Measures one run of a benchmark on one machine."""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from guest.build import guest
from guest.workloads import RESULT_FD, Workload
from kernel_model.mechanisms import Handles, Mode
from pffemu.cli import foreground
from pffemu.cli.options import DEFAULTS
from pffemu.cli.terminal import err_console
from pffemu.errors import PffemuError
from pffemu.events.trace import TraceHash
from pffemu.hw.cpu_options import CpuOptions
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions
from pffemu.machine.stop import Exited, Stop
from pffemu.machine.symbols import SymbolTable
from pffemu.report.cost_clocks import CostClocks
from pffemu.report.ioctl_stages import IoctlCollector, IoctlCosts
from pffemu.report.measured import MeasuredPart
from pffemu.report.one_fault import OneFault
from pffemu.report.progress import ProgressLine
from pffemu.report.stages import StageCollector
from pffemu.report.summary import HostCosts, RunSummary
from pffemu.report.trace import TraceFile
from pffemu.timing import Profile

SMALLEST_RAM = 1 << 30  # bytes; what a benchmark gets when it needs less


class GuestFailed(PffemuError):
    """A benchmark's guest did not reach its end. The exit code is that of `pffemu run`."""

    def __init__(self, mode: Mode, stop: Stop) -> None:
        self.exit_code = stop.exit_code
        super().__init__(str(stop), where=f"mode {mode.value}")


class Recorder:
    """The sinks of one run. A context manager: it closes the trace file."""

    def __init__(self, machine: Machine, trace: Path | None, sinks: Iterable[Any] = ()) -> None:
        """Raises UsageError when the trace cannot be written."""
        self._machine = machine
        self._hash, self.stages = TraceHash(), StageCollector()
        self._measured = MeasuredPart(machine.cpus, self.stages.tracker, self.stages.spent)
        self._stack = ExitStack()
        machine.events.sinks += [self._hash, self.stages, self._measured, *sinks]
        if trace is not None:
            machine.events.sinks.append(self._stack.enter_context(TraceFile(trace)))

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def summary(self, correct: bool | None, seconds: float, handler: str = "") -> RunSummary:
        """The run's summary; it took `seconds` of host time."""
        return RunSummary(
            mode=self._machine.options.mode.value,
            counts=self._machine.counts(),
            correct=correct,
            trace_hash=self._hash.hexdigest(),
            cycles=self._measured.cycles(),
            stages=self.stages.costs(),
            host=HostCosts(seconds, _max_rss()),
            charges=self._measured.charges(),
            waiting=self._measured.idle(),
            in_faults=self._measured.in_faults(),
            handler=handler,
        )


@dataclass(frozen=True, slots=True)
class Setup:
    """How a benchmark is to be run: on `machine`, but for its mode and RAM. `ram`: bytes; None: enough.

    `shown_fault`: number of the fault to keep. `ioctls`: take the userfaultfd ioctls apart, too. `clocks`: keep times
    as linear forms of the costs.
    """

    machine: MachineOptions = DEFAULTS
    ram: int | None = None
    trace: Path | None = None
    shown_fault: int | None = None
    ioctls: bool = False
    clocks: bool = False

    @classmethod
    def of(cls, profile: Profile, *, cpus: int = DEFAULTS.cpus, **fields: Any) -> Setup:
        """On the default machine with this profile."""
        return cls(replace(DEFAULTS, cpus=cpus, cpu=CpuOptions(profile=profile)), **fields)

    @property
    def cpus(self) -> int:
        return self.machine.cpus

    @property
    def profile(self) -> Profile:
        return self.machine.cpu.profile

    def ram_for(self, workload: Workload) -> int:
        return self.ram if self.ram is not None else max(SMALLEST_RAM, workload.ram)


@dataclass(frozen=True, slots=True)
class Measured:
    summary: RunSummary
    one_fault: list[Any]  # events
    ioctls: dict[str, IoctlCosts] = field(default_factory=dict)
    clocks: CostClocks | None = None


def describe_guest(workload: Workload) -> Callable[[int], str]:
    """What writes an address of the workload's program as symbol+offset."""
    return SymbolTable(guest(workload.guest).symbols).describe


def measure(workload: Workload, mode: Mode, setup: Setup) -> Measured:
    """Run `workload` in the foreground and check its answer. Raises GuestFailed, PffemuError, Stopped."""
    progress = ProgressLine(err_console, f"{workload.guest}, {mode.value}", workload.region_pages)
    result = bytearray()
    gc.collect()  # reference cycles keep the RAM of the last run's machine
    machine = foreground.prepare(lambda: _machine(workload, mode, setup, result), progress, "loading")
    one_fault = None if setup.shown_fault is None else OneFault(setup.shown_fault)
    ioctls = IoctlCollector(machine.cpus) if setup.ioctls else None
    clocks = CostClocks(machine.cpus) if setup.clocks else None
    foreground.show_warnings(machine.events)
    sinks = [sink for sink in (one_fault, ioctls, clocks) if sink is not None]
    with Recorder(machine, setup.trace, sinks) as recorder:
        started = time.perf_counter()
        stop = foreground.run(machine, progress)
        seconds = time.perf_counter() - started
    if not isinstance(stop, Exited):
        raise GuestFailed(mode, stop)
    if not result:
        raise PffemuError(
            f"{workload.guest} gave up with status {stop.status}: one of its system calls failed",
            where=f"mode {mode.value}",
            remedy="more memory, as in --ram 4G; --trace shows which call",
        )
    correct = stop.status == 0 and result == workload.expected(userfaultfd=mode.mechanism.userfaultfd)
    handler = getattr(workload, "handler", None) if mode.mechanism.handles is Handles.THREADS else None
    name = handler.value if handler is not None else ""
    return Measured(
        recorder.summary(correct, seconds, name),
        one_fault.events if one_fault is not None else [],
        ioctls.costs if ioctls is not None else {},
        clocks,
    )


class _Result:
    def __init__(self, target: bytearray) -> None:
        self._target = target

    def write(self, data: bytes, /) -> None:
        self._target += data


def _machine(workload: Workload, mode: Mode, setup: Setup, result: bytearray) -> Machine:
    machine = Machine(setup.machine, mode=mode, ram=setup.ram_for(workload))
    for fd, data in workload.files.items():
        machine.open_ram_file(fd, workload.guest, data)
    machine.open_output(RESULT_FD, "result", _Result(result))
    machine.load(guest(workload.guest), workload.arguments)
    return machine


def _max_rss() -> int:
    """Bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
