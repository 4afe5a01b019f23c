"""How system calls hold the locks of their address space, and for how long (mm/mmap.c, mm/mprotect.c, mm/madvise.c)."""

from __future__ import annotations

from typing import Final

from kernel_model.abi.mman import MREMAP_DONTUNMAP, MREMAP_FIXED
from kernel_model.abi.uapi import MAP_FIXED, Sys
from kernel_model.call.call import Call, SystemCall, as_int
from kernel_model.calls import madvise as madvise_call
from kernel_model.mm.locks import Range
from kernel_model.mm.mm import Mm
from pffemu.arch.paging import PAGE_SIZE

_WRITERS: Final = frozenset({
    Sys.MMAP, Sys.MPROTECT, Sys.MUNMAP, Sys.BRK, Sys.MREMAP, Sys.MSEAL, Sys.SHMAT, Sys.SHMDT, Sys.REMAP_FILE_PAGES,
    Sys.PKEY_MPROTECT,
})  # fmt: skip
_MADVISE: Final = int(Sys.MADVISE)  # members of an enum take ten times as long to look up
_READERS: Final = frozenset({Sys.MADVISE, Sys.MINCORE, Sys.MSYNC})
# calls that release it before they bring pages in: the costs of those come after the release
_POPULATE_LATE: Final = frozenset({Sys.MMAP, Sys.BRK})


def run(implementation: SystemCall, number: int, call: Call, arguments: list[int]) -> int | None:
    """Make the call: those that change areas hold mmap_lock as writers, those that read or discard as readers.

    One change of the areas is charged, and one for each area that the process has more or less afterwards.
    TLBs are flushed and pages freed while the lock is held; munmap, and mremap where it only cuts, are readers then.
    """
    cpu, mm = call.cpu, call.mm
    if number in _WRITERS or (number == _MADVISE and madvise_call.changes_areas(arguments[2])):
        with mm.locks.writing(cpu, _changed(number, arguments, mm)) as writing:
            cpu.charge("kernel.vma.change")
            areas = len(mm.vmas)
            try:
                return implementation(call, *arguments)
            finally:
                if len(mm.vmas) != areas:
                    cpu.charge("kernel.vma.change", abs(len(mm.vmas) - areas))
                if number == Sys.MUNMAP or (number == Sys.MREMAP and _only_cuts(arguments)):
                    writing.downgrade()
                if number not in _POPULATE_LATE:
                    call.kernel.flush_stale(cpu)
    if number in _READERS:
        discards = number == Sys.MADVISE and madvise_call.only_discards(arguments[2])
        lock = mm.locks.of_discard(cpu, arguments[0], arguments[0] + arguments[1]) if discards else mm.locks.mmap_lock
        with lock.reading(cpu):
            try:
                return implementation(call, *arguments)
            finally:
                call.kernel.flush_stale(cpu)
    return implementation(call, *arguments)


def _changed(number: int, arguments: list[int], mm: Mm) -> tuple[Range, ...]:
    """Where the areas lie that the call changes; a new one is not locked by any reader."""
    start = arguments[0]
    if number == Sys.MMAP:
        return ((start, start + arguments[1]),) if arguments[3] & MAP_FIXED else ()
    if number == Sys.BRK:
        return ((mm.brk_start, mm.brk),)
    if number == Sys.SHMAT:
        return ()
    if number == Sys.SHMDT:
        return ((start, start + PAGE_SIZE),)
    if number == Sys.MREMAP and arguments[3] & MREMAP_FIXED:
        return (start, start + arguments[1]), (arguments[4], arguments[4] + arguments[2])
    return ((start, start + arguments[1]),)


def _only_cuts(arguments: list[int]) -> bool:
    return arguments[2] <= arguments[1] and not as_int(arguments[3]) & (MREMAP_FIXED | MREMAP_DONTUNMAP)
