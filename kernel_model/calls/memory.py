"""mmap, munmap, brk, mprotect: arguments and errors as mm/mmap.c and mm/mprotect.c have them."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from typing import Final

from kernel_model.abi import mman, uapi
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, page_span
from kernel_model.call.rights import need
from kernel_model.calls import mlock_limit
from kernel_model.calls.populate import bring_in_all, bring_in_late
from kernel_model.files import File
from kernel_model.files.huge_memfd import HugeMemfd
from kernel_model.files.seek import OFFSET_MAX
from kernel_model.mm.disk_pages import DiskPages
from kernel_model.mm.page_cache import PageCache
from kernel_model.mm.vma import MMAP_MIN, STACK_GAP, Mappable, Vma, is_user_range
from kernel_model.task.credentials import CAP_SYS_RAWIO
from kernel_model.uffd.events import after_events, unmapped
from kernel_model.uffd.messages import Event
from pffemu.arch.paging import PAGE_SIZE, USER_END, page_of, pages_up

_PROT_ALL: Final = uapi.PROT_READ | uapi.PROT_WRITE | uapi.PROT_EXEC
_U64: Final = 1 << 64
_LOW_START, _LOW_END = 0x4000_0000, 0x8000_0000  # where MAP_32BIT maps, from below
# flags that MAP_SHARED_VALIDATE accepts (MAP_SYNC needs a DAX file)
_KNOWN_FLAGS: Final = (
    mman.MAP_TYPE | uapi.MAP_FIXED | uapi.MAP_ANONYMOUS | mman.MAP_DENYWRITE | mman.MAP_EXECUTABLE
    | mman.MAP_GROWSDOWN | mman.MAP_LOCKED | uapi.MAP_NORESERVE | uapi.MAP_POPULATE | mman.MAP_NONBLOCK
    | mman.MAP_STACK | mman.MAP_HUGETLB | mman.MAP_32BIT | mman.MAP_ABOVE4G | uapi.MAP_FIXED_NOREPLACE
)  # fmt: skip


def mmap(call: Call, address: int, length: int, prot: int, flags: int, fd: int, offset: int) -> int:
    prot = _implied(call, prot & _PROT_ALL)  # Linux ignores bits it does not know here
    if offset % PAGE_SIZE:
        raise LinuxError(Errno.EINVAL)
    source = None if flags & uapi.MAP_ANONYMOUS else call.file(fd)
    if flags & mman.MAP_HUGETLB and not isinstance(source, HugeMemfd):
        raise LinuxError(Errno.ENOMEM if source is None else Errno.EINVAL)  # as with no huge pages reserved
    if length == 0:
        raise LinuxError(Errno.EINVAL)
    size = pages_up(length)
    if size >= _U64 or size > USER_END:
        raise LinuxError(Errno.ENOMEM)
    start = _place(call, address, size, flags)
    if flags & mman.MAP_LOCKED:
        mlock_limit.check_may_lock(call)
    locked = bool(flags & mman.MAP_LOCKED) or call.mm.lock_new
    mlock_limit.check_new(call, size, locked=locked)
    if source is not None:
        _check_offset(source, offset, size)
    shared = _is_shared(flags, source is None)
    if flags & mman.MAP_GROWSDOWN and (shared or source is not None):
        raise LinuxError(Errno.EINVAL)
    may_write = True
    file: Mappable | None = None
    if source is not None and source.maps_zeros:
        if not source.readable or (shared and prot & uapi.PROT_WRITE and not source.writable):
            raise LinuxError(Errno.EACCES)
        may_write, source = source.writable or not shared, None  # as anonymous memory
    if source is not None:
        file, may_write = source.mapping(prot, shared)
    executable = bool(prot & uapi.PROT_EXEC)
    if call.mm.settings.denies(executable, executable, write=bool(prot & uapi.PROT_WRITE)):
        raise LinuxError(Errno.EACCES)
    reserved = not flags & uapi.MAP_NORESERVE
    counted = source is None if shared else prot & uapi.PROT_WRITE
    if reserved and counted and size > call.mm.ram.size:
        raise LinuxError(Errno.ENOMEM)  # vm.overcommit_memory=0: obvious overcommits are refused
    if len(call.mm.vmas) > mman.MAX_MAP_COUNT:
        raise LinuxError(Errno.ENOMEM)
    events = unmap(call, start, start + size)
    if shared and source is None:
        file, offset = PageCache("/dev/zero (deleted)", size, call.mm.ram, call.mm.frames), 0
        file.number = call.kernel.new_number()
    vma = Vma(
        start, start + size, prot, file.name if file else "", file, offset if file else 0,
        shared=shared, may_write=may_write, grows_down=bool(flags & mman.MAP_GROWSDOWN),
        locked=locked, reserved=reserved,
    )  # fmt: skip
    populate = vma.locked or flags & (uapi.MAP_POPULATE | mman.MAP_NONBLOCK) == uapi.MAP_POPULATE
    on_disk = isinstance(file, DiskPages)
    call.task.usage.minor_faults += call.mm.map(vma, populate=bool(populate) and not on_disk)
    if populate and on_disk:
        bring_in_late(call, vma, vma.start, vma.end)
    return after_events(call, events, start)


def _implied(call: Call, prot: int) -> int:
    """`prot`, with PROT_EXEC where the personality has READ_IMPLIES_EXEC."""
    implied = prot & uapi.PROT_READ and call.process.personality & mman.READ_IMPLIES_EXEC
    return prot | uapi.PROT_EXEC if implied else prot


def _check_offset(file: File, offset: int, size: int) -> None:
    """Linux: file_mmap_ok. Raises LinuxError EOVERFLOW."""
    largest = OFFSET_MAX if stat.S_ISREG(file.status().mode) else _U64 - 1
    if page_of(offset) > page_of(largest - size):
        raise LinuxError(Errno.EOVERFLOW)


def _is_shared(flags: int, anonymous: bool) -> bool:
    kind = flags & mman.MAP_TYPE
    if kind == uapi.MAP_PRIVATE or (kind == mman.MAP_DROPPABLE and anonymous):
        return False
    if kind == mman.MAP_SHARED_VALIDATE and not anonymous:
        if flags & ~_KNOWN_FLAGS:
            raise LinuxError(Errno.EOPNOTSUPP)
        return True
    if kind != uapi.MAP_SHARED:
        raise LinuxError(Errno.EINVAL)
    return True


def _place(call: Call, address: int, length: int, flags: int) -> int:
    fixed = flags & (uapi.MAP_FIXED | uapi.MAP_FIXED_NOREPLACE)
    hint = address if fixed else page_of(address)
    if 0 < hint < MMAP_MIN and not fixed:
        hint = MMAP_MIN
    if fixed:
        if not 0 <= hint <= USER_END - length:
            raise LinuxError(Errno.ENOMEM)
        if hint % PAGE_SIZE:
            raise LinuxError(Errno.EINVAL)
        if flags & uapi.MAP_FIXED_NOREPLACE and call.mm.vmas.overlapping(hint, hint + length):
            raise LinuxError(Errno.EEXIST)
        refuse_low(call, hint)
        return hint
    if hint and is_user_range(hint, length) and hint + length <= (_LOW_END if flags & mman.MAP_32BIT else USER_END):
        above = call.mm.vmas.above(hint)
        gap = STACK_GAP if above is not None and above.grows_down else 0
        if not call.mm.vmas.overlapping(hint, hint + length + gap):
            return hint
    if not flags & mman.MAP_32BIT:
        return free_range(call, length)
    free = call.mm.vmas.lowest_free_range(length, _LOW_START, _LOW_END)
    if free is None:
        raise LinuxError(Errno.ENOMEM)
    return free


def refuse_low(call: Call, address: int) -> None:
    """Below vm.mmap_min_addr only CAP_SYS_RAWIO may map something (cap_mmap_addr). Raises LinuxError EPERM."""
    if address < MMAP_MIN:
        need(call.task, CAP_SYS_RAWIO)


def free_range(call: Call, length: int) -> int:
    """The address for a mapping without a hint. Raises LinuxError ENOMEM."""
    free = call.mm.vmas.free_range(length)
    if free is None:
        raise LinuxError(Errno.ENOMEM)
    return free


def munmap(call: Call, address: int, length: int) -> int:
    start, end = page_span(address, length)
    if not is_user_range(start, end - start):
        raise LinuxError(Errno.EINVAL)
    return after_events(call, unmap(call, start, end), 0)


def unmap(call: Call, start: int, end: int) -> list[Event]:
    """Unmap [start, end); returns the userfaultfd events that must be read before the call returns.

    Raises LinuxError, before anything changes: EPERM for a sealed area, ENOMEM for a hole in one area too many.
    """
    refuse_sealed(call, start, end)
    vma = call.mm.vmas.find(start)
    if vma is not None and vma.start < start and end < vma.end and len(call.mm.vmas) >= mman.MAX_MAP_COUNT:
        raise LinuxError(Errno.ENOMEM)
    return unmapped(call.mm.unmap(call.cpu, start, end), start, end)


def refuse_sealed(call: Call, start: int, end: int) -> None:
    """Raises LinuxError EPERM when an area of [start, end) is sealed."""
    if any(vma.sealed for vma in call.mm.vmas.overlapping(start, end)):
        raise LinuxError(Errno.EPERM)


def brk(call: Call, address: int) -> int:
    """Move the heap's end; returns the new one, or the old one on failure."""
    mm = call.mm
    if not mm.brk_start <= address <= USER_END - PAGE_SIZE:
        return mm.brk
    old, new = pages_up(mm.brk), pages_up(address)
    events: list[Event] = []
    if new > old:
        if mm.vmas.overlapping(old, new + PAGE_SIZE) or new - old > mm.ram.size:
            return mm.brk
        try:
            mlock_limit.check_new(call, new - old, locked=mm.lock_new)
        except LinuxError:
            return mm.brk
        prot = _implied(call, uapi.PROT_READ | uapi.PROT_WRITE)
        vma = Vma(old, new, prot, "[heap]", locked=mm.lock_new)
        call.task.usage.minor_faults += mm.map(vma, populate=mm.lock_new)
    elif new < old:
        if any(vma.sealed for vma in mm.vmas.overlapping(new, old)):
            return mm.brk
        events = unmap(call, new, old)
    mm.brk = address
    return after_events(call, events, address)


