"""An address space: page tables, areas, and the mmap family (mm/mmap.c, mm/mprotect.c, mm/madvise.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.frames import FrameAllocator
from kernel_model.page_tables import OWNED, PROTNONE, PageTables
from kernel_model.uapi import PROT_EXEC, PROT_READ, PROT_WRITE, Errno, LinuxError
from kernel_model.vma import Vma, VmaList
from pffemu.arch.paging import PAGE_SIZE, PTE_A, PTE_ADDRESS, PTE_D, PTE_NX, PTE_P, PTE_U, PTE_UFFD, PTE_W
from pffemu.hw.ram import Ram

if TYPE_CHECKING:
    from kernel_model.userfaultfd import Userfaultfd


class Mm:
    """`stale` counts changes after which TLBs must be flushed, `code_changed` those that touch executable pages."""

    def __init__(self, ram: Ram, frames: FrameAllocator, zero_frame: int, mark_uffd_ptes: bool) -> None:
        """`mark_uffd_ptes`: keep bit 58 in the not-present entries of userfaultfd areas (Mmu's PTE_BIT design)."""
        self.ram, self.frames, self.zero_frame = ram, frames, zero_frame
        self.mark_uffd_ptes = mark_uffd_ptes
        self.pages = PageTables(ram, frames)
        self.vmas = VmaList()
        self.stale = False
        self.code_changed = False
        self.has_writable_code = False  # ever: then any store by the kernel may change code

    # -- entries ------------------------------------------------------------------------------------------------

    def install(self, vma: Vma, address: int, frame: int, *, owned: bool, dirty: bool = False) -> None:
        """Map `frame` at `address` with what `vma` allows; not-owned frames (zero page, page cache) stay read-only."""
        flags = PTE_U | PTE_A | (OWNED if owned else 0) | (PTE_D if dirty else 0)
        self.pages.set(address, reprotected(frame | flags, vma.prot))
        if vma.prot & PROT_EXEC:
            self.code_changed = True

    def empty_entry(self, vma: Vma) -> int:
        """What a not-present entry of `vma` holds."""
        return PTE_UFFD if self.mark_uffd_ptes and vma.uffd is not None else 0

    def zap(self, vma: Vma, start: int, end: int) -> None:
        """Unmap the pages of [start, end), which lies in `vma`; data of owned pages is gone."""
        empty = self.empty_entry(vma)
        for address, entry in self.pages.used(start, end):
            if entry & (PTE_P | PROTNONE):
                self.pages.set(address, empty)
                self.stale = True
                if entry & OWNED:
                    self.frames.give_back(entry & PTE_ADDRESS)
        if vma.prot & PROT_EXEC:
            self.code_changed = True

    # -- system calls -------------------------------------------------------------------------------------------

    def map(self, vma: Vma, *, populate: bool = False) -> None:
        """Insert `vma`, whose range must be free. Raises OutOfGuestMemory when populating."""
        self.vmas.insert(vma)
        self._note_writable_code(vma.prot)
        if populate and vma.prot != 0:
            self.populate(vma)

    def _note_writable_code(self, prot: int) -> None:
        if prot & PROT_WRITE and prot & PROT_EXEC:
            self.has_writable_code = True

    def populate(self, vma: Vma) -> None:
        """Map every page now, in one run (MAP_POPULATE)."""
        pages = (vma.end - vma.start) // PAGE_SIZE
        flags = PTE_P | PTE_U | PTE_A
        if vma.file is not None:
            pages = min(pages, (vma.file.mapped_size - vma.offset) // PAGE_SIZE)
            frame = vma.file.frame_at(vma.offset)
            self.pages.set_run(vma.start, frame, pages, flags | protection(vma.prot, owned=False))
        elif vma.prot & PROT_WRITE:
            flags |= PTE_D | OWNED | protection(vma.prot, owned=True)
            self.pages.set_run(vma.start, self.frames.take_run(pages), pages, flags)
        else:
            for address in range(vma.start, vma.end, PAGE_SIZE):
                self.install(vma, address, self.zero_frame, owned=False)

    def unmap(self, start: int, end: int) -> list[Vma]:
        """Remove [start, end); the areas that went and had a userfaultfd."""
        gone = self.vmas.remove(start, end)
        registered = [vma for vma in gone if vma.uffd is not None]
        for vma in gone:
            self.register_uffd(vma, None, 0)
            self.zap(vma, vma.start, vma.end)
        return registered

    def protect(self, start: int, end: int, prot: int) -> None:
        """Raises LinuxError ENOMEM when part of the range is not mapped, after changing what lies below the hole."""
        mapped_end = self.vmas.contiguous_end(start, end)
        for vma in self.vmas.isolate(start, mapped_end) if mapped_end > start else []:
            if (vma.prot | prot) & PROT_EXEC:
                self.code_changed = True
            vma.prot = prot
            self._note_writable_code(prot)
            for address, entry in self.pages.used(vma.start, vma.end):
                if entry & (PTE_P | PROTNONE):
                    self.pages.set(address, reprotected(entry, prot))
        self.stale = True
        if mapped_end < end:
            raise LinuxError(Errno.ENOMEM)

    def discard(self, start: int, end: int) -> None:
        """MADV_DONTNEED. Raises LinuxError ENOMEM when part of the range is not mapped (after doing the rest)."""
        for vma in self.vmas.overlapping(start, end):
            self.zap(vma, max(start, vma.start), min(end, vma.end))
        if self.vmas.contiguous_end(start, end) < end:
            raise LinuxError(Errno.ENOMEM)

    def register_uffd(self, vma: Vma, uffd: Userfaultfd | None, mode: int) -> None:
        """Put `vma` under `uffd` (None: take it off)."""
        old = self.empty_entry(vma)
        vma.uffd, vma.uffd_mode = uffd, mode
        new = self.empty_entry(vma)
        if old != new:
            self.pages.replace_empty(vma.start, vma.end, old, new)


def protection(prot: int, owned: bool) -> int:
    """W and NX of an entry; a frame that is shared is never writable (copy-on-write)."""
    return (PTE_W if prot & PROT_WRITE and owned else 0) | (0 if prot & PROT_EXEC else PTE_NX)


def reprotected(entry: int, prot: int) -> int:
    """`entry` under new PROT_* bits."""
    readable = prot & (PROT_READ | PROT_WRITE | PROT_EXEC)
    entry &= ~(PTE_W | PTE_NX | PTE_P | PROTNONE)
    entry |= PTE_P if readable else PROTNONE
    return entry | protection(prot, bool(entry & OWNED))
