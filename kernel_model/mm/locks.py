"""The locks of an address space: mmap_lock, and, from Linux 6.4 on, one of each area (vm_area_struct).

With locks of areas a reader takes that of its area and leaves mmap_lock alone. A writer holds mmap_lock, and until it
lets go of it the areas that it changes as well (vma_start_write). A reader whose area is locked so does not wait there:
it falls back to mmap_lock, which the writer holds. Sources: include/linux/mmap_lock.h, mm/mmap_lock.c
(lock_vma_under_rcu), arch/x86/mm/fault.c, mm/userfaultfd.c and mm/madvise.c of Linux 6.18.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from kernel_model.mm.vma import Vma, VmaList
from kernel_model.wait.lock import RwLock
from pffemu.arch import pagefault
from pffemu.arch.paging import USER_END

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu

Range = tuple[int, int]  # [start, end) of addresses
EVERYWHERE: Final[tuple[Range, ...]] = ((0, USER_END),)
_REMEMBERED: Final = 128  # ranges that writers have locked: more than the other cores lock during one kernel entry


class MmLocks:
    """`by_area`: areas have locks of their own."""

    def __init__(self, vmas: VmaList, *, by_area: bool) -> None:
        self.by_area = by_area
        self.mmap_lock = RwLock("wait.mmap_lock")
        self._vmas = vmas
        self._written: deque[tuple[int, int, int, int]] = deque(maxlen=_REMEMBERED)  # addresses, then clocks

    def of_fault(self, cpu: Cpu, address: int, error_code: int, *, again: bool) -> RwLock:
        """What a page fault at `address` takes as a reader, where areas have locks.

        mmap_lock, where the kernel itself accesses memory, the fault is tried `again`, the stack has to grow, or the
        first private page of an area comes in by a store (anon_vma).
        """
        vma = self._vmas.find(address) if error_code & pagefault.U and not again else None
        if vma is None or (error_code & pagefault.W and not vma.shared and not vma.anon):
            return self.mmap_lock
        return self._of_area(cpu, vma)

    def of_fill(self, cpu: Cpu, address: int) -> RwLock:
        """What an ioctl takes as a reader that fills pages of the area at `address` (uffd_lock_vma)."""
        vma = self._vmas.find(address) if self.by_area else None
        if vma is None or not (vma.shared or vma.anon):
            return self.mmap_lock
        return self._of_area(cpu, vma)

    def of_discard(self, cpu: Cpu, start: int, end: int) -> RwLock:
        """What madvise takes as a reader that drops pages of [start, end) (is_vma_lock_sufficient)."""
        vma = self._vmas.find(start) if self.by_area else None
        if vma is None or end > vma.end or vma.uffd is not None:
            return self.mmap_lock
        return self._of_area(cpu, vma)

    def _of_area(self, cpu: Cpu, vma: Vma) -> RwLock:
        clock, at = cpu.clock, vma.start
        if any(low <= at < high and since <= clock < until for low, high, since, until in self._written):
            return self.mmap_lock
        return lock_of(vma)

    def writing(self, cpu: Cpu, ranges: tuple[Range, ...]) -> Writing:
        """Held as the writer that changes the areas in `ranges` (mmap_write_lock), also when the call inside raises."""
        return Writing(self, cpu, ranges)

    def areas_in(self, ranges: tuple[Range, ...]) -> list[Vma]:
        return [vma for start, end in ranges for vma in self._vmas.overlapping(start, min(end, USER_END))]

    def note_written(self, areas: list[Range], since: int, until: int) -> None:
        self._written.extend((low, high, since, until) for low, high in areas)


class Writing:
    """A context manager: the writer of an address space, who holds mmap_lock and the areas that it changes."""

    def __init__(self, locks: MmLocks, cpu: Cpu, ranges: tuple[Range, ...]) -> None:
        self._locks, self._cpu, self._ranges = locks, cpu, ranges
        self._since, self._reads = 0, False
        self._held: list[tuple[RwLock, int]] = []
        self._areas: list[Range] = []

    def __enter__(self) -> Writing:
        locks, cpu = self._locks, self._cpu
        self._since = locks.mmap_lock.acquire(cpu)
        if locks.by_area:
            for vma in locks.areas_in(self._ranges):
                lock = lock_of(vma)
                self._held.append((lock, lock.acquire(cpu)))
                if self._areas and self._areas[-1][1] == vma.start:
                    self._areas[-1] = (self._areas[-1][0], vma.end)
                else:
                    self._areas.append((vma.start, vma.end))
        return self

    def downgrade(self) -> None:
        """Go on as a reader of mmap_lock (mmap_write_downgrade); the areas are free again."""
        self._release_areas()
        self._since, self._reads = self._locks.mmap_lock.downgrade(self._cpu, self._since), True

    def __exit__(self, *_: object) -> None:
        if self._reads:
            self._locks.mmap_lock.release_read(self._cpu, self._since)
            return
        self._release_areas()
        self._locks.mmap_lock.release(self._cpu, self._since)

    def _release_areas(self) -> None:
        for lock, since in self._held:
            lock.release(self._cpu, since)
        self._locks.note_written(self._areas, self._since, self._cpu.clock)
        self._held.clear()


def lock_of(vma: Vma) -> RwLock:
    """The area's own lock (vm_refcnt)."""
    if vma.lock is None:
        vma.lock = RwLock("wait.vma_lock")
    return vma.lock
