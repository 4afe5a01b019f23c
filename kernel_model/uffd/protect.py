"""UFFDIO_WRITEPROTECT (mm/userfaultfd.c: mwriteprotect_range)."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.structs import UffdioWriteprotect
from kernel_model.abi.uapi import PROT_WRITE, Errno, LinuxError
from kernel_model.mm.page_fault import make_writable
from kernel_model.uffd.ranges import checked_range
from pffemu.arch.paging import PTE_P, PTE_W
from pffemu.events.fields import Label
from pffemu.events.userfaultfd import IoctlStep

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.mm.vma import Vma
    from kernel_model.uffd.context import Userfaultfd

_NAME = Label("UFFDIO_WRITEPROTECT")


def writeprotect(uffd: Userfaultfd, call: Call, argument: int) -> int:
    """Protect pages, or let stores through and wake the threads that wait to store."""
    if uffd.changing:
        raise LinuxError(Errno.EAGAIN)
    given = call.memory.read_struct(UffdioWriteprotect, argument)
    call.cpu.emit(IoctlStep, _NAME, Label("copy_from_user"))
    start, end = checked_range(given.start, given.len)
    protect = bool(given.mode & uffd_abi.WRITEPROTECT_MODE_WP)
    dont_wake = bool(given.mode & uffd_abi.WRITEPROTECT_MODE_DONTWAKE)
    known = uffd_abi.WRITEPROTECT_MODE_WP | uffd_abi.WRITEPROTECT_MODE_DONTWAKE
    if given.mode & ~known or (protect and dont_wake):
        raise LinuxError(Errno.EINVAL)
    call.cpu.charge("kernel.uffd.validate")
    call.cpu.emit(IoctlStep, _NAME, Label("validate"))
    if uffd.mm.is_gone:
        raise LinuxError(Errno.ESRCH)
    call.cpu.charge("kernel.mmget")
    changing = uffd.map_changing_lock
    with uffd.mm.locks.mmap_lock.reading(call.cpu), nullcontext() if changing is None else changing.reading(call.cpu):
        _protect_areas(uffd, call, start, end, protect)
    call.cpu.emit(IoctlStep, _NAME, Label("mwriteprotect"))
    if not protect and not dont_wake:
        uffd.wake_range(call.cpu, start, end)
    call.cpu.emit(IoctlStep, _NAME, Label("wake"))
    return 0


def _protect_areas(uffd: Userfaultfd, call: Call, start: int, end: int, protect: bool) -> None:
    """Raises LinuxError ENOENT at the first area not registered for write protection; those before it are done."""
    mm = uffd.mm
    vmas = mm.vmas.overlapping(start, end)
    if not vmas:
        raise LinuxError(Errno.ENOENT)
    for vma in vmas:
        if vma.uffd is None or not vma.uffd_mode & uffd_abi.MODE_WP:
            raise LinuxError(Errno.ENOENT)
        low, high = max(start, vma.start), min(end, vma.end)
        call.cpu.charge("kernel.fault.vma")
        if protect:
            markers = not vma.is_anonymous or vma.uffd.has(uffd_abi.FEATURE_WP_UNPOPULATED)
            mm.protect_from_stores(vma, low, high, markers=markers)
        else:
            mm.unprotect(vma, low, high)
            if call.kernel.options.mechanism.forwarding:
                _let_stores_through(uffd, call, vma, low, high)
        call.cpu.charge("kernel.fault.install")


def _let_stores_through(uffd: Userfaultfd, call: Call, vma: Vma, start: int, end: int) -> None:
    """pff: make pages writable now, with the copy of copy-on-write: the MMU forwards stores to read-only pages.

    The handler could only repeat this ioctl, so a copy on the next store would never be made.
    """
    if not vma.prot & PROT_WRITE:
        return
    for page, entry in uffd.mm.pages.used(start, end):
        if entry & PTE_P and not entry & PTE_W:
            make_writable(call.cpu, uffd.mm, vma, page, entry)
