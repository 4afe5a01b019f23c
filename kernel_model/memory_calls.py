"""mmap, munmap, mprotect, madvise: arguments and errors as mm/mmap.c, mm/mprotect.c and mm/madvise.c have them."""

from __future__ import annotations

from kernel_model import uapi
from kernel_model.files import RamFile
from kernel_model.syscall import Call, page_span
from kernel_model.uapi import Errno, LinuxError
from kernel_model.vma import MMAP_MIN, Vma, is_user_range
from pffemu.arch.paging import PAGE_SIZE, USER_END, page_of, pages_up

_PROT_ALL = uapi.PROT_READ | uapi.PROT_WRITE | uapi.PROT_EXEC


def mmap(call: Call, address: int, length: int, prot: int, flags: int, fd: int, offset: int) -> int:
    if length == 0 or offset % PAGE_SIZE or not flags & (uapi.MAP_SHARED | uapi.MAP_PRIVATE):
        raise LinuxError(Errno.EINVAL)
    prot &= _PROT_ALL  # Linux ignores bits it does not know here
    if length > USER_END:
        raise LinuxError(Errno.ENOMEM)
    file = None if flags & uapi.MAP_ANONYMOUS else _mappable(call, fd, prot, flags)
    _, end = page_span(0, length)
    start = _place(call, address, end, flags)
    if file is None and not flags & uapi.MAP_NORESERVE and end > call.mm.ram.size:
        raise LinuxError(Errno.ENOMEM)  # vm.overcommit_memory=0: obvious overcommits are refused
    unmap(call, start, start + end)
    vma = Vma(start, start + end, prot, file.name if file else "", file, offset if file else 0)
    call.mm.map(vma, populate=bool(flags & uapi.MAP_POPULATE))
    return start


def _mappable(call: Call, fd: int, prot: int, flags: int) -> RamFile:
    file = call.file(fd)
    if not isinstance(file, RamFile):
        raise LinuxError(Errno.ENODEV)
    if flags & uapi.MAP_SHARED and prot & uapi.PROT_WRITE:
        raise LinuxError(Errno.EACCES)  # the file is open read-only
    return file


def _place(call: Call, address: int, length: int, flags: int) -> int:
    fixed = flags & (uapi.MAP_FIXED | uapi.MAP_FIXED_NOREPLACE)
    if fixed and address % PAGE_SIZE:
        raise LinuxError(Errno.EINVAL)
    hint = address if fixed else page_of(address)
    fits = is_user_range(hint, length) and hint >= MMAP_MIN
    if fixed:
        if not fits:
            raise LinuxError(Errno.EPERM if hint < MMAP_MIN else Errno.ENOMEM)
        if flags & uapi.MAP_FIXED_NOREPLACE and call.mm.vmas.overlapping(hint, hint + length):
            raise LinuxError(Errno.EEXIST)
        return hint
    if fits and not call.mm.vmas.overlapping(hint, hint + length):
        return hint
    free = call.mm.vmas.free_range(length)
    if free is None:
        raise LinuxError(Errno.ENOMEM)
    return free


def munmap(call: Call, address: int, length: int) -> int:
    start, end = page_span(address, length)
    if not is_user_range(start, end - start):
        raise LinuxError(Errno.EINVAL)
    unmap(call, start, end)
    return 0


def unmap(call: Call, start: int, end: int) -> None:
    """Remove what is mapped in [start, end), and tell the MMU of userfaultfd areas that went with it."""
    for vma in call.mm.unmap(start, end):
        call.kernel.pff_driver.remove(call.cpu, call.mm, vma.start, vma.end)


def brk(call: Call, address: int) -> int:
    """The heap's end after the call; the old one when it cannot be moved."""
    mm = call.mm
    if not mm.brk_start <= address <= USER_END - PAGE_SIZE:
        return mm.brk
    old, new = pages_up(mm.brk), pages_up(address)
    if new > old:
        if mm.vmas.overlapping(old, new + PAGE_SIZE) or new - old > mm.ram.size:
            return mm.brk
        mm.map(Vma(old, new, uapi.PROT_READ | uapi.PROT_WRITE, "[heap]"))
    elif new < old:
        unmap(call, new, old)
    mm.brk = address
    return address


def mprotect(call: Call, address: int, length: int, prot: int) -> int:
    start, end = page_span(address, length)
    if length == 0:
        return 0
    if prot & ~(_PROT_ALL | uapi.PROT_SEM):
        raise LinuxError(Errno.EINVAL)
    mapped_end = call.mm.vmas.contiguous_end(start, end)
    if mapped_end > start:
        call.mm.protect(start, mapped_end, prot & _PROT_ALL)
    if mapped_end < end:
        raise LinuxError(Errno.ENOMEM)
    return 0


def madvise(call: Call, address: int, length: int, advice: int) -> int:
    """MADV_DONTNEED only; other advice is EINVAL."""
    start, end = page_span(address, length)
    if advice != uapi.MADV_DONTNEED:
        raise LinuxError(Errno.EINVAL)
    if end == start:
        return 0
    if end >> 64:
        raise LinuxError(Errno.EINVAL)
    call.mm.discard(start, end)
    return 0
