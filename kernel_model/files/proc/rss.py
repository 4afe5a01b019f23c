"""Resident pages by kind (mm/memory.c: mm_counter): anonymous, of files, of shmem."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kernel_model.mm.mm import Mm
from kernel_model.mm.page_cache import is_shmem
from kernel_model.mm.page_tables import HELD, OWNED
from kernel_model.mm.vma import Vma
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_D


class Rss(NamedTuple):
    """Pages; MM_ANONPAGES, MM_FILEPAGES, MM_SHMEMPAGES."""

    anon: int
    file: int
    shmem: int

    @property
    def total(self) -> int:
        return self.anon + self.file + self.shmem


def is_anon(vma: Vma, entry: int) -> bool:
    """Whether the held page is the address space's own, and not one of the mapped file.

    The pages of a program's file are private copies from the start: they count as its own once they were stored to.
    """
    return bool(entry & OWNED) and (vma.file is None or bool(entry & PTE_D))


def resident(mm: Mm, vma: Vma) -> Iterator[tuple[int, int]]:
    """(address, entry) of every page of `vma` that counts as resident: the zero page does not."""
    for address, entry in mm.pages.used(vma.start, vma.end):
        if entry & HELD and entry & PTE_ADDRESS != mm.zero_frame:
            yield address, entry


def rss(mm: Mm) -> Rss:
    """Only the pages of areas that map files are looked at one by one."""
    file = shmem = 0
    for vma in mm.vmas:
        if vma.file is not None:
            count = sum(not is_anon(vma, entry) for _, entry in resident(mm, vma))
            if is_shmem(vma):
                shmem += count
            else:
                file += count
    return Rss(mm.pages.resident - file - shmem, file, shmem)


class Size(NamedTuple):
    """Pages of areas (mm_struct: total_vm, data_vm, exec_vm, stack_vm, locked_vm)."""

    total: int
    data: int
    exec: int
    stack: int
    locked: int


def size(mm: Mm) -> Size:
    """Linux: vm_stat_account."""
    total = data = code = stack = locked = 0
    for vma in mm.vmas:
        pages = (vma.end - vma.start) // PAGE_SIZE
        total += pages
        locked += pages if vma.locked else 0
        writable, executable = bool(vma.prot & 2), bool(vma.prot & 4)
        if vma.grows_down or vma.name == "[stack]":
            stack += pages
        elif executable and not writable:
            code += pages
        elif writable and not vma.shared:
            data += pages
    return Size(total, data, code, stack, locked)
