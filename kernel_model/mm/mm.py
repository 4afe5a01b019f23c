"""An address space (mm_struct): page tables and areas, and the changes to both that calls and faults make."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi import uapi
from kernel_model.abi.uapi import PROT_EXEC, PROT_READ, PROT_WRITE, Errno, LinuxError
from kernel_model.mm.disk_pages import DiskPages
from kernel_model.mm.entries import owned_frames, returnable_pages
from kernel_model.mm.frames import FrameAllocator
from kernel_model.mm.layout import MemoryLayout
from kernel_model.mm.locks import MmLocks
from kernel_model.mm.notifier import Directed, MmuNotifier
from kernel_model.mm.page_tables import HELD, LASTING, OWNED, POISON, PROTNONE, UFFD_WP, PageTables
from kernel_model.mm.populate import populate_area
from kernel_model.mm.settings import MemorySettings
from kernel_model.mm.vma import Vma, VmaList
from pffemu.arch.directed import RETURNABLE
from pffemu.arch.paging import (
    PAGE_SIZE,
    PTE_A,
    PTE_ADDRESS,
    PTE_D,
    PTE_NX,
    PTE_P,
    PTE_U,
    PTE_UFFD,
    PTE_W,
    USER_END,
)
from pffemu.hw.page_walk import WRITE
from pffemu.hw.ram import Ram

if TYPE_CHECKING:
    from kernel_model.mm.aio import AioContext
    from kernel_model.uffd.context import Userfaultfd
    from kernel_model.uffd.messages import Event
    from kernel_model.uintr.target_table import TargetTable
    from pffemu.hw.cpu import Cpu

UNVERSIONED: Final = 0  # `code_version` of an address space that has got code of its own since it had a version
MISSING_MODES: Final = uapi.UFFDIO_REGISTER_MODE_MISSING | uapi.UFFDIO_REGISTER_MODE_MINOR


class Mm:
    """An address space. `stale`: TLBs must be flushed after a change; `code_changed`: executable pages changed."""

    def __init__(
        self, ram: Ram, frames: FrameAllocator, zero_frame: int, mark_uffd_ptes: bool, notifier: MmuNotifier, *,
        area_locks: bool,
    ) -> None:  # fmt: skip
        """`mark_uffd_ptes`: keep bit 58 in the not-present entries of userfaultfd areas (Mmu's PTE_BIT design)."""
        self.ram, self.frames, self.zero_frame = ram, frames, zero_frame
        self.mark_uffd_ptes, self.notifier = mark_uffd_ptes, notifier
        self.directed: Directed | None = None  # once it has had a directive
        self.pages = PageTables(ram, frames, zero_frame)
        self.settings = MemorySettings()
        self.vmas = VmaList()
        self.fork_events: list[Event] = []  # events that must be read before the first thread here runs
        self.is_gone = False  # released: a userfaultfd of it may still be open
        self.anons = 0  # values of Vma.anon given out
        self.lock_new = False  # mlockall(MCL_FUTURE)
        self.layout = MemoryLayout()
        self.brk_start = self.brk = 0  # the heap is [brk_start, brk), set by exec
        self.aio: dict[int, AioContext] = {}  # by address of their rings
        self.target_table: TargetTable | None = None  # the receivers that SENDUIPI reaches
        self.locks = MmLocks(self.vmas, by_area=area_locks)
        self.owed: dict[str, int] = {}  # units by cost: charged to the call in progress
        self.stale = False
        self.maps_disk = False  # now or earlier: pages of files on disk, which may be evicted
        self.code_changed = False
        self.code_version = UNVERSIONED  # address spaces with equal versions have no different code at any address

    def has_same_code(self, other: Mm) -> bool:
        """Whether code translated in `other` is valid here."""
        return not self.code_changed and self.code_version == other.code_version != UNVERSIONED

    # -- entries ------------------------------------------------------------------------------------------------

    def install(
        self, vma: Vma, address: int, frame: int, *, owned: bool, dirty: bool = False, protect: bool = False
    ) -> None:
        """Map `frame` at `address` with the rights of `vma`; frames not owned (zero page, page cache) stay read-only.

        `protect`: userfaultfd write protection.
        """
        if owned and not vma.anon:
            self.prepare_anon(vma)
        flags = PTE_U | PTE_A | (OWNED if owned else 0) | (PTE_D if dirty else 0) | (UFFD_WP if protect else 0)
        if vma.directed and owned:
            flags |= RETURNABLE
            if not self.pages.entry(address) & RETURNABLE:
                self.count_directed(vma.directed, 1)
        if vma.prot & PROT_EXEC:
            if self.pages.entry(address) & HELD:
                self.code_changed = True
            elif owned:
                self.code_version = UNVERSIONED
        self.pages.set(address, self.allowed(vma, frame | flags))

    def unshare(self, vma: Vma, page: int, entry: int) -> bool:
        """Let stores to the held `entry` through; True when a copy was made because the frame has other users.

        Raises OutOfGuestMemory.
        """
        frame, owned, copied = entry & PTE_ADDRESS, bool(entry & OWNED), self.is_shared(vma, entry)
        protect = bool(entry & UFFD_WP) and not vma.is_write_protected  # the bit stays, for a later registration
        if copied:
            self.frames.held = frame
            copy = self.frames.take() if frame == self.zero_frame else self.frames.take_copy(frame)
            if owned:
                self.frames.give_back(frame)
            frame, owned, protect = copy, True, False
        self.install(vma, page, frame, owned=owned, dirty=True, protect=protect)
        self.stale = True  # read-only translations of the old frame may be cached
        return copied

    def is_shared(self, vma: Vma, entry: int) -> bool:
        """Whether a store to the held `entry` must copy the frame first, because it has other users."""
        return not vma.shared and (not entry & OWNED or self.frames.is_shared(entry & PTE_ADDRESS))

    def allowed(self, vma: Vma, entry: int) -> int:
        """`entry` with the rights of `vma`: W only where a store needs no fault first.

        The first store to a clean page of a file on disk needs one, as on Linux (vma_wants_writenotify).
        """
        prot = vma.prot
        entry &= ~(PTE_W | PTE_NX | PTE_P | PROTNONE | PTE_UFFD)
        entry |= PTE_P if prot & (PROT_READ | PROT_WRITE | PROT_EXEC) else PROTNONE
        if not prot & PROT_EXEC:
            entry |= PTE_NX
        if (
            prot & PROT_WRITE
            and not (entry & UFFD_WP and vma.is_write_protected)
            and (
                (vma.shared and (entry & PTE_D or not isinstance(vma.file, DiskPages)))
                or (entry & OWNED and not self.frames.is_shared(entry & PTE_ADDRESS))
            )
        ):
            entry |= PTE_W
        elif entry & UFFD_WP and prot & PROT_WRITE and vma.is_write_protected and self._marks(vma):
            entry |= PTE_UFFD if vma.uffd is not None and not vma.uffd.resolves_write_protection else 0
        return entry

    def owe(self, cost: str, units: int) -> None:
        self.owed[cost] = self.owed.get(cost, 0) + units

    def prepare_anon(self, vma: Vma) -> None:
        """`vma` gets its first private page (Linux: anon_vma_prepare): a neighbour's `anon`, or a new one."""
        if vma.anon:
            return
        above, below = self.vmas.find(vma.end), self.vmas.find(vma.start - 1)
        if above is not None and above.anon and not above.forked and vma.could_share_pages(above):
            vma.anon = above.anon
        elif below is not None and below.anon and not below.forked and below.could_share_pages(vma):
            vma.anon = below.anon
        else:
            self.anons += 1
            vma.anon = self.anons

    def empty_entry(self, vma: Vma) -> int:
        """What a not-present entry of `vma` holds."""
        if vma.directed:
            return vma.directed
        return PTE_UFFD if self._marks(vma) and vma.uffd_mode & MISSING_MODES else 0

    def _marks(self, vma: Vma) -> bool:
        """Whether bit 58 of the entries of `vma` tells the MMU that userfaultfd answers their faults."""
        return (self.mark_uffd_ptes or vma.marks_entries) and vma.uffd is not None

    def mark_entries(self, start: int, end: int) -> None:
        """[start, end) does not fit the MMU's region table: mark the entries of the registered areas there instead."""
        for vma in self.vmas.overlapping(start, end):
            if vma.uffd is not None and not vma.marks_entries:
                old, vma.marks_entries = self.empty_entry(vma), True
                self._mark(vma, old)

    def settle(self) -> None:
        """Wait for fills in flight, before page-table entries are looked at to be changed."""
        if self.directed is not None:
            self.directed.settle()

    def direct(self, vma: Vma, directed: int) -> None:
        """Put `vma` under a directive: its empty entries are `directed` from now on (0: under none)."""
        old, vma.directed = self.empty_entry(vma), directed
        self.pages.replace_empty(vma.start, vma.end, old, self.empty_entry(vma))
        self.owe("kernel.directed.entry", (vma.end - vma.start) // PAGE_SIZE)

    def undirect(self, vma: Vma) -> None:
        """Take `vma` out of its directive; the instruction that returns pages refuses those that it has."""
        if vma.directed:
            self.settle()
            directed, pages = vma.directed, 0
            self.direct(vma, 0)
            for address, entry in self.pages.used(vma.start, vma.end):
                if entry & HELD and entry & RETURNABLE:
                    self.pages.set(address, entry & ~RETURNABLE)
                    pages += 1
            self.count_directed(directed, -pages)

    def count_directed(self, directed: int, pages: int) -> None:
        """Count returnable pages that a directive has got, or lost (negative)."""
        if pages and self.directed is not None:
            self.directed.count(directed, pages)

    def returnable(self, start: int, end: int) -> int:
        """Pages of [start, end) that the instruction may return."""
        return returnable_pages(entry for _, entry in self.pages.used(start, end))

    def zap(self, vma: Vma, start: int, end: int, *, cows: bool = True) -> None:
        """Unmap the pages of [start, end), which lies in `vma`; data of private pages is lost.

        `cows`: private copies of file pages, too. Guard pages stay, as does write protection of file pages.
        """
        self.settle()
        empty, kept = self.empty_entry(vma), 0 if cows else OWNED
        lasting = LASTING if vma.file is not None else LASTING & ~UFFD_WP
        for _, place, entries in self.pages.parts(start, end):
            owned: list[int] | range = [] if kept else owned_frames(entries)
            private = len(owned) == len(entries)
            gone = entries if private else [entry for entry in entries if entry & HELD and not entry & kept]
            if gone:
                self.stale = True
                if owned:
                    self.frames.give_back_all(owned)
                    self.owe("kernel.page.free", len(owned))
                if vma.directed:
                    self.count_directed(vma.directed, -returnable_pages(gone))
            if private and not lasting & UFFD_WP:
                self.pages.drop_private(place, len(entries), empty)
                continue
            left = [
                entry if not entry or entry & kept else empty | entry & lasting & (UFFD_WP if entry & HELD else -1)
                for entry in entries
            ]
            if left != entries:
                self.pages.replace(place, entries, left)
        if vma.prot & PROT_EXEC:
            self.code_changed = True

    def is_ready(self, page: int, access: int) -> bool:
        """Whether a load (`access` 0) or a store (WRITE) by the kernel needs no fault."""
        entry = self.pages.entry(page)
        return bool(entry & PTE_P and (entry & PTE_W or not access & WRITE))

    def move_pages(self, source: Vma, target: Vma, old: int, new: int, length: int) -> None:
        """Move the entries of [old, old + length) to `new`, which is empty."""
        self.settle()
        self.undirect(source)
        target.directed = 0
        drop = UFFD_WP if source.uffd is not None and target.uffd is None else 0
        for address, entry in self.pages.used(old, old + length):
            if entry & HELD:
                self.pages.set(address - old + new, self.allowed(target, entry & ~drop))
            else:
                self.pages.set(address - old + new, entry & (LASTING | POISON) & ~drop | self.empty_entry(target))
            self.pages.set(address, self.empty_entry(source))
        self.stale = True

    def release(self, cpu: Cpu) -> None:
        """The last thread that used it is gone: free every page and page table."""
        self.notifier.released(cpu, self)
        if self.directed is not None:
            self.directed.released()
        self._remove(0, USER_END)
        self.pages.give_back()
        self.is_gone = True

    # -- areas --------------------------------------------------------------------------------------------------

    def map(self, vma: Vma, *, populate: bool = False) -> int:
        """Insert `vma`, whose range must be free; returns the pages brought in. Raises OutOfGuestMemory."""
        self.vmas.insert(vma)
        if vma.prot & PROT_EXEC:
            self.code_version = UNVERSIONED
        if vma.file is not None:
            vma.file.mapped_in(self)
        populated = populate_area(self, vma) if populate and vma.prot != 0 else 0
        self.vmas.merge(vma.start, vma.end)
        return populated

    def unmap(self, cpu: Cpu, start: int, end: int) -> list[Vma]:
        """Remove [start, end); returns the removed areas that were registered with a userfaultfd."""
        registered = self._remove(start, end)
        for vma in registered:
            self.notifier.removed(cpu, self, vma.start, vma.end)
        return registered

    def _remove(self, start: int, end: int) -> list[Vma]:
        self.settle()
        gone = self.vmas.remove(start, end)
        registered = [replace(vma) for vma in gone if vma.uffd is not None]
        for vma in gone:
            self._put(vma, None, 0)
            self.zap(vma, vma.start, vma.end)
            for _, place, entries in self.pages.parts(vma.start, vma.end):
                if any(entries):
                    self.pages.replace(place, entries, [0] * len(entries))
        for file in {id(vma.file): vma.file for vma in gone if vma.file is not None}.values():
            file.unmapped()
        return registered

    def protect(self, cpu: Cpu, start: int, end: int, prot: int) -> None:
        """Give [start, end), all mapped, new PROT_* bits."""
        self.settle()
        vmas = self.vmas.isolate(start, end)
        registered = any(vma.uffd is not None for vma in vmas)
        for vma in vmas:
            if (vma.prot | prot) & PROT_EXEC:
                self.code_changed = True
            self.undirect(vma)
            vma.prot = prot
            for address, entry in self.pages.used(vma.start, vma.end):
                if entry & HELD:
                    changed = self.allowed(vma, entry)
                    self.stale |= bool(entry & PTE_P) and changed != entry  # no TLB holds others (pte_needs_flush)
                    self.pages.set(address, changed)
        self.vmas.merge(start, end)
        if registered:
            self.notifier.changed(cpu, self, start, end, fresh=False)

    def discard(self, start: int, end: int) -> None:
        """MADV_DONTNEED: drop the pages. Raises LinuxError ENOMEM for a hole, after doing the rest."""
        for vma in self.vmas.overlapping(start, end):
            self.zap(vma, max(start, vma.start), min(end, vma.end))
        if self.vmas.contiguous_end(start, end) < end:
            raise LinuxError(Errno.ENOMEM)

    def protect_from_stores(self, vma: Vma, start: int, end: int, *, markers: bool) -> None:
        """Make stores to pages of [start, end) fault. `markers`: also to pages that are still missing."""
        self.settle()
        for address, entry in self.pages.used(start, end):
            if entry & HELD:
                self.pages.set(address, self.allowed(vma, entry | UFFD_WP) & ~PTE_W)
        if markers:
            empty = self.empty_entry(vma)
            self.pages.replace_empty(start, end, empty, empty | UFFD_WP)
        self.stale = True

    def unprotect(self, vma: Vma, start: int, end: int) -> None:
        """Undo `protect_from_stores`."""
        self.settle()
        for address, entry in self.pages.used(start, end):
            if entry & UFFD_WP:
                entry &= ~UFFD_WP
                self.pages.set(address, self.allowed(vma, entry) if entry & HELD else entry)
                self.stale = True

    def set_uffd(self, cpu: Cpu, vma: Vma, uffd: Userfaultfd | None, mode: int) -> None:
        """Put `vma` under `uffd` (None: take it off)."""
        fresh = vma.uffd is None
        self._put(vma, uffd, mode)
        if uffd is not None:
            self.notifier.changed(cpu, self, vma.start, vma.end, fresh=fresh)
        elif not fresh:
            self.notifier.removed(cpu, self, vma.start, vma.end)

    def withdraw(self, cpu: Cpu, start: int, end: int) -> None:
        """Take [start, end) from the MMU's table: the kernel refuses its faults (guard pages)."""
        self.notifier.removed(cpu, self, start, end)

    def _put(self, vma: Vma, uffd: Userfaultfd | None, mode: int) -> None:
        if uffd is None:
            self.undirect(vma)
        old = self.empty_entry(vma)
        vma.uffd, vma.uffd_mode, vma.marks_entries = uffd, mode, False
        self._mark(vma, old)

    def _mark(self, vma: Vma, old: int) -> None:
        """Bring bit 58 of the entries of `vma` up to date; `old`: what an empty one held."""
        new = self.empty_entry(vma)
        if old != new:
            self.pages.replace_empty(vma.start, vma.end, old, new)
        if vma.is_write_protected and self._marks(vma):
            for address, entry in self.pages.used(vma.start, vma.end):
                if entry & PTE_P and entry & UFFD_WP:
                    self.pages.set(address, self.allowed(vma, entry))
