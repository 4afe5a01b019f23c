"""Runs a campaign in a child process, which may crash, hang or grow: the parent sees it, says so, and goes on."""

from __future__ import annotations

import gc
import mmap
import os
import signal
import struct
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.fuzz.campaigns import Campaign

GROWTH: Final = 512 << 20  # bytes that the child may grow by after its first cases
CASE_SECONDS: Final = 60  # of processor time, or five times as much by the clock
_WARM: Final = 20  # cases before memory is looked at
_COLLECT: Final = 50  # cases between two looks at what is left when the garbage is gone
_FAILURES: Final = 10  # then the campaign ends
_LOOK: Final = 0.2  # seconds between looks at the child
_FIELDS: Final = struct.Struct("<3Q")  # the seed of the case that runs, cases and units that have ended
_KEPT: Final = struct.Struct("<2Q")  # bytes resident without garbage, at first and now
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Outcome:
    """What a campaign did."""

    cases: int = 0
    units: int = 0
    seconds: float = 0.0
    grown: int = 0  # bytes, at most, garbage of Python among them
    kept: int = 0  # bytes, in the end, without garbage
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Limits:
    """When a campaign ends."""

    seconds: float
    units: int


class _Shared:
    """What the child tells its parent while it runs."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _FIELDS.size + _KEPT.size)

    def read(self) -> tuple[int, int, int]:
        seed, cases, units = _FIELDS.unpack_from(self._memory)
        return seed, cases, units

    def write(self, seed: int, cases: int, units: int) -> None:
        self._memory[: _FIELDS.size] = _FIELDS.pack(seed, cases, units)

    def keep(self, resident: int) -> None:
        first, _ = _KEPT.unpack_from(self._memory, _FIELDS.size)
        self._memory[_FIELDS.size :] = _KEPT.pack(first or resident, resident)

    def kept(self) -> int:
        first, now = _KEPT.unpack_from(self._memory, _FIELDS.size)
        return max(0, int(now) - int(first))


def run(campaign: Campaign, first: int, limits: Limits) -> Outcome:
    """Try cases from seed `first` on, until a limit or the tenth failure."""
    outcome, started, seed = Outcome(), time.monotonic(), first
    while outcome.units < limits.units and len(outcome.failures) < _FAILURES:
        left = Limits(started + limits.seconds - time.monotonic(), limits.units - outcome.units)
        if left.seconds <= 0:
            break
        seed = _run_child(campaign, seed, left, outcome)
    outcome.seconds = time.monotonic() - started
    return outcome


def _run_child(campaign: Campaign, first: int, limits: Limits, outcome: Outcome) -> int:
    """Run until the child ends; the seed to go on with. Adds to `outcome`."""
    shared = _Shared()
    shared.write(first, 0, 0)
    with tempfile.TemporaryDirectory(prefix="pffemu-fuzz-") as folder:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os._exit(_child(campaign, first, limits, shared, Path(folder)))
        why, grown = _watch(child, shared)
        error = Path(folder) / "error"
        seed, cases, units = shared.read()
        if error.exists():
            why = error.read_text()
    outcome.cases += cases
    outcome.units += units
    outcome.grown = max(outcome.grown, grown)
    outcome.kept = max(outcome.kept, shared.kept())
    if why:
        outcome.failures.append(f"seed {seed}: {why}")
        outcome.cases += 1
    return seed + 1


def _child(campaign: Campaign, first: int, limits: Limits, shared: _Shared, folder: Path) -> int:
    cases = units = 0
    end = time.monotonic() + limits.seconds
    place = folder / "cases"
    place.mkdir()
    seed = first
    while time.monotonic() < end and units < limits.units:
        shared.write(seed, cases, units)
        try:
            units += campaign.run(place, seed)
        except BaseException:
            (folder / "error").write_text(traceback.format_exc(limit=-6), errors="backslashreplace")
            return 1
        cases += 1
        seed += 1
        shared.write(seed, cases, units)
        if cases % _COLLECT == _WARM:
            gc.collect()
            shared.keep(resident())
    return 0


def _watch(child: int, shared: _Shared) -> tuple[str, int]:
    """Wait for the child; why it failed ('' if it did not), and by how many bytes it grew."""
    current, since, cpu_since, small, grown = -1, 0.0, 0.0, 0, 0
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            if os.WIFSIGNALED(status):
                return f"the process died of {signal.Signals(os.WTERMSIG(status)).name}", grown
            return "", grown
        seed, cases, _ = shared.read()
        cpu = _cpu_seconds(child)
        if seed != current:
            current, since, cpu_since = seed, time.monotonic(), cpu
        elif cpu - cpu_since > CASE_SECONDS or time.monotonic() - since > 5 * CASE_SECONDS:
            return _ended(child, f"no end after {cpu - cpu_since:.0f} s of processor time"), grown
        if cases >= _WARM:
            now = resident(child)
            small = small or now
            grown = max(grown, now - small)
            if grown > GROWTH:
                return _ended(child, f"the process grew by {grown >> 20} MiB in {cases} cases"), grown
        time.sleep(_LOOK)


def _ended(child: int, why: str) -> str:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return why


def _cpu_seconds(child: int) -> float:
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return sum(int(each) for each in fields[11:15]) / _TICKS  # its own, and of children it has waited for


def resident(process: int | str = "self") -> int:
    """Bytes of a process that are in memory."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE
