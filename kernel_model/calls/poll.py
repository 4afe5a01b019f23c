"""poll, ppoll, select, pselect6 (fs/select.c)."""

from __future__ import annotations

import ctypes
from typing import Final

from kernel_model.abi import uapi
from kernel_model.abi.files import O_PATH
from kernel_model.abi.limits import NOFILE
from kernel_model.abi.structs import PollFd, Timespec, Timeval
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.call.timeout import Timeout
from kernel_model.calls.signal import read_mask
from kernel_model.files import File
from kernel_model.signal.send import swap_blocked
from kernel_model.wait.queue import Blocked, Interruptible, WaitQueue
from pffemu.hw.page_walk import WRITE

_READ: Final = uapi.POLLIN | uapi.POLLRDNORM | uapi.POLLRDBAND | uapi.POLLHUP | uapi.POLLERR
_WRITE: Final = uapi.POLLOUT | uapi.POLLWRNORM | uapi.POLLWRBAND | uapi.POLLERR
_SETS: Final = (_READ, _WRITE, uapi.POLLPRI)  # events that make a descriptor ready in each of select's sets
_SLEEP: Final = Interruptible.ERESTARTNOHAND
_SMALLEST_TABLE: Final = 64  # descriptors that a new table has room for


def poll(call: Call, address: int, count: int, timeout_ms: int) -> int:
    """The number of ready descriptors; 0 when `timeout_ms` (negative: none) passes first."""
    return _poll(call, address, count, Timeout.of_milliseconds(call, timeout_ms))


def ppoll(call: Call, address: int, count: int, timeout: int, mask: int, mask_size: int) -> int:
    """poll with a signal mask. The time left is written back, as by Linux's system call."""
    limit = Timeout.read(call, timeout, Timespec)
    use_signal_mask(call, mask, mask_size)
    ready = _poll(call, address, count, limit)
    limit.write_rest(call, timeout, Timespec)
    return ready


def select(call: Call, count: int, read: int, write: int, exceptional: int, timeout: int) -> int:
    """The number of bits set in the three sets. The time left is written back, as on Linux."""
    limit = Timeout.read(call, timeout, Timeval)
    ready = _select(call, count, (read, write, exceptional), limit)
    limit.write_rest(call, timeout, Timeval)
    return ready


def pselect6(call: Call, count: int, read: int, write: int, exceptional: int, timeout: int, mask: int) -> int:
    """select with a signal mask: `mask` points to its address and size."""
    limit = Timeout.read(call, timeout, Timespec)
    if mask:
        words = call.memory.read(mask, 16)
        use_signal_mask(call, int.from_bytes(words[:8], "little"), int.from_bytes(words[8:], "little"))
    ready = _select(call, count, (read, write, exceptional), limit)
    limit.write_rest(call, timeout, Timespec)
    return ready


def use_signal_mask(call: Call, address: int, size: int) -> None:
    """Set the signal mask of ppoll, pselect6, epoll_pwait; 0: keep the thread's. Raises LinuxError EINVAL, EFAULT."""
    if address:
        swap_blocked(call.kernel, call.cpu, call.task, read_mask(call, address, size))


def _poll(call: Call, address: int, count: int, limit: Timeout) -> int:
    count &= 0xFFFF_FFFF
    if count > call.process.limits[NOFILE][0]:
        raise LinuxError(Errno.EINVAL)
    size = ctypes.sizeof(PollFd)
    octets = call.memory.read(address, size * count)
    call.memory.parts(address, size * count, WRITE)
    fds = [PollFd.from_buffer_copy(octets, size * i) for i in range(count)]
    ready, queues = 0, []
    for entry in fds:
        entry.revents = 0
        if entry.fd < 0:
            continue
        file = call.process.files.get(entry.fd)
        if file is None or file.flags & O_PATH:
            entry.revents = uapi.POLLNVAL
        else:
            call.cpu.charge("kernel.poll")
            entry.revents = file.poll() & (entry.events & 0xFFFF | uapi.POLLERR | uapi.POLLHUP)
            queues += _queue(file)
        ready += entry.revents != 0
    if ready == 0 and not limit.passed(call):
        raise Blocked(*dict.fromkeys(queues), deadline=limit.deadline, why="poll", sleep=_SLEEP)
    call.memory.write(address, b"".join(bytes(entry) for entry in fds))
    return ready


def _select(call: Call, count: int, addresses: tuple[int, int, int], limit: Timeout) -> int:
    number = as_int(count)
    if number < 0:
        raise LinuxError(Errno.EINVAL)
    table = max(_SMALLEST_TABLE, 1 << max(call.process.files, default=0).bit_length())
    number = min(number, table)
    size = (number + 63) // 64 * 8
    wanted = [int.from_bytes(call.memory.read(address, size), "little") if address else 0 for address in addresses]
    for address in addresses:
        call.memory.parts(address, size if address else 0, WRITE)
    ready, queues, found = 0, [], [0, 0, 0]
    for fd in range(number):
        if not any(bits >> fd & 1 for bits in wanted):
            continue
        file = call.file(fd)
        queues += _queue(file)
        events = file.poll()
        for i, mask in enumerate(_SETS):
            if wanted[i] >> fd & 1 and events & mask:
                found[i] |= 1 << fd
                ready += 1
    if ready == 0 and not limit.passed(call):
        raise Blocked(*dict.fromkeys(queues), deadline=limit.deadline, why="select", sleep=_SLEEP)
    for address, bits in zip(addresses, found, strict=True):
        if address:
            call.memory.write(address, bits.to_bytes(size, "little"))
    return ready


def _queue(file: File) -> list[WaitQueue]:
    queue = file.poll_queue()
    return [] if queue is None else [queue]
