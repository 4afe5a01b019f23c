"""mq_open, mq_unlink, mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr (ipc/mqueue.c)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel_model.abi import ipc
from kernel_model.abi.files import NAME_MAX, O_ACCMODE, O_CREAT, O_EXCL, O_NONBLOCK
from kernel_model.abi.limits import MSGQUEUE
from kernel_model.abi.signal import NSIG
from kernel_model.abi.uapi import CLOCK_REALTIME, Errno, LinuxError
from kernel_model.call.clocks import deadline_at
from kernel_model.call.timespec import read_timespec
from kernel_model.files.sockets.netlink import NetlinkSocket
from kernel_model.files.sockets.socket import Socket
from kernel_model.ipc.mqueue import MessageQueue, MqFile, MqNotification
from kernel_model.task.credentials import CAP_FOWNER, CAP_SYS_RESOURCE
from kernel_model.task.message import Message, MessageWait
from kernel_model.wait.queue import Blocked, Interruptible

if TYPE_CHECKING:
    from kernel_model.call.call import Call

_ATTR: Final = struct.Struct("<qqqq32x")  # flags maxmsg msgsize curmsgs
_SIGEVENT: Final = struct.Struct("<Qii48x")  # value, signal, kind
_COOKIE_SIZE: Final = 32  # NOTIFY_COOKIE_LEN
_SIGNAL, _NONE, _THREAD = 0, 1, 2  # SIGEV_*
_WANTED: Final = {0: 4, 1: 2, 2: 6}  # access mode -> file permissions


def mq_open(call: Call, name: int, flags: int, mode: int, attributes: int) -> int:
    """Errors: EACCES (name, permissions), ENOENT, EEXIST, EINVAL, EMFILE, ENAMETOOLONG, ENOSPC, EFAULT."""
    values = _ATTR.unpack(call.memory.read(attributes, _ATTR.size)) if attributes else None
    text, flags = _name(call, name), flags & 0xFFFF_FFFF
    fd, table = call.new_fd(), call.kernel.ipc.mqueues
    queue = table.queues.get(text)
    if queue is None:
        if not flags & O_CREAT:
            raise LinuxError(Errno.ENOENT)
        queue = _make(call, text, mode & 0o7777 & ~call.process.umask, values)
    else:
        if flags & O_CREAT and flags & O_EXCL:
            raise LinuxError(Errno.EEXIST)
        wanted = _WANTED.get(flags & O_ACCMODE)
        if wanted is None:
            raise LinuxError(Errno.EINVAL)
        if not call.task.credentials.may_access(queue.uid, queue.gid, queue.mode, wanted):
            raise LinuxError(Errno.EACCES)
    return call.process.files.install(fd, MqFile(table, queue, flags), close_on_exec=True)


def _name(call: Call, address: int) -> bytes:
    text = call.memory.read_path(address)
    if len(text) > NAME_MAX:
        raise LinuxError(Errno.ENAMETOOLONG)
    if not text:
        raise LinuxError(Errno.ENOENT)
    if text in (b".", b"..") or b"/" in text:
        raise LinuxError(Errno.EACCES)
    return text


def _make(call: Call, name: bytes, mode: int, values: tuple[int, ...] | None) -> MessageQueue:
    """A new queue. Raises LinuxError ENOSPC, EINVAL, EMFILE."""
    table, who = call.kernel.ipc.mqueues, call.task.credentials
    privileged = who.has(CAP_SYS_RESOURCE)
    if len(table.queues) >= ipc.DFLT_QUEUESMAX and not privileged:
        raise LinuxError(Errno.ENOSPC)
    maximum, size = ipc.DFLT_MSG, ipc.DFLT_MSGSIZE
    if values is not None:
        maximum, size = values[1:3]
        most = ipc.HARD_MSGMAX if privileged else ipc.DFLT_MSGMAX
        largest = ipc.HARD_MSGSIZEMAX if privileged else ipc.DFLT_MSGSIZEMAX
        if not 0 < maximum <= most or not 0 < size <= largest:
            raise LinuxError(Errno.EINVAL)
    queue = MessageQueue(table.memory, name, mode, who.user.fs, who.group.fs, maximum, size)
    table.add(queue, call.process.limits[MSGQUEUE][0])
    return queue


def mq_unlink(call: Call, name: int) -> int:
    """Errors: ENOENT, EPERM (the queue of another user), EACCES."""
    table, who = call.kernel.ipc.mqueues, call.task.credentials
    queue = table.queues.get(_name(call, name))
    if queue is None:
        raise LinuxError(Errno.ENOENT)
    if who.user.fs not in (queue.uid, 0) and not who.has(CAP_FOWNER):
        raise LinuxError(Errno.EPERM)
    table.unlink(queue)
    return 0


def mq_timedsend(call: Call, fd: int, address: int, length: int, priority: int, timeout: int) -> int:
    """Errors: EINVAL, EBADF, EMSGSIZE, EAGAIN, ETIMEDOUT, EFAULT."""
    until = _until(call, timeout)
    if priority & 0xFFFF_FFFF >= ipc.MQ_PRIO_MAX:
        raise LinuxError(Errno.EINVAL)
    file = _file(call, fd)
    if not file.writable:
        raise LinuxError(Errno.EBADF)
    queue = file.queue
    if length > queue.size:
        raise LinuxError(Errno.EMSGSIZE)
    message = Message(priority & 0xFFFF_FFFF, call.memory.read(address, length) if length else b"")
    call.kernel.ipc.memory.check(length)
    if queue.is_full:
        if file.nonblocking:
            raise LinuxError(Errno.EAGAIN)
        _check_time(call, until)
        call.task.message = MessageWait(sending=message)
        why = f"room in message queue {file.name}"
        raise Blocked(queue.senders, deadline=until, result=0, why=why, sleep=Interruptible.ERESTARTSYS)
    queue.send(call.kernel, call.cpu, call.task, message)
    return 0


def mq_timedreceive(call: Call, fd: int, address: int, length: int, priority: int, timeout: int) -> int:
    """Take the first message; returns its bytes. Errors: EINVAL, EBADF, EMSGSIZE, EAGAIN, ETIMEDOUT, EFAULT."""
    if call.task.message.received is not None:
        return _store(call, call.task.message.received, address, priority)
    until = _until(call, timeout)
    file = _file(call, fd)
    if not file.readable:
        raise LinuxError(Errno.EBADF)
    queue = file.queue
    if length < queue.size:
        raise LinuxError(Errno.EMSGSIZE)
    if queue.messages:
        call.task.message = MessageWait(received=queue.take(call.kernel.scheduler, call.cpu))
        assert call.task.message.received is not None
        return _store(call, call.task.message.received, address, priority)
    if file.nonblocking:
        raise LinuxError(Errno.EAGAIN)
    _check_time(call, until)
    call.task.message = MessageWait()
    why = f"a message in {file.name}"
    raise Blocked(queue.receivers, deadline=until, why=why, sleep=Interruptible.ERESTARTSYS)


def _store(call: Call, message: Message, address: int, priority: int) -> int:
    """Write a message that was taken; with EFAULT it is lost, as on Linux."""
    try:
        if message.data:
            call.memory.write(address, message.data)
        if priority:
            call.memory.write_u32(priority, message.type)
    except LinuxError:
        call.task.message = MessageWait()
        raise
    call.task.message = MessageWait()
    return len(message.data)


def _until(call: Call, timeout: int) -> int | None:
    """The deadline, of CLOCK_REALTIME, in cycles. Raises LinuxError EFAULT, EINVAL."""
    return deadline_at(call.cpu, CLOCK_REALTIME, read_timespec(call, timeout)) if timeout else None


def _check_time(call: Call, until: int | None) -> None:
    if call.pending.timed_out or (until is not None and until <= call.cpu.clock):
        raise LinuxError(Errno.ETIMEDOUT)


def _file(call: Call, fd: int) -> MqFile:
    """Raises LinuxError EBADF."""
    file = call.file(fd)
    if not isinstance(file, MqFile):
        raise LinuxError(Errno.EBADF)
    return file


def mq_notify(call: Call, fd: int, event: int) -> int:
    """Ask for a signal, or a netlink message, when a message reaches the empty queue; or (`event` 0) no longer.

    Errors: EINVAL, EBADF, ENOTSOCK, EBUSY, EFAULT.
    """
    value, signo, kind = _SIGEVENT.unpack(call.memory.read(event, _SIGEVENT.size)) if event else (0, 0, _NONE)
    if kind not in (_SIGNAL, _NONE, _THREAD) or (kind == _SIGNAL and not 0 <= signo <= NSIG):
        raise LinuxError(Errno.EINVAL)
    cookie = call.memory.read(value, _COOKIE_SIZE) if kind == _THREAD else b""
    sock = _told_by(call, signo) if kind == _THREAD else None
    queue = _file(call, fd).queue
    if not event:
        if queue.notification is not None and queue.notification.process is call.process:
            queue.end_notification(call.cpu)
        return 0
    if queue.notification is not None:
        raise LinuxError(Errno.EBUSY)
    number = signo if kind == _SIGNAL else 0
    queue.notification = MqNotification(call.process, call.process.files, number, value, cookie, sock)
    if sock is not None:
        sock.references += 1
    return 0


def _told_by(call: Call, fd: int) -> NetlinkSocket:
    """The socket that SIGEV_THREAD names. Raises LinuxError EBADF, ENOTSOCK, EINVAL."""
    sock = call.file(fd)
    if not isinstance(sock, NetlinkSocket):
        raise LinuxError(Errno.EINVAL if isinstance(sock, Socket) else Errno.ENOTSOCK)
    return sock


def mq_getsetattr(call: Call, fd: int, new: int, old: int) -> int:
    """Set O_NONBLOCK; what was goes to `old`. Errors: EINVAL, EBADF, EFAULT."""
    flags = _ATTR.unpack(call.memory.read(new, _ATTR.size))[0] if new else None
    if flags is not None and flags & ~O_NONBLOCK:
        raise LinuxError(Errno.EINVAL)
    file = _file(call, fd)
    before = _ATTR.pack(file.flags & O_NONBLOCK, file.queue.maximum, file.queue.size, len(file.queue.messages))
    if flags is not None:
        file.flags = file.flags & ~O_NONBLOCK | flags
    if old:
        call.memory.write(old, before)
    return 0
