"""clone (threads), exit, exit_group, gettid, sched_yield, futex, clock_gettime."""

from __future__ import annotations

from kernel_model import uapi
from kernel_model.abi_structs import Timespec
from kernel_model.syscall import Call, as_int
from kernel_model.uapi import Errno, LinuxError
from pffemu.arch.paging import USER_END

_THREAD = uapi.CLONE_VM | uapi.CLONE_FS | uapi.CLONE_FILES | uapi.CLONE_SIGHAND | uapi.CLONE_THREAD
_OPTIONAL = (
    uapi.CLONE_SYSVSEM | uapi.CLONE_SETTLS | uapi.CLONE_PARENT_SETTID | uapi.CLONE_CHILD_CLEARTID
    | uapi.CLONE_CHILD_SETTID | uapi.CLONE_DETACHED
)  # fmt: skip
_EPOCH = 1_735_689_600  # 2025-01-01 UTC: CLOCK_REALTIME at reset, so that no wall clock enters
_NS = 1_000_000_000


def clone(call: Call, flags: int, stack: int, parent_tid: int, child_tid: int, tls: int) -> int:
    """A new thread of this process. New processes (no CLONE_VM) are not modelled: ENOSYS."""
    if flags & uapi.CLONE_SIGHAND and not flags & uapi.CLONE_VM:
        raise LinuxError(Errno.EINVAL)
    if flags & _THREAD != _THREAD or flags & ~(_THREAD | _OPTIONAL):
        raise LinuxError(Errno.ENOSYS if not flags & uapi.CLONE_THREAD else Errno.EINVAL)
    if flags & uapi.CLONE_SETTLS and tls >= USER_END:
        raise LinuxError(Errno.EPERM)
    tid = call.kernel.peek_tid()
    if flags & uapi.CLONE_PARENT_SETTID:
        call.memory.write_u32(parent_tid, tid)
    if flags & uapi.CLONE_CHILD_SETTID:
        call.memory.write_u32(child_tid, tid)
    registers = call.cpu.engine.save_registers()
    changes = {"rax": 0, "rcx": registers.word("rip"), "r11": registers.word("rflags")}
    if stack:
        changes["rsp"] = stack
    if flags & uapi.CLONE_SETTLS:
        changes["fs_base"] = tls
    child = call.kernel.create_thread(call.cpu, call.process, registers.replace(**changes))
    if flags & uapi.CLONE_CHILD_CLEARTID:
        child.clear_child_tid = child_tid
    return child.tid


def exit_thread(call: Call, status: int) -> int:
    call.kernel.exit_thread(call, status & 0xFF)
    return 0


def exit_group(call: Call, status: int) -> int:
    call.kernel.exit_process(call.cpu, call.process, status & 0xFF)
    return 0


def gettid(call: Call) -> int:
    return call.task.tid


def sched_yield(call: Call) -> int:
    call.kernel.scheduler.preempt(call.cpu)
    return 0


def futex(call: Call, address: int, operation: int, value: int, timeout: int) -> int:
    """WAIT (relative timeout) and WAKE; others ENOSYS."""
    command = operation & ~uapi.FUTEX_PRIVATE_FLAG & 0xFFFF_FFFF
    if command == uapi.FUTEX_WAKE:
        shared = not operation & uapi.FUTEX_PRIVATE_FLAG
        if address >= USER_END or (shared and call.mm.vmas.find(address) is None):
            raise LinuxError(Errno.EFAULT)
        return call.kernel.futexes.wake(call.cpu, call.mm, address, as_int(value))
    if command != uapi.FUTEX_WAIT:
        raise LinuxError(Errno.ENOSYS)
    deadline = call.task.deadline
    if timeout and deadline is None:
        span = call.memory.read_struct(Timespec, timeout)
        if span.tv_sec < 0 or not 0 <= span.tv_nsec < _NS:
            raise LinuxError(Errno.EINVAL)
        deadline = call.cpu.clock + call.cpu.profile.to_cycles(span.tv_sec * _NS + span.tv_nsec)
    return call.kernel.futexes.wait(call, address, value, deadline)


def clock_gettime(call: Call, clock: int, address: int) -> int:
    """Virtual time: every clock counts this core's cycles from reset."""
    known = (uapi.CLOCK_REALTIME, uapi.CLOCK_MONOTONIC, uapi.CLOCK_MONOTONIC_RAW, uapi.CLOCK_BOOTTIME)
    if as_int(clock) not in known:
        raise LinuxError(Errno.EINVAL)
    ns = call.cpu.profile.to_ns(call.cpu.clock)
    base = _EPOCH if as_int(clock) == uapi.CLOCK_REALTIME else 0
    call.memory.write_struct(address, Timespec(base + ns // _NS, ns % _NS))
    return 0
