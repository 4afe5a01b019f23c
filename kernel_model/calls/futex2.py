"""futex_waitv (kernel/futex/waitwake.c, syscalls.c): wait for the first of several words."""

from __future__ import annotations

from struct import Struct
from typing import Final

from kernel_model.abi import uapi
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.call.clocks import deadline_at
from kernel_model.call.timespec import read_timespec
from kernel_model.process.futex import key_of
from kernel_model.task.futex_wait import FutexWait
from kernel_model.wait.queue import Interruptible

_WAITER: Final = Struct("<QQII")  # struct futex_waitv: val, uaddr, flags, reserved
_WAITERS_MAX: Final = 128  # FUTEX_WAITV_MAX
_SIZE_MASK, _SIZE_U32, _NODES, _PRIVATE = 0x03, 0x02, 0x0C, 0x80  # _NODES: FUTEX2_NUMA, FUTEX2_MPOL


def futex_waitv(call: Call, address: int, count: int, flags: int, timeout: int, clock: int) -> int:
    """The index of the word that was woken. Raises Blocked; LinuxError EINVAL, EFAULT, EAGAIN, ETIMEDOUT."""
    number = count & 0xFFFF_FFFF
    if flags & 0xFFFF_FFFF or not 0 < number <= _WAITERS_MAX or not address:
        raise LinuxError(Errno.EINVAL)
    deadline = None
    if timeout:
        if as_int(clock) not in (uapi.CLOCK_MONOTONIC, uapi.CLOCK_REALTIME):
            raise LinuxError(Errno.EINVAL)
        deadline = deadline_at(call.cpu, as_int(clock), read_timespec(call, timeout))
    waiters = [_waiter(call, address + i * _WAITER.size) for i in range(number)]
    keys = [key_of(call, word, private) for _, word, private in waiters]
    call.kernel.futexes.check_deadline(call, *keys)
    for value, word, _ in waiters:
        if call.memory.read_u32(word) != value:
            raise LinuxError(Errno.EAGAIN)
    why = f"one of {number} futexes, {waiters[0][1]:#x} the first"
    raise call.kernel.futexes.sleep(call, FutexWait(), keys, deadline, why, Interruptible.ERESTARTSYS)


def _waiter(call: Call, address: int) -> tuple[int, int, bool]:
    """(value, user address, whether it is private) of the struct futex_waitv at `address`."""
    value, word, flags, reserved = _WAITER.unpack(call.memory.read(address, _WAITER.size))
    if flags & ~(_SIZE_MASK | _NODES | _PRIVATE) or reserved or flags & _SIZE_MASK != _SIZE_U32 or value >> 32:
        raise LinuxError(Errno.EINVAL)
    if flags & _NODES:
        raise call.unsupported("a futex of a NUMA node", Errno.EINVAL)
    return value, word, bool(flags & _PRIVATE)
