"""Which fault of a run is looked at: by its number, as the first in userfaultfd memory, or as another run's."""

from __future__ import annotations

from typing import NamedTuple

from pffemu.arch.paging import page_of
from pffemu.events.fault_tracker import FaultLife
from pffemu.machine.machine import Machine


def in_userfaultfd(machine: Machine, tid: int, address: int) -> bool:
    """Whether a userfaultfd is registered on `address` in the memory of thread `tid`."""
    task = machine.kernel.find_task(tid)
    area = task.process.mm.vmas.find(address) if task is not None else None
    return area is not None and area.uffd is not None


class Chosen(NamedTuple):
    """A chosen fault. `ordinal`: its rank among the run's faults in userfaultfd memory, from 1; 0: it is not in any."""

    number: int
    ordinal: int
    page: int  # address


class FaultChoice:
    """Called with each fault of a run as it begins: whether it is the one. Faults in userfaultfd memory are counted.

    `number`: the one of that number; without it the first in userfaultfd memory (where there is none: the first).
    `like`: the same fault as in the run of another mechanism: that rank, else that page, else that number.
    """

    def __init__(self, machine: Machine, number: int | None = None, like: Chosen | None = None) -> None:
        self._machine, self._number, self._like = machine, number, like
        self._has_userfaultfd = machine.options.mode.mechanism.userfaultfd
        self._latest = self._ordinal = 0
        self.chosen: Chosen | None = None

    def __call__(self, life: FaultLife) -> bool:
        if self.chosen is not None or life.number <= self._latest:
            return False
        self._latest = life.number
        inside = in_userfaultfd(self._machine, life.tid, life.address)
        self._ordinal += inside
        if not self._is_meant(life, inside):
            return False
        self.chosen = Chosen(life.number, self._ordinal if inside else 0, page_of(life.address))
        return True

    def _is_meant(self, life: FaultLife, inside: bool) -> bool:
        like = self._like
        if like is None:
            return life.number == self._number if self._number is not None else inside or not self._has_userfaultfd
        if like.ordinal and self._has_userfaultfd:
            return inside and self._ordinal == like.ordinal
        return page_of(life.address) == like.page if like.ordinal else life.number == like.number
