"""shmget, shmat, shmdt, shmctl (ipc/shm.c)."""

from __future__ import annotations

import struct
from typing import Final

from kernel_model.abi import ipc, uapi
from kernel_model.abi.limits import MEMLOCK
from kernel_model.abi.mman import MAX_MAP_COUNT
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.call.clocks import realtime_seconds
from kernel_model.calls import mlock_limit
from kernel_model.calls.ipc import PERM_SIZE, command_of, pack_permissions, wanted_of
from kernel_model.calls.memory import free_range, refuse_low, unmap
from kernel_model.ipc.ids import Permissions
from kernel_model.ipc.shm import ShmSegment
from kernel_model.mm.vma import Vma
from kernel_model.task.credentials import CAP_IPC_LOCK
from kernel_model.uffd.events import after_events
from kernel_model.uffd.messages import Event
from pffemu.arch.paging import PAGE_SIZE, USER_END, page_of, pages_up

_DS: Final = struct.Struct("<QqqqiiQ16x")  # segsz atime dtime ctime cpid lpid nattch, behind the permissions
_READ, _WRITE, _EXECUTE = 0o444, 0o222, 0o111


def shmget(call: Call, key: int, size: int, flags: int) -> int:
    """Errors: EINVAL (size), ENOENT, EEXIST, EACCES, ENOSPC (SHMMNI), ENOMEM (more than RAM, or huge pages)."""
    ids, number, flags = call.kernel.ipc.segments, as_int(key), flags & 0xFFFF_FFFF

    def make() -> ShmSegment:
        if not 1 <= size <= ipc.SHMMAX:
            raise LinuxError(Errno.EINVAL)
        ids.check_room()
        if flags & ipc.SHM_HUGETLB or (pages_up(size) > call.mm.ram.size and not flags & ipc.SHM_NORESERVE):
            raise LinuxError(Errno.ENOMEM)
        permissions = Permissions.of_creator(number, call.task.credentials, flags)
        segment = ShmSegment(ids, permissions, size, call.process.pid, call.mm.ram, call.mm.frames)
        segment.changed_at = realtime_seconds(call.cpu)
        return segment

    def fits(segment: ShmSegment) -> None:
        if segment.bytes < size:
            raise LinuxError(Errno.EINVAL)

    return ids.get(number, flags, call.task.credentials, make, fits)


def shmat(call: Call, number: int, address: int, flags: int) -> int:
    """Map the segment; returns the address. Errors: EINVAL, EACCES, ENOMEM."""
    flags &= 0xFFFF_FFFF
    if as_int(number) < 0:
        raise LinuxError(Errno.EINVAL)
    fixed = bool(address)
    start = _requested(address, flags)
    prot, rights = uapi.PROT_READ, _READ
    if not flags & ipc.SHM_RDONLY:
        prot, rights = prot | uapi.PROT_WRITE, rights | _WRITE
    if flags & ipc.SHM_EXEC:
        prot, rights = prot | uapi.PROT_EXEC, rights | _EXECUTE
    segment = call.kernel.ipc.segments.find(as_int(number))
    segment.permissions.check(call.task.credentials, rights)
    size, events = segment.mapped_size, list[Event]()
    taken = start + size >= 1 << 64 or call.mm.vmas.overlapping(start, start + size)
    if fixed and taken and not flags & ipc.SHM_REMAP:
        raise LinuxError(Errno.EINVAL)
    if start > USER_END - size:
        raise LinuxError(Errno.ENOMEM)
    if fixed:
        refuse_low(call, start)
    executable = bool(prot & uapi.PROT_EXEC)
    if call.mm.settings.denies(executable, executable, write=bool(prot & uapi.PROT_WRITE)):
        raise LinuxError(Errno.EACCES)
    if len(call.mm.vmas) > MAX_MAP_COUNT:
        raise LinuxError(Errno.ENOMEM)
    may_write, locked = not flags & ipc.SHM_RDONLY, call.mm.lock_new
    mlock_limit.check_new(call, size, locked=locked)
    if fixed:
        events = unmap(call, start, start + size)
    else:
        start = free_range(call, size)
    vma = Vma(
        start, start + size, prot, segment.name, segment, shared=True, may_write=may_write, locked=locked,
        stays_apart=True,
    )  # fmt: skip
    segment.attached_at, segment.last = realtime_seconds(call.cpu), call.process.pid
    call.task.usage.minor_faults += call.mm.map(vma, populate=locked)
    return after_events(call, events, start)


