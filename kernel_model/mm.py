"""An address space: page tables, areas, and the mmap family (mm/mmap.c, mm/mprotect.c, mm/madvise.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_model.frames import FrameAllocator
from kernel_model.page_tables import OWNED, PROTNONE, PageTables
from kernel_model.uapi import PROT_EXEC, PROT_READ, PROT_WRITE, Errno, LinuxError
from kernel_model.vma import Vma, VmaList
from pffemu.arch.paging import PAGE_SIZE, PTE_A, PTE_ADDRESS, PTE_D, PTE_NX, PTE_P, PTE_U, PTE_UFFD, PTE_W, USER_END
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
        self.brk_start = self.brk = 0  # the heap is [brk_start, brk), set by exec
        self.stale = False
        self.code_changed = False
        self.has_writable_code = False  # ever: then any store by the kernel may change code

    # -- entries ------------------------------------------------------------------------------------------------

    def install(self, vma: Vma, address: int, frame: int, *, owned: bool, dirty: bool = False) -> None:
        """Map `frame` at `address` with what `vma` allows; not-owned frames (zero page, page cache) stay read-only."""
        flags = PTE_U | PTE_A | (OWNED if owned else 0) | (PTE_D if dirty else 0)
        self.pages.set(address, self.allowed(vma, frame | flags))
        if vma.prot & PROT_EXEC:
            self.code_changed = True

    def allowed(self, vma: Vma, entry: int) -> int:
        """`entry` with the rights `vma` gives: W only where a store needs no copy before it."""
        prot = vma.prot
        entry &= ~(PTE_W | PTE_NX | PTE_P | PROTNONE)
        entry |= PTE_P if prot & (PROT_READ | PROT_WRITE | PROT_EXEC) else PROTNONE
        if not prot & PROT_EXEC:
            entry |= PTE_NX
        if prot & PROT_WRITE and (vma.shared or (entry & OWNED and not self.frames.is_shared(entry & PTE_ADDRESS))):
            entry |= PTE_W
        return entry

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

    # -- processes ----------------------------------------------------------------------------------------------

    def fork_into(self, child: Mm) -> None:
        """Fill the empty `child` with a copy: private pages are shared until one side stores to them.

        No userfaultfd is registered in the copy. Raises OutOfGuestMemory.
        """
        child.has_writable_code = self.has_writable_code
        for vma in self.vmas:
            if not vma.dont_fork:
                child.vmas.insert(replace(vma, uffd=None, uffd_mode=0))
                if not vma.wipe_on_fork:
                    self._share_pages(vma, child)
        self.stale = True  # pages of this side became read-only

    def _share_pages(self, vma: Vma, child: Mm) -> None:
        """Cache pages of shared memory come in by themselves."""
        for address, entry in self.pages.used(vma.start, vma.end):
            if entry & OWNED and entry & (PTE_P | PROTNONE):
                self.frames.share(entry & PTE_ADDRESS)
                self.pages.set(address, entry & ~PTE_W)
                child.pages.set(address, entry & ~PTE_W)

    def release(self) -> None:
        """The last thread that used it is gone: every page and page table goes back."""
        self.unmap(0, USER_END)
        self.pages.give_back()

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
        if vma.file is not None:
            pages = min(pages, (vma.file.mapped_size - vma.offset) // PAGE_SIZE)
            frame = vma.file.frame_at(vma.offset)
            self.pages.set_run(vma.start, frame, pages, self.allowed(vma, PTE_U | PTE_A))
        elif vma.prot & PROT_WRITE:
            flags = self.allowed(vma, PTE_U | PTE_A | PTE_D | OWNED)
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
                    self.pages.set(address, self.allowed(vma, entry))
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
