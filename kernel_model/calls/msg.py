"""msgget, msgsnd, msgrcv, msgctl (ipc/msg.c)."""

from __future__ import annotations

import struct
from typing import Final

from kernel_model.abi import ipc
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.call.clocks import realtime_seconds
from kernel_model.calls.ipc import PERM_SIZE, command_of, pack_permissions, wanted_of
from kernel_model.ipc.ids import Permissions
from kernel_model.ipc.msg import MsgQueue, Selection
from kernel_model.task.credentials import CAP_SYS_RESOURCE
from kernel_model.task.message import Message, MessageWait
from kernel_model.wait.queue import Blocked, Interruptible

_DS: Final = struct.Struct("<qqqQQQii16x")  # stime rtime ctime cbytes qnum qbytes lspid lrpid, behind the permissions
_QBYTES_AT: Final = PERM_SIZE + 40
_READ, _WRITE = 0o444, 0o222
_LONG: Final = 8  # bytes of a message's type
_INT64: Final = 1 << 63
_STATUS: Final = (ipc.IPC_STAT, ipc.MSG_STAT, ipc.MSG_STAT_ANY)
_INFO: Final = (ipc.IPC_INFO, ipc.MSG_INFO)


def msgget(call: Call, key: int, flags: int) -> int:
    """Errors: ENOENT, EEXIST, EACCES, ENOSPC."""
    queues, number, flags = call.kernel.ipc.messages, as_int(key), flags & 0xFFFF_FFFF

    def make() -> MsgQueue:
        return MsgQueue(Permissions.of_creator(number, call.task.credentials, flags), realtime_seconds(call.cpu))

    return queues.get(number, flags, call.task.credentials, make, lambda _: None)


def msgsnd(call: Call, identifier: int, address: int, size: int, flags: int) -> int:
    """Errors: EINVAL, EACCES, EAGAIN (IPC_NOWAIT), EIDRM, EINTR, EFAULT."""
    kind = int.from_bytes(call.memory.read(address, _LONG), "little", signed=True)
    if size > ipc.MSGMAX or as_int(identifier) < 0 or kind < 1:
        raise LinuxError(Errno.EINVAL)
    data = call.memory.read(address + _LONG, size) if size else b""
    wait = _take_up(call)
    if wait.error is not None:
        raise LinuxError(wait.error)
    queue = call.kernel.ipc.messages.find(as_int(identifier))
    queue.permissions.check(call.task.credentials, _WRITE)
    if not queue.has_room(size):
        if flags & ipc.IPC_NOWAIT:
            raise LinuxError(Errno.EAGAIN)
        call.task.message = MessageWait()
        why = f"room in message queue {as_int(identifier)}"
        raise Blocked(queue.senders, why=why, sleep=Interruptible.ERESTARTNOHAND)
    call.kernel.ipc.memory.check(size)
    queue.last_sender, queue.sent_at = call.process.pid, realtime_seconds(call.cpu)
    if queue.hand_over(call.kernel.scheduler, call.cpu, message := Message(kind, data)):
        queue.received_at = realtime_seconds(call.cpu)
    else:
        queue.messages.append(message)
        call.kernel.ipc.memory.take(size)
    return 0


def _take_up(call: Call) -> MessageWait:
    """How the sleep ended that the call had, if it had one."""
    wait, call.task.message = call.task.message, MessageWait()
    return wait


