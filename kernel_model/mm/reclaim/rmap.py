"""The reverse map: the page-table entries that hold a page of a file (mm/rmap.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from kernel_model.abi.uapi import PROT_EXEC
from kernel_model.mm.page_tables import HELD, LASTING, OWNED, UFFD_WP
from pffemu.arch.paging import PTE_A, PTE_ADDRESS, PTE_D, PTE_W

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.reclaim.page import CachedPage
    from kernel_model.mm.vma import Vma

Mappings = list[tuple["Mm", "Vma"]]  # all areas that map a file


class Use(NamedTuple):
    """What the entries of a page say: how many were accessed since they were last asked, and where it is mapped."""

    accessed: int
    executable: bool
    locked: bool


def entries(page: CachedPage, mappings: Mappings) -> Iterator[tuple[Mm, Vma, int, int]]:
    """(address space, area, address, entry) of every entry that holds `page`."""
    for mm, vma in mappings:
        if vma.offset <= page.offset < vma.offset + vma.end - vma.start:
            address = vma.start + page.offset - vma.offset
            entry = mm.pages.entry(address)
            if entry & HELD and not entry & OWNED and entry & PTE_ADDRESS == page.frame:
                yield mm, vma, address, entry


def use_of(page: CachedPage, mappings: Mappings) -> Use:
    """How `page` is used; clears the accessed bits. Areas with advice about their order of accesses do not count."""
    accessed, executable, locked = 0, False, False
    for mm, vma, address, entry in entries(page, mappings):
        locked |= vma.locked
        executable |= bool(vma.prot & PROT_EXEC)
        if entry & PTE_A:
            mm.pages.set(address, entry & ~PTE_A)
            mm.stale = True
            accessed += not vma.advice
    return Use(accessed, executable, locked)


def unmap(page: CachedPage, mappings: Mappings) -> int:
    """Remove every entry that holds `page`; their number."""
    count = 0
    for mm, vma, address, entry in entries(page, mappings):
        mm.settle()  # a fill under way may copy from this page
        mm.pages.set(address, mm.empty_entry(vma) | entry & LASTING & UFFD_WP)
        mm.stale = True
        mm.code_changed |= bool(vma.prot & PROT_EXEC)
        count += 1
    return count


def write_protect(page: CachedPage, mappings: Mappings) -> int:
    """Let the next store to `page` fault, so that it is noticed; the number of entries (page_mkclean)."""
    count = 0
    for mm, _, address, entry in entries(page, mappings):
        if entry & (PTE_W | PTE_D):
            mm.pages.set(address, entry & ~(PTE_W | PTE_D))
            mm.stale = True
            count += 1
    return count
