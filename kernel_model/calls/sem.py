"""semget, semop, semtimedop, semctl (ipc/sem.c)."""

from __future__ import annotations

import struct
from typing import Final

from kernel_model.abi import ipc
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.call.clocks import realtime_seconds
from kernel_model.call.timespec import deadline_in, read_timespec
from kernel_model.calls.ipc import PERM_SIZE, command_of, pack_permissions, wanted_of
from kernel_model.ipc.ids import Permissions
from kernel_model.ipc.sem import SEMAEM, SemSet, forget_adjustments
from kernel_model.task.semaphores import SemOp, SemWait, UndoList
from kernel_model.wait.queue import Blocked, Interruptible

_SEMBUF: Final = struct.Struct("<Hhh")
_TIMES: Final = struct.Struct("<q8xq8xQ16x")  # otime ctime nsems, behind the permissions
_READ, _WRITE = 0o444, 0o222
_SIZE: Final = 64  # bytes of struct sem
_SEMUSZ: Final = 20  # bytes, of which SEM_INFO speaks
_STATUS: Final = (ipc.IPC_STAT, ipc.SEM_STAT, ipc.SEM_STAT_ANY)
_INFO: Final = (ipc.IPC_INFO, ipc.SEM_INFO)
_OF_VALUES: Final = (ipc.GETALL, ipc.GETVAL, ipc.GETPID, ipc.GETNCNT, ipc.GETZCNT, ipc.SETALL)


def semget(call: Call, key: int, count: int, flags: int) -> int:
    """Errors: EINVAL (count), ENOENT, EEXIST, EACCES, ENOSPC, ENOMEM."""
    sets, number, size, flags = call.kernel.ipc.semaphores, as_int(key), as_int(count), flags & 0xFFFF_FFFF
    if not 0 <= size <= ipc.SEMMSL:
        raise LinuxError(Errno.EINVAL)

    def make() -> SemSet:
        if not size:
            raise LinuxError(Errno.EINVAL)
        sets.check_room()
        if sets.semaphores + size > ipc.SEMMNS:
            raise LinuxError(Errno.ENOSPC)
        if (sets.semaphores + size) * _SIZE > call.kernel.ipc.memory.limit:
            raise LinuxError(Errno.ENOMEM)
        permissions = Permissions.of_creator(number, call.task.credentials, flags)
        return SemSet(permissions, size, realtime_seconds(call.cpu))

    def fits(found: SemSet) -> None:
        if size > len(found.values):
            raise LinuxError(Errno.EINVAL)

    return sets.get(number, flags, call.task.credentials, make, fits)


def semop(call: Call, identifier: int, operations: int, count: int) -> int:
    return semtimedop(call, identifier, operations, count, 0)


def semtimedop(call: Call, identifier: int, address: int, count: int, timeout: int) -> int:
    """Do all operations, or wait. Errors: EINVAL, E2BIG, EFBIG, EACCES, EAGAIN, ERANGE, EIDRM, EINTR, EFAULT."""
    span = read_timespec(call, timeout) if timeout else None
    if call.pending.timed_out:
        raise LinuxError(Errno.EAGAIN)
    count &= 0xFFFF_FFFF
    if count < 1 or as_int(identifier) < 0:
        raise LinuxError(Errno.EINVAL)
    if count > ipc.SEMOPM:
        raise LinuxError(Errno.E2BIG)
    octets = call.memory.read(address, count * _SEMBUF.size)
    operations = tuple(SemOp(*values) for values in _SEMBUF.iter_unpack(octets))
    found = call.kernel.ipc.semaphores.find(as_int(identifier))
    if max(operation.number for operation in operations) >= len(found.values):
        raise LinuxError(Errno.EFBIG)
    undo = _undo_list(call) if any(operation.flags & ipc.SEM_UNDO for operation in operations) else None
    wait = SemWait(operations, undo, call.process.pid)
    found.permissions.check(call.task.credentials, _WRITE if wait.alters else _READ)
    if found.attempt(wait):
        found.operated_at = realtime_seconds(call.cpu)
        if wait.alters:
            found.update(call.kernel.scheduler, call.cpu, found.operated_at)
        return 0
    call.task.semaphores = wait
    assert wait.blocking is not None
    why = f"semaphore {wait.blocking.number} of set {as_int(identifier)} ({wait.blocking.change:+})"
    deadline = deadline_in(call, span)
    if deadline is not None and deadline <= call.cpu.clock:
        raise LinuxError(Errno.EAGAIN)
    raise Blocked(found.waiters, deadline=deadline, result=0, why=why, sleep=Interruptible.EINTR)