def mprotect(call: Call, address: int, length: int, prot: int) -> int:
    grows = prot & (mman.PROT_GROWSDOWN | mman.PROT_GROWSUP)
    prot &= ~grows
    if grows == mman.PROT_GROWSDOWN | mman.PROT_GROWSUP:
        raise LinuxError(Errno.EINVAL)
    start, end = page_span(address, length)
    if length == 0:
        return 0
    if end >= _U64:
        raise LinuxError(Errno.ENOMEM)
    if prot & ~(_PROT_ALL | uapi.PROT_SEM):
        raise LinuxError(Errno.EINVAL)
    prot = _implied(call, prot)
    first = call.mm.vmas.find(start)
    if first is not None and grows:
        if grows == mman.PROT_GROWSUP or not first.grows_down:
            raise LinuxError(Errno.EINVAL)
        start = first.start
    for vma in mapped(call, start, end):
        if vma.sealed:
            raise LinuxError(Errno.EPERM)
        if prot & uapi.PROT_WRITE and vma.shared and not vma.may_write:
            raise LinuxError(Errno.EACCES)
        was, becomes = bool(vma.prot & uapi.PROT_EXEC), bool(prot & uapi.PROT_EXEC)
        if call.mm.settings.denies(was, becomes, write=bool(prot & uapi.PROT_WRITE)):
            raise LinuxError(Errno.EACCES)
        low, high = max(start, vma.start), min(end, vma.end)
        becomes_writable = prot & uapi.PROT_WRITE and not vma.prot & uapi.PROT_WRITE and not vma.shared
        locked = vma.locked
        call.mm.protect(call.cpu, low, high, prot & _PROT_ALL)
        if becomes_writable and locked:
            bring_in_all(call, low, high, ignore_errors=True)
    return 0


def mapped(call: Call, start: int, end: int) -> Iterator[Vma]:
    """The areas of [start, end), one after the other. Raises LinuxError ENOMEM at the first hole."""
    while start < end:
        vma = call.mm.vmas.find(start)
        if vma is None:
            raise LinuxError(Errno.ENOMEM)
        start = vma.end
        yield vma