def msgrcv(call: Call, identifier: int, address: int, size: int, kind: int, flags: int) -> int:
    """Take a message; returns its bytes. Errors: EINVAL, E2BIG, ENOMSG, EACCES, EIDRM, EINTR, EFAULT."""
    if call.task.message.received is not None:
        return _store(call, call.task.message.received, address, size)
    wait = _take_up(call)
    if wait.error is not None:
        raise LinuxError(wait.error)
    flags &= 0xFFFF_FFFF
    if as_int(identifier) < 0 or size >= _INT64:
        raise LinuxError(Errno.EINVAL)
    if flags & ipc.MSG_COPY and (flags & ipc.MSG_EXCEPT or not flags & ipc.IPC_NOWAIT):
        raise LinuxError(Errno.EINVAL)
    queue = call.kernel.ipc.messages.find(as_int(identifier))
    queue.permissions.check(call.task.credentials, _READ)
    kind -= kind >> 63 << 64
    if flags & ipc.MSG_COPY:
        return _copy(call, queue, address, size, kind, flags)
    message = Selection(kind, flags).find(queue.messages)
    if message is not None:
        if len(message.data) > size and not flags & ipc.MSG_NOERROR:
            raise LinuxError(Errno.E2BIG)
        queue.messages = [other for other in queue.messages if other is not message]
        call.kernel.ipc.memory.give(len(message.data))
        queue.last_receiver, queue.received_at = call.process.pid, realtime_seconds(call.cpu)
        call.kernel.scheduler.wake_all(call.cpu, queue.senders)
        call.task.message = MessageWait(received=message)  # the copy may have to wait for a page
        return _store(call, message, address, size)
    if flags & ipc.IPC_NOWAIT:
        raise LinuxError(Errno.ENOMSG)
    call.task.message = MessageWait(kind, flags, size)
    why = f"a message in queue {as_int(identifier)}"
    raise Blocked(queue.receivers, why=why, sleep=Interruptible.ERESTARTNOHAND)


def _copy(call: Call, queue: MsgQueue, address: int, size: int, number: int, flags: int) -> int:
    """MSG_COPY: the message at a place in the queue, which stays there."""
    if not 0 <= number < len(queue.messages):
        raise LinuxError(Errno.ENOMSG)
    message = queue.messages[number]
    if len(message.data) > size and not flags & ipc.MSG_NOERROR:
        raise LinuxError(Errno.E2BIG)
    return _store(call, message, address, size)


def _store(call: Call, message: Message, address: int, size: int) -> int:
    """Write a message that was taken; with EFAULT it is lost, as on Linux."""
    data = message.data[:size]
    try:
        call.memory.write(address, struct.pack("<q", message.type) + data)
    except LinuxError:
        _take_up(call)
        raise
    _take_up(call)
    return len(data)


def msgctl(call: Call, identifier: int, command: int, address: int) -> int:
    what, queues, who = command_of(identifier, command), call.kernel.ipc.messages, call.task.credentials
    if what in _INFO:
        counts = (ipc.MSGPOOL, ipc.MSGMAP, ipc.MSGTQL)
        if what == ipc.MSG_INFO:
            every = queues.all()
            messages = sum(len(queue.messages) for queue in every)
            counts = (len(every), messages, sum(queue.bytes for queue in every))
        values = (counts[0], counts[1], ipc.MSGMAX, ipc.MSGMNB, ipc.MSGMNI, ipc.MSGSSZ, counts[2], ipc.MSGSEG)
        call.memory.write(address, struct.pack("<7iH2x", *values))
        return queues.highest
    if what in _STATUS:
        queue = (queues.find if what == ipc.IPC_STAT else queues.at)(as_int(identifier))
        if what != ipc.MSG_STAT_ANY:
            queue.permissions.check(who, _READ)
        call.memory.write(address, _status(queue))
        return 0 if what == ipc.IPC_STAT else queue.permissions.id
    if what not in (ipc.IPC_SET, ipc.IPC_RMID):
        raise LinuxError(Errno.EINVAL)
    octets = call.memory.read(address, PERM_SIZE + _DS.size) if what == ipc.IPC_SET else b""
    queue = queues.find(as_int(identifier))
    queue.permissions.check_owner(who)
    if what == ipc.IPC_RMID:
        queues.remove(queue)
        call.kernel.ipc.memory.give(queue.bytes)
        queue.end(call.kernel.scheduler, call.cpu)
        return 0
    limit = int.from_bytes(octets[_QBYTES_AT : _QBYTES_AT + 8], "little")
    if limit > ipc.MSGMNB and not who.has(CAP_SYS_RESOURCE):
        raise LinuxError(Errno.EPERM)
    queue.permissions.change(*wanted_of(octets))
    queue.limit, queue.changed_at = limit, realtime_seconds(call.cpu)
    queue.try_again(call.kernel.scheduler, call.cpu)
    return 0


def _status(queue: MsgQueue) -> bytes:
    return pack_permissions(queue.permissions) + _DS.pack(
        queue.sent_at, queue.received_at, queue.changed_at, queue.bytes, len(queue.messages), queue.limit,
        queue.last_sender, queue.last_receiver,
    )  # fmt: skip
