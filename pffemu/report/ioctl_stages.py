"""The stages of a userfaultfd ioctl: what each was charged, from the events that end the stages.

The stages are those that PFF-UINTR measured within the ioctl: system-call entry and exit are outside. mfill is split by
cost, because some of its work is common to all fills and some is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pffemu.events.kernel import Syscall, SyscallReturned
from pffemu.events.userfaultfd import IoctlStep
from pffemu.hw.cpu import Cpu
from pffemu.timing import SHIFT

COPY_IN, VALIDATE, LOCK, LOOK_UP, CACHE, ALLOCATE, FILL, INSTALL, PUT_USER, WAKE, OTHER = STAGES = (
    "copy_from_user", "validate", "mfill: mmget, lock", "mfill: area, walk", "mfill: page cache", "mfill: allocate",
    "mfill: zero or copy", "mfill: install", "put_user", "wake", "other",
)  # fmt: skip
_STEPS: Final = {"copy_from_user": COPY_IN, "validate": VALIDATE, "put_user": PUT_USER, "wake": WAKE}
_IN_MFILL: Final = {
    "kernel.mmget": LOCK, "kernel.lock": LOCK, "kernel.lock.transfer": LOCK, "wait.mmap_lock": LOCK,
    "wait.vma_lock": LOCK,
    "kernel.fault.vma": LOOK_UP, "kernel.fault.walk": LOOK_UP, "kernel.page.lookup": CACHE,
    "kernel.page.allocate": ALLOCATE, "kernel.page.zero": FILL, "kernel.page.copy": FILL,
    "kernel.copy_from_user": FILL, "kernel.fault.install": INSTALL,
}  # fmt: skip
_OUTSIDE: Final = frozenset({"cpu.syscall", "kernel.syscall", "cpu.sysret"})


@dataclass(slots=True)
class IoctlCosts:
    """The costs of one kind of ioctl. `units`: units charged in each stage, by cost name."""

    calls: int = 0
    units: dict[str, Counter[str]] = field(default_factory=lambda: {stage: Counter() for stage in STAGES})

    def cycles(self, rates: Mapping[str, int]) -> dict[str, int]:
        """Whole cycles a call, by stage."""
        calls = max(1, self.calls)
        return {
            stage: (sum(rates[cost] * units for cost, units in charged.items()) // calls) >> SHIFT
            for stage, charged in self.units.items()
        }

    def all_units(self) -> Counter[str]:
        """Units by cost name, of all calls and stages together."""
        return sum(self.units.values(), Counter())

    def total(self, rates: Mapping[str, int]) -> int:
        """2^-SHIFT cycles of all calls together."""
        return sum(rates[cost] * units for charged in self.units.values() for cost, units in charged.items())


class IoctlCollector:
    """Sink. `costs`: by ioctl name, as in UFFDIO_COPY. Only calls that succeed count."""

    def __init__(self, cpus: Sequence[Cpu]) -> None:
        self._cpus = cpus
        self._open: dict[int, tuple[Counter[str], list[tuple[str, str, Counter[str]]]]] = {}
        self.costs: dict[str, IoctlCosts] = {}

    def __call__(self, event: Any) -> None:
        kind = type(event)
        if kind is Syscall and event.name == "ioctl":
            self._open[event.tid] = (self._units(event), [])
        elif kind is IoctlStep and event.tid in self._open:
            self._step(event, event.step)
        elif kind is SyscallReturned and event.name == "ioctl" and event.tid in self._open:
            self._step(event, "")
            _, steps = self._open.pop(event.tid)
            if event.result == 0 and len(steps) > 1:
                self._add(steps)

    def _step(self, event: Any, step: str) -> None:
        before, steps = self._open[event.tid]
        now = self._units(event)
        charged = Counter({cost: units - before[cost] for cost, units in now.items() if units != before[cost]})
        name = event.ioctl if type(event) is IoctlStep else ""
        steps.append((name, step, charged))
        self._open[event.tid] = (now, steps)

    def _add(self, steps: list[tuple[str, str, Counter[str]]]) -> None:
        costs = self.costs.setdefault(steps[0][0], IoctlCosts())
        costs.calls += 1
        for _, step, charged in steps:
            for cost, units in charged.items():
                if cost not in _OUTSIDE:
                    stage = _IN_MFILL.get(cost, OTHER) if step == "mfill" else _STEPS.get(step, OTHER)
                    costs.units[stage][cost] += units

    def _units(self, event: Any) -> Counter[str]:
        return Counter(self._cpus[event.cpu].ledgers[event.tid].units)
