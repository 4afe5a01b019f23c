"""The futex system call: its operations, their arguments and errors (kernel/futex/syscalls.c)."""

from __future__ import annotations

from kernel_model.abi import uapi
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.call.clocks import deadline_at
from kernel_model.call.timespec import deadline_in, read_timespec
from kernel_model.process import futex_pi
from kernel_model.process.futex import key_of
from kernel_model.task.futex_wait import ANY

_OPTIONS = uapi.FUTEX_PRIVATE_FLAG | uapi.FUTEX_CLOCK_REALTIME
_WITH_TIMEOUT = (
    uapi.FUTEX_WAIT, uapi.FUTEX_LOCK_PI, uapi.FUTEX_LOCK_PI2, uapi.FUTEX_WAIT_BITSET, uapi.FUTEX_WAIT_REQUEUE_PI
)  # fmt: skip
_WITH_CLOCK = (uapi.FUTEX_WAIT_BITSET, uapi.FUTEX_WAIT_REQUEUE_PI, uapi.FUTEX_LOCK_PI2)


def futex(call: Call, address: int, operation: int, value: int, timeout: int, address2: int, value3: int) -> int:
    command = operation & ~_OPTIONS & 0xFFFF_FFFF
    realtime = bool(operation & uapi.FUTEX_CLOCK_REALTIME)
    private = bool(operation & uapi.FUTEX_PRIVATE_FLAG)
    deadline = _deadline(call, command, timeout, realtime) if command in _WITH_TIMEOUT else None
    if realtime and command not in _WITH_CLOCK:
        raise LinuxError(Errno.ENOSYS)
    addresses, counts = (address, address2), (as_int(value), as_int(timeout))
    match command:
        case uapi.FUTEX_WAIT | uapi.FUTEX_WAIT_BITSET:
            bits = _bits(value3) if command == uapi.FUTEX_WAIT_BITSET else ANY
            return call.kernel.futexes.wait(call, key_of(call, address, private), address, value, bits, deadline)
        case uapi.FUTEX_WAKE | uapi.FUTEX_WAKE_BITSET:
            bits = _bits(value3) if command == uapi.FUTEX_WAKE_BITSET else ANY
            return call.kernel.futexes.wake(call.cpu, key_of(call, address, private), counts[0], bits)
        case uapi.FUTEX_REQUEUE | uapi.FUTEX_CMP_REQUEUE:
            expected = None if command == uapi.FUTEX_REQUEUE else value3 & 0xFFFF_FFFF
            return _requeue(call, addresses, counts, expected, private)
        case uapi.FUTEX_WAKE_OP:
            return _wake_op(call, addresses, counts, value3 & 0xFFFF_FFFF, private)
        case uapi.FUTEX_LOCK_PI | uapi.FUTEX_LOCK_PI2 | uapi.FUTEX_TRYLOCK_PI:
            key, trial = key_of(call, address, private, write=True), command == uapi.FUTEX_TRYLOCK_PI
            return futex_pi.lock(call, key, address, deadline, trial=trial)
        case uapi.FUTEX_UNLOCK_PI:
            return _unlock(call, address, private)
        case uapi.FUTEX_WAIT_REQUEUE_PI:
            return _wait_requeue(call, addresses, value, deadline, private)
        case uapi.FUTEX_CMP_REQUEUE_PI:
            return _requeue_pi(call, addresses, counts, value3 & 0xFFFF_FFFF, private)
    raise LinuxError(Errno.ENOSYS)


def _deadline(call: Call, command: int, timeout: int, realtime: bool) -> int | None:
    """FUTEX_WAIT's timeout is relative, all others are absolute. FUTEX_LOCK_PI uses CLOCK_REALTIME."""
    if not timeout:
        return None
    nanoseconds = read_timespec(call, timeout)
    if command == uapi.FUTEX_WAIT:
        return deadline_in(call, nanoseconds)
    clock = uapi.CLOCK_REALTIME if realtime or command == uapi.FUTEX_LOCK_PI else uapi.CLOCK_MONOTONIC
    return deadline_at(call.cpu, clock, nanoseconds)


def _bits(value: int) -> int:
    if not value & 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)
    return value & 0xFFFF_FFFF


def _requeue(
    call: Call, addresses: tuple[int, int], counts: tuple[int, int], expected: int | None, private: bool
) -> int:
    """FUTEX_REQUEUE, CMP_REQUEUE. `expected` None: the word may have any value."""
    if min(counts) < 0:
        raise LinuxError(Errno.EINVAL)
    source, target = (key_of(call, address, private) for address in addresses)
    if expected is not None and call.memory.read_u32(addresses[0]) != expected:
        raise LinuxError(Errno.EAGAIN)
    return call.kernel.futexes.requeue(call.cpu, source, target, *counts)


def _unlock(call: Call, address: int, private: bool) -> int:
    """FUTEX_UNLOCK_PI: the owner is checked before the key."""
    word = call.memory.read_u32(address)
    if word & futex_pi.TID_MASK != call.task.tid:
        raise LinuxError(Errno.EPERM)
    return futex_pi.unlock(call, key_of(call, address, private, write=True), address, word)


def _wait_requeue(call: Call, addresses: tuple[int, int], value: int, deadline: int | None, private: bool) -> int:
    if addresses[0] == addresses[1]:
        raise LinuxError(Errno.EINVAL)
    target = key_of(call, addresses[1], private, write=True)
    return futex_pi.wait_requeue(call, (key_of(call, addresses[0], private), target), addresses, value, deadline)


def _requeue_pi(call: Call, addresses: tuple[int, int], counts: tuple[int, int], expected: int, private: bool) -> int:
    """FUTEX_CMP_REQUEUE_PI: the words must differ, and at most one thread is woken."""
    if min(counts) < 0 or addresses[0] == addresses[1] or counts[0] != 1:
        raise LinuxError(Errno.EINVAL)
    source, target = key_of(call, addresses[0], private), key_of(call, addresses[1], private, write=True)
    if source == target:
        raise LinuxError(Errno.EINVAL)
    if call.memory.read_u32(addresses[0]) != expected:
        raise LinuxError(Errno.EAGAIN)
    return futex_pi.requeue(call, (source, target), addresses[1], counts[1])


def _wake_op(call: Call, addresses: tuple[int, int], counts: tuple[int, int], encoded: int, private: bool) -> int:
    """FUTEX_WAKE_OP: change the second word, wake at the first, and at the second if its old value compares."""
    source, target = key_of(call, addresses[0], private), key_of(call, addresses[1], private, write=True)
    operation, comparison = encoded >> 28 & 0xF, encoded >> 24 & 0xF
    operand, reference = _signed12(encoded >> 12), _signed12(encoded)
    if operation & uapi.FUTEX_OP_OPARG_SHIFT:
        operand = 1 << (operand & 31)
    call.memory.fault_in_writable(addresses[1])
    old = call.memory.read_u32(addresses[1])
    call.memory.write_u32(addresses[1], _changed(operation & 7, old, operand & 0xFFFF_FFFF) & 0xFFFF_FFFF)
    found = _compares(comparison, as_int(old), reference)
    woken = call.kernel.futexes.wake(call.cpu, source, counts[0])
    return woken + (call.kernel.futexes.wake(call.cpu, target, counts[1]) if found else 0)


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
