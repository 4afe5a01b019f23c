"""The futex system call: its operations, their arguments and errors (kernel/futex/syscalls.c)."""

from __future__ import annotations

from kernel_model import uapi
from kernel_model.clocks import deadline_at
from kernel_model.futex import ANY, Key, key_of
from kernel_model.syscall import Call, as_int
from kernel_model.timespec import deadline_in, read_timespec
from kernel_model.uapi import Errno, LinuxError

_INHERITING = (6, 7, 8, 11, 12, 13)  # LOCK_PI, UNLOCK_PI, TRYLOCK_PI, WAIT_REQUEUE_PI, CMP_REQUEUE_PI, LOCK_PI2
_OPTIONS = uapi.FUTEX_PRIVATE_FLAG | uapi.FUTEX_CLOCK_REALTIME


def futex(call: Call, address: int, operation: int, value: int, timeout: int, address2: int, value3: int) -> int:
    """Priority inheritance and the other operations of newer kernels: ENOSYS."""
    command = operation & ~_OPTIONS & 0xFFFF_FFFF
    realtime = bool(operation & uapi.FUTEX_CLOCK_REALTIME)
    private = bool(operation & uapi.FUTEX_PRIVATE_FLAG)
    if realtime and command != uapi.FUTEX_WAIT_BITSET:
        raise LinuxError(Errno.ENOSYS)
    match command:
        case uapi.FUTEX_WAIT:
            deadline = deadline_in(call, read_timespec(call, timeout) if timeout else None)
            return call.kernel.futexes.wait(call, key_of(call.mm, address, private), address, value, ANY, deadline)
        case uapi.FUTEX_WAIT_BITSET:
            deadline = _absolute(call, timeout, realtime)
            bits = _bits(value3)
            return call.kernel.futexes.wait(call, key_of(call.mm, address, private), address, value, bits, deadline)
        case uapi.FUTEX_WAKE | uapi.FUTEX_WAKE_BITSET:
            bits = _bits(value3) if command == uapi.FUTEX_WAKE_BITSET else ANY
            return call.kernel.futexes.wake(call.cpu, key_of(call.mm, address, private), as_int(value), bits)
        case uapi.FUTEX_REQUEUE | uapi.FUTEX_CMP_REQUEUE:
            if command == uapi.FUTEX_REQUEUE:
                value3 = -1
            return _requeue(call, (address, address2), (as_int(value), as_int(timeout)), value3, private)
        case uapi.FUTEX_WAKE_OP:
            keys = key_of(call.mm, address, private), key_of(call.mm, address2, private)
            return _wake_op(call, keys, address2, (as_int(value), as_int(timeout)), value3 & 0xFFFF_FFFF)
    if command in _INHERITING:
        raise call.unsupported("a futex with priority inheritance", Errno.ENOSYS)
    raise LinuxError(Errno.ENOSYS)


def _bits(value: int) -> int:
    if not value & 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)
    return value & 0xFFFF_FFFF


def _absolute(call: Call, timeout: int, realtime: bool) -> int | None:
    if not timeout:
        return None
    clock = uapi.CLOCK_REALTIME if realtime else uapi.CLOCK_MONOTONIC
    return deadline_at(call.cpu, clock, read_timespec(call, timeout))


def _requeue(call: Call, addresses: tuple[int, int], counts: tuple[int, int], expected: int, private: bool) -> int:
    """`expected` -1: whatever the word holds."""
    if min(counts) < 0:
        raise LinuxError(Errno.EINVAL)
    source, target = (key_of(call.mm, address, private) for address in addresses)
    if expected >= 0 and call.memory.read_u32(addresses[0]) != expected & 0xFFFF_FFFF:
        raise LinuxError(Errno.EAGAIN)
    woken, moved = call.kernel.futexes.requeue(call.cpu, source, target, *counts)
    return woken + moved


def _wake_op(call: Call, keys: tuple[Key, Key], address: int, counts: tuple[int, int], encoded: int) -> int:
    """Change the second word, wake at the first, and at the second if its old value compares as asked."""
    operation, comparison = encoded >> 28 & 0xF, encoded >> 24 & 0xF
    operand, reference = _signed12(encoded >> 12), _signed12(encoded)
    if operation & uapi.FUTEX_OP_OPARG_SHIFT:
        operand = 1 << (operand & 31)
    old = call.memory.read_u32(address)
    changed = _changed(operation & 7, old, operand & 0xFFFF_FFFF)
    found = _compares(comparison, as_int(old), reference)
    call.memory.write_u32(address, changed & 0xFFFF_FFFF)
    woken = call.kernel.futexes.wake(call.cpu, keys[0], counts[0])
    return woken + (call.kernel.futexes.wake(call.cpu, keys[1], counts[1]) if found else 0)


def _signed12(value: int) -> int:
    value &= 0xFFF
    return value - 0x1000 if value & 0x800 else value


def _changed(operation: int, old: int, operand: int) -> int:
    """FUTEX_OP_SET, ADD, OR, ANDN, XOR. Raises LinuxError ENOSYS."""
    values = (operand, old + operand, old | operand, old & ~operand, old ^ operand)
    if operation >= len(values):
        raise LinuxError(Errno.ENOSYS)
    return values[operation]


def _compares(comparison: int, old: int, reference: int) -> bool:
    """FUTEX_OP_CMP_EQ, NE, LT, LE, GT, GE. Raises LinuxError ENOSYS."""
    answers = (
        old == reference, old != reference, old < reference, old <= reference, old > reference, old >= reference
    )  # fmt: skip
    if comparison >= len(answers):
        raise LinuxError(Errno.ENOSYS)
    return answers[comparison]
