"""epoll_create1, epoll_ctl, epoll_wait and its relatives (fs/eventpoll.c)."""

from __future__ import annotations

import struct
from typing import Final

from kernel_model.abi.files import (
    EPOLL_CTL_ADD,
    EPOLL_CTL_DEL,
    EPOLL_CTL_MOD,
    EPOLLET,
    EPOLLEXCLUSIVE,
    EPOLLWAKEUP,
)
from kernel_model.abi.structs import Timespec
from kernel_model.abi.uapi import O_CLOEXEC, POLLERR, POLLHUP, POLLIN, POLLOUT, Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.call.timeout import Timeout
from kernel_model.calls.poll import use_signal_mask
from kernel_model.files.epoll import Epoll
from kernel_model.files.user_buffer import check_range
from kernel_model.wait.queue import Blocked, Interruptible
from pffemu.hw.page_walk import WRITE

_EVENT: Final = struct.Struct("<IQ")  # struct epoll_event, packed on x86-64
_EVENTS_MAX: Final = ((1 << 31) - 1) // _EVENT.size
_WITH_EXCLUSIVE: Final = POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE


def epoll_create(call: Call, size: int) -> int:
    if as_int(size) <= 0:
        raise LinuxError(Errno.EINVAL)
    return epoll_create1(call, 0)


def epoll_create1(call: Call, flags: int) -> int:
    if flags & 0xFFFF_FFFF & ~O_CLOEXEC:
        raise LinuxError(Errno.EINVAL)
    return call.process.files.install(call.new_fd(), Epoll(call.process.files.account), bool(flags & O_CLOEXEC))


def epoll_ctl(call: Call, epoll_fd: int, operation: int, fd: int, address: int) -> int:
    """Errors in Linux's order: EFAULT, EBADF, EPERM, EINVAL, then EEXIST, ENOENT or ELOOP."""
    what = as_int(operation)
    events, data = (0, 0) if what == EPOLL_CTL_DEL else _EVENT.unpack(call.memory.read(address, _EVENT.size))
    epoll, file = call.file(epoll_fd), call.file(fd)
    if not file.can_poll:
        raise LinuxError(Errno.EPERM)
    if file is epoll or not isinstance(epoll, Epoll):
        raise LinuxError(Errno.EINVAL)
    if events & EPOLLEXCLUSIVE and (
        what == EPOLL_CTL_MOD or (what == EPOLL_CTL_ADD and (isinstance(file, Epoll) or events & ~_WITH_EXCLUSIVE))
    ):
        raise LinuxError(Errno.EINVAL)
    number = as_int(fd)
    if what == EPOLL_CTL_ADD:
        item = epoll.add(file, number, events, data)
    elif what == EPOLL_CTL_DEL:
        epoll.forget(epoll.find(file, number))
        return 0
    elif what == EPOLL_CTL_MOD:
        item = epoll.find(file, number)
        if item.events & EPOLLEXCLUSIVE:
            raise LinuxError(Errno.EINVAL)
        item.events, item.data = events | POLLERR | POLLHUP, data
    else:
        raise LinuxError(Errno.EINVAL)
    if item.revents and item.notify(0):
        call.kernel.scheduler.wake_all(call.cpu, epoll.waiters)
    return 0


def epoll_wait(call: Call, epoll_fd: int, address: int, limit: int, timeout_ms: int) -> int:
    return _wait(call, epoll_fd, address, limit, Timeout.of_milliseconds(call, timeout_ms))


def epoll_pwait(call: Call, epoll_fd: int, address: int, limit: int, timeout_ms: int, mask: int, mask_size: int) -> int:
    use_signal_mask(call, mask, mask_size)
    return _wait(call, epoll_fd, address, limit, Timeout.of_milliseconds(call, timeout_ms))


def epoll_pwait2(call: Call, epoll_fd: int, address: int, limit: int, timeout: int, mask: int, mask_size: int) -> int:
    span = Timeout.read(call, timeout, Timespec)
    use_signal_mask(call, mask, mask_size)
    return _wait(call, epoll_fd, address, limit, span)


def _wait(call: Call, epoll_fd: int, address: int, limit: int, timeout: Timeout) -> int:
    number = as_int(limit)
    if not 0 < number <= _EVENTS_MAX:
        raise LinuxError(Errno.EINVAL)
    check_range(address, number * _EVENT.size)
    epoll = call.file(epoll_fd)
    if not isinstance(epoll, Epoll):
        raise LinuxError(Errno.EINVAL)
    count = min(len(epoll.ready), number)
    call.memory.parts(address, count * _EVENT.size, WRITE)  # may sleep: it must come before the ready list changes
    found = epoll.collect(number)
    if not found and not timeout.passed(call):
        raise Blocked(epoll.waiters, deadline=timeout.deadline, why="epoll", sleep=Interruptible.EINTR)
    call.memory.write(address, b"".join(_EVENT.pack(*event) for event in found))
    return len(found)
