"""fork: a second address space with the same pages (kernel/fork.c, dup_mmap; mm/memory.c, copy_page_range)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import PROT_EXEC
from kernel_model.mm.entries import owned_frames, returnable_pages
from kernel_model.mm.page_tables import HELD, LASTING, OWNED, UFFD_WP
from pffemu.arch.directed import RETURNABLE
from pffemu.arch.paging import PTE_UFFD, PTE_W

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Vma

_NOT_COPIED: Final = PTE_W | UFFD_WP | PTE_UFFD | RETURNABLE  # bits of a held entry that fork does not copy


def fork_into(parent: Mm, child: Mm) -> None:
    """Fill the empty `child` with a copy of `parent`: private pages are shared until one side stores to them.

    No userfaultfd is registered in the copy. Raises OutOfGuestMemory.
    """
    parent.settle()
    if not any(vma.prot & PROT_EXEC and (vma.dont_fork or vma.wipe_on_fork) for vma in parent.vmas):
        child.code_version = parent.code_version
    child.settings = parent.settings.inherited()
    child.brk_start, child.brk, child.layout = parent.brk_start, parent.brk, parent.layout
    for vma in parent.vmas:
        if not vma.dont_fork:
            copy = replace(vma, uffd=None, uffd_mode=0, directed=0, locked=False)
            if vma.anon:
                child.anons += 1
                copy.anon, copy.forked = child.anons, True
            child.vmas.insert(copy)
            parent.owe("kernel.vma.change", 1)
            if vma.file is not None:
                vma.file.mapped_in(child)
            if vma.anon and not vma.wipe_on_fork:
                _share_pages(parent, child, vma)
    parent.stale = True  # pages of this side became read-only


def _share_pages(parent: Mm, child: Mm, vma: Vma) -> None:
    """Copy the entries of `vma`'s pages without write protection by userfaultfd."""
    for address, place, entries in parent.pages.parts(vma.start, vma.end):
        owned = owned_frames(entries)
        used = len(owned) if len(owned) == len(entries) else len(entries) - entries.count(0)
        if used:
            parent.owe("kernel.fork.entry", used)
        if len(owned) == len(entries):
            some = entries[0] if isinstance(owned, range) else -1  # the bits that entries have
            child.pages.copy_private(address, place, used, _NOT_COPIED & some)
            parent.frames.share_all(owned)
            if vma.directed:
                parent.count_directed(vma.directed, -returnable_pages(entries))
            parent.pages.clear_bits(place, used, (PTE_W | RETURNABLE) & some)
            continue
        copies = [entry & (~_NOT_COPIED if entry & HELD else LASTING & ~UFFD_WP) for entry in entries]
        if any(copies):
            child.pages.replace(child.pages.place(address), [], copies)
        if owned:
            parent.frames.share_all(owned)
            if vma.directed:
                parent.count_directed(vma.directed, -returnable_pages(entries))
            parent.pages.narrow(place, [entry & ~(PTE_W | RETURNABLE) if entry & OWNED else entry for entry in entries])


def copy_protection(parent: Mm, child: Mm, vma: Vma) -> None:
    """fork: write-protect the pages of `vma` in the child that are write-protected in the parent."""
    for address, entry in parent.pages.used(vma.start, vma.end):
        if entry & UFFD_WP:
            own = child.pages.entry(address)
            if entry & HELD and not own & HELD:
                own = entry
            child.pages.set(address, own & ~PTE_W | UFFD_WP)