def _requested(address: int, flags: int) -> int:
    """The address that the caller asks for; 0: any. Raises LinuxError EINVAL."""
    if not address:
        if flags & ipc.SHM_REMAP:
            raise LinuxError(Errno.EINVAL)
        return 0
    if address % PAGE_SIZE:
        if not flags & ipc.SHM_RND:
            raise LinuxError(Errno.EINVAL)
        address = page_of(address)
        if not address and flags & ipc.SHM_REMAP:
            raise LinuxError(Errno.EINVAL)
    return address


def shmdt(call: Call, address: int) -> int:
    """Unmap what is left of the attachment that began at `address`. Errors: EINVAL (none did)."""
    if address % PAGE_SIZE:
        raise LinuxError(Errno.EINVAL)
    for vma in call.mm.vmas.overlapping(address, USER_END):
        if isinstance(vma.file, ShmSegment) and vma.start - address == vma.offset:
            segment = vma.file
            break
    else:
        raise LinuxError(Errno.EINVAL)
    events: list[Event] = []
    for part in call.mm.vmas.overlapping(vma.start, address + segment.mapped_size):
        if part.file is segment and part.start - address == part.offset and not part.sealed:
            events += unmap(call, part.start, part.end)
    segment.detached_at, segment.last = realtime_seconds(call.cpu), call.process.pid
    return after_events(call, events, 0)


def shmctl(call: Call, number: int, command: int, address: int) -> int:
    """Errors: EINVAL, EIDRM's modern form EINVAL, EACCES, EPERM, EFAULT."""
    what, ids, who = command_of(number, command), call.kernel.ipc.segments, call.task.credentials
    if what == ipc.IPC_INFO:
        call.memory.write(address, struct.pack("<9Q", ipc.SHMMAX, 1, ipc.SHMMNI, ipc.SHMMNI, ipc.SHMALL, 0, 0, 0, 0))
        return ids.highest
    if what == ipc.SHM_INFO:
        pages = [sum(segment.mapped_size for segment in ids.all()), sum(segment.cached_bytes for segment in ids.all())]
        values = (len(ids), 0, *(size // PAGE_SIZE for size in pages), 0, 0, 0)
        call.memory.write(address, struct.pack("<ii5Q", *values))
        return ids.highest
    if what in (ipc.SHM_STAT, ipc.SHM_STAT_ANY, ipc.IPC_STAT):
        segment = (ids.find if what == ipc.IPC_STAT else ids.at)(as_int(number))
        if what != ipc.SHM_STAT_ANY:
            segment.permissions.check(who, _READ)
        call.memory.write(address, _status(segment))
        return 0 if what == ipc.IPC_STAT else segment.permissions.id
    if what not in (ipc.IPC_SET, ipc.IPC_RMID, ipc.SHM_LOCK, ipc.SHM_UNLOCK):
        raise LinuxError(Errno.EINVAL)
    octets = call.memory.read(address, PERM_SIZE + _DS.size) if what == ipc.IPC_SET else b""
    segment = ids.find(as_int(number))
    if what in (ipc.SHM_LOCK, ipc.SHM_UNLOCK):
        return _lock(call, segment, locked=what == ipc.SHM_LOCK)
    segment.permissions.check_owner(who)
    if what == ipc.IPC_RMID:
        segment.remove()
    else:
        segment.permissions.change(*wanted_of(octets))
        segment.changed_at = realtime_seconds(call.cpu)
    return 0


def _lock(call: Call, segment: ShmSegment, *, locked: bool) -> int:
    """SHM_LOCK keeps pages in RAM, where they always are: the mode shows it."""
    who, permissions = call.task.credentials, segment.permissions
    if not who.has(CAP_IPC_LOCK):
        if who.user.effective not in (permissions.uid, permissions.cuid):
            raise LinuxError(Errno.EPERM)
        if locked and not call.process.limits[MEMLOCK][0]:
            raise LinuxError(Errno.EPERM)
    permissions.mode = permissions.mode & ~ipc.SHM_LOCKED | (ipc.SHM_LOCKED if locked else 0)
    return 0


def _status(segment: ShmSegment) -> bytes:
    return pack_permissions(segment.permissions, ipc.SHM_DEST if segment.is_doomed else 0) + _DS.pack(
        segment.bytes, segment.attached_at, segment.detached_at, segment.changed_at, segment.creator, segment.last,
        segment.attachments,
    )  # fmt: skip
