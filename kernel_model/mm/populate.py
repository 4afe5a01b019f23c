"""MAP_POPULATE: all pages of a new area at once (mm/gup.c, __mm_populate)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.uapi import PROT_WRITE
from kernel_model.mm.page_cache import PageCache
from kernel_model.mm.page_tables import OWNED
from pffemu.arch.paging import PAGE_SIZE, PTE_A, PTE_D, PTE_U

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Mappable, Vma


def populate_area(mm: Mm, vma: Vma) -> int:
    """Map all pages of the new `vma` in long runs (MAP_POPULATE); their number. Raises OutOfGuestMemory."""
    pages = (vma.end - vma.start) // PAGE_SIZE
    mm.owe("kernel.fault.install", pages)
    if vma.file is None and vma.prot & PROT_WRITE:
        mm.owe("kernel.page.allocate", pages)
        mm.owe("kernel.page.zero", pages * PAGE_SIZE)
    if vma.file is not None:
        return _populate_from(mm, vma.file, vma)
    if not vma.prot & PROT_WRITE:
        mm.pages.set_run(vma.start, mm.zero_frame, pages, mm.allowed(vma, PTE_U | PTE_A), stride=0)
    elif mm.frames.has_run(pages):
        mm.prepare_anon(vma)
        flags = mm.allowed(vma, PTE_U | PTE_A | PTE_D | OWNED)
        mm.pages.set_run(vma.start, mm.frames.take_run(pages), pages, flags)
    else:
        for address in range(vma.start, vma.end, PAGE_SIZE):
            mm.install(vma, address, mm.frames.take(), owned=True, dirty=True)
    return pages


def _populate_from(mm: Mm, file: Mappable, vma: Vma) -> int:
    if isinstance(file, PageCache) and file.explicit:
        return 0
    copy = vma.prot & PROT_WRITE and not vma.shared
    addresses = range(vma.start, min(vma.end, vma.start + file.mapped_size - vma.offset), PAGE_SIZE)
    for address in addresses:
        frame = file.frame_at(vma.offset + address - vma.start)
        if copy:
            mm.install(vma, address, mm.frames.take_copy(frame), owned=True, dirty=True)
        else:
            mm.install(vma, address, frame, owned=False)
    return len(addresses)