def _undo_list(call: Call) -> UndoList:
    if call.task.undo is None:
        call.task.undo = UndoList()
    return call.task.undo


def semctl(call: Call, identifier: int, number: int, command: int, argument: int) -> int:
    what, sets, who = command_of(identifier, command), call.kernel.ipc.semaphores, call.task.credentials
    if what in _INFO:
        counts = (_SEMUSZ, SEMAEM) if what == ipc.IPC_INFO else (len(sets), sets.semaphores)
        values = (
            ipc.SEMMNS, ipc.SEMMNI, ipc.SEMMNS, ipc.SEMMNS, ipc.SEMMSL, ipc.SEMOPM, ipc.SEMOPM, counts[0],
            ipc.SEMVMX, counts[1],
        )  # fmt: skip
        call.memory.write(argument, struct.pack("<10i", *values))
        return sets.highest
    if what in _STATUS:
        found = (sets.find if what == ipc.IPC_STAT else sets.at)(as_int(identifier))
        if what != ipc.SEM_STAT_ANY:
            found.permissions.check(who, _READ)
        status = _TIMES.pack(found.operated_at, found.changed_at, len(found.values))
        call.memory.write(argument, pack_permissions(found.permissions) + status)
        return 0 if what == ipc.IPC_STAT else found.permissions.id
    if what in _OF_VALUES:
        return _values(call, as_int(identifier), as_int(number), what, argument)
    if what == ipc.SETVAL:
        return _set_value(call, as_int(identifier), as_int(number), as_int(argument))
    if what not in (ipc.IPC_SET, ipc.IPC_RMID):
        raise LinuxError(Errno.EINVAL)
    octets = call.memory.read(argument, PERM_SIZE + _TIMES.size) if what == ipc.IPC_SET else b""
    found = sets.find(as_int(identifier))
    found.permissions.check_owner(who)
    if what == ipc.IPC_SET:
        found.permissions.change(*wanted_of(octets))
        found.changed_at = realtime_seconds(call.cpu)
        return 0
    sets.remove(found)
    for undo in _undo_lists(call):
        undo.adjustments.pop(found.permissions.id, None)
    found.end(call.kernel.scheduler, call.cpu)
    return 0


def _values(call: Call, identifier: int, number: int, what: int, argument: int) -> int:
    """The commands that read values, and SETALL."""
    found = call.kernel.ipc.semaphores.find(identifier)
    found.permissions.check(call.task.credentials, _WRITE if what == ipc.SETALL else _READ)
    count = len(found.values)
    if what == ipc.GETALL:
        call.memory.write(argument, struct.pack(f"<{count}H", *found.values))
        return 0
    if what == ipc.SETALL:
        values = list(struct.unpack(f"<{count}H", call.memory.read(argument, 2 * count)))
        if max(values) > ipc.SEMVMX:
            raise LinuxError(Errno.ERANGE)
        return _changed(call, found, range(count), values)
    if not 0 <= number < count:
        raise LinuxError(Errno.EINVAL)
    if what == ipc.GETVAL:
        return found.values[number]
    if what == ipc.GETPID:
        return found.pids[number]
    return found.waiting(number, for_zero=what == ipc.GETZCNT)


def _set_value(call: Call, identifier: int, number: int, value: int) -> int:
    if not 0 <= value <= ipc.SEMVMX:
        raise LinuxError(Errno.ERANGE)
    found = call.kernel.ipc.semaphores.find(identifier)
    if not 0 <= number < len(found.values):
        raise LinuxError(Errno.EINVAL)
    found.permissions.check(call.task.credentials, _WRITE)
    return _changed(call, found, range(number, number + 1), [value])


def _changed(call: Call, found: SemSet, numbers: range, values: list[int]) -> int:
    forget_adjustments(_undo_lists(call), found.permissions.id, numbers)
    for number, value in zip(numbers, values, strict=True):
        found.values[number], found.pids[number] = value, call.process.pid
    found.changed_at = realtime_seconds(call.cpu)
    found.update(call.kernel.scheduler, call.cpu, found.changed_at)
    return 0


def _undo_lists(call: Call) -> list[UndoList]:
    tasks = (task for process in call.kernel.processes.values() for task in process.tasks)
    return list({id(task.undo): task.undo for task in tasks if task.undo is not None}.values())
