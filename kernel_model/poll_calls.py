"""poll (fs/select.c)."""

from __future__ import annotations

import ctypes

from kernel_model import uapi
from kernel_model.abi_structs import PollFd
from kernel_model.syscall import Call, as_int
from kernel_model.uapi import Errno, LinuxError
from kernel_model.wait_queue import Blocked


def poll(call: Call, address: int, count: int, timeout_ms: int) -> int:
    """Descriptors that are ready; 0 when `timeout_ms` (negative: none) passes first."""
    if count > uapi.NFDS_MAX:
        raise LinuxError(Errno.EINVAL)
    size = ctypes.sizeof(PollFd)
    octets = call.memory.read(address, size * count)
    fds = [PollFd.from_buffer_copy(octets, size * i) for i in range(count)]
    ready, queues = 0, []
    for entry in fds:
        entry.revents = 0
        if entry.fd < 0:
            continue
        file = call.process.files.get(entry.fd)
        if file is None:
            entry.revents = uapi.POLLNVAL
        else:
            entry.revents = file.poll() & (entry.events | uapi.POLLERR)
            queue = file.poll_queue()
            queues += [queue] if queue is not None else []
        ready += entry.revents != 0
    timeout = as_int(timeout_ms)
    if ready == 0 and timeout != 0 and not call.task.timed_out:
        deadline = call.task.deadline
        if deadline is None and timeout > 0:
            deadline = call.cpu.clock + call.cpu.profile.to_cycles(timeout * 1_000_000)
        raise Blocked(*queues, deadline=deadline, why="poll")
    call.memory.write(address, b"".join(bytes(entry) for entry in fds))
    return ready
