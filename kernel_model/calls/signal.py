"""The rt_sig* family, sigaltstack, pause, kill, tkill, tgkill (kernel/signal.c)."""

from __future__ import annotations

import struct
from typing import Final

from kernel_model.abi import signal as uapi_signal
from kernel_model.abi.signal import NSIG, SA_KNOWN, SI_TKILL, SI_USER
from kernel_model.abi.uapi import POLLIN, Errno, LinuxError, Signal
from kernel_model.call.call import Call, as_int
from kernel_model.call.rights import may_signal
from kernel_model.call.timespec import deadline_in, read_timespec
from kernel_model.files.signalfd import SignalFd
from kernel_model.signal import frame as signal_frame
from kernel_model.signal import send as signal_send
from kernel_model.task.siginfo import SIGINFO_SIZE, SigInfo
from kernel_model.task.signals import UNBLOCKABLE, AltStack, SigAction, bit, ignores
from kernel_model.task.task import Process, Task
from kernel_model.wait.queue import Blocked, Interruptible
from pffemu.events.faults import SIGNAL
from pffemu.events.fields import Hex
from pffemu.events.signals import SignalReturned

_SIGSET_SIZE: Final = 8  # bytes
_ACTION: Final = struct.Struct("<QQQQ")  # handler, flags, restorer, mask
_STACK: Final = struct.Struct("<Qi4xQ")  # start, flags, size
_MODES: Final = (0, uapi_signal.SS_ONSTACK, uapi_signal.SS_DISABLE)


def rt_sigaction(call: Call, signo: int, new: int, old: int, size: int) -> int:
    number = as_int(signo)
    if size != _SIGSET_SIZE:
        raise LinuxError(Errno.EINVAL)
    action = SigAction(*_ACTION.unpack(call.memory.read(new, _ACTION.size))) if new else None
    if not 1 <= number <= NSIG or (action is not None and bit(number) & UNBLOCKABLE):
        raise LinuxError(Errno.EINVAL)
    actions = call.process.signals.handlers.actions
    if old:
        before = actions[number]
        call.memory.write(old, _ACTION.pack(before.handler, before.flags, before.restorer, before.mask))
    if action is not None:
        was_ignored = ignores(actions[number], number)
        action = SigAction(action.handler, action.flags & SA_KNOWN, action.restorer, action.mask & ~UNBLOCKABLE)
        actions[number] = action
        if ignores(action, number):
            signal_send.ignore_pending(call.process, number)
        elif was_ignored:
            call.process.posix_timers.heard_again(call.cpu, number)
    return 0


def rt_sigprocmask(call: Call, how: int, new: int, old: int, size: int) -> int:
    if size != _SIGSET_SIZE:
        raise LinuxError(Errno.EINVAL)
    before = mask = call.task.signals.blocked
    if new:
        given = _read_mask(call, new)
        match as_int(how):
            case uapi_signal.SIG_BLOCK:
                mask = before | given
            case uapi_signal.SIG_UNBLOCK:
                mask = before & ~given
            case uapi_signal.SIG_SETMASK:
                mask = given
            case _:
                raise LinuxError(Errno.EINVAL)
    if old:
        call.memory.write(old, before.to_bytes(_SIGSET_SIZE, "little"))
    if mask != before:
        signal_send.set_blocked(call.kernel, call.cpu, call.task, mask)
    return 0


def rt_sigpending(call: Call, address: int, size: int) -> int:
    if size > _SIGSET_SIZE:
        raise LinuxError(Errno.EINVAL)
    signals = call.task.signals
    pending = (signals.pending.mask | call.process.signals.pending.mask) & signals.blocked
    call.memory.write(address, pending.to_bytes(_SIGSET_SIZE, "little")[:size])
    return 0


def rt_sigreturn(call: Call) -> int | None:
    cpu, task = call.cpu, call.task
    registers = cpu.engine.save_registers()
    try:
        restored, mask, stack = signal_frame.pop(cpu, task, registers)
    except LinuxError:
        why = f"rt_sigreturn finds no frame at RSP {registers.word('rsp'):#x}"
        signal_send.force(call.kernel, cpu, SigInfo.from_kernel(Signal.SIGSEGV, why), task)
        return None
    cpu.engine.load_registers(restored)
    cpu.charge("kernel.signal.return")
    rip = restored.word("rip")
    cpu.emit(SignalReturned, Hex(rip), *cpu.bus.faults.end_at(task.tid, rip, SIGNAL))
    signal_send.set_blocked(call.kernel, cpu, task, mask)
    if _is_valid(stack) and not signal_frame.on_stack(task.signals.altstack, registers.word("rsp")):
        task.signals.altstack = _settled(stack)
    return None


def rt_sigsuspend(call: Call, address: int, size: int) -> int:
    if size != _SIGSET_SIZE:
        raise LinuxError(Errno.EINVAL)
    signal_send.swap_blocked(call.kernel, call.cpu, call.task, _read_mask(call, address))
    raise Blocked(why="a signal (sigsuspend)", sleep=Interruptible.ERESTARTNOHAND)


def pause(call: Call) -> int:
    raise Blocked(why="a signal (pause)", sleep=Interruptible.ERESTARTNOHAND)


def rt_sigtimedwait(call: Call, wanted: int, info: int, timeout: int, size: int) -> int:
    """Take one of the wanted signals; returns its number. Errors: EINVAL, EFAULT, EAGAIN (none came in time)."""
    if size != _SIGSET_SIZE:
        raise LinuxError(Errno.EINVAL)
    mask = _read_mask(call, wanted) & ~UNBLOCKABLE
    span = read_timespec(call, timeout) if timeout else None
    signals = call.task.signals
    signals.waiting_for = 0
    found = signal_send.first_pending(call.task, mask)
    if found is not None:
        taken, pending = signal_send.settled(call.cpu, *found), found[1]
        if info:
            call.memory.write(info, taken.pack())
        signal_send.take(call.kernel, call.cpu, call.task, taken, pending)
        return taken.signo
    if span == 0 or call.pending.timed_out:
        raise LinuxError(Errno.EAGAIN)
    signals.waiting_for = mask
    names = ", ".join(Signal(n).name for n in range(1, NSIG + 1) if mask & bit(n)) or "none"
    why = f"one of {names} (sigtimedwait)"
    raise Blocked(deadline=deadline_in(call, span), why=why, sleep=Interruptible.EINTR)


def sigaltstack(call: Call, new: int, old: int) -> int:
    signals, rsp = call.task.signals, call.cpu.registers["rsp"]
    current = signals.altstack
    wanted = None
    if new:
        start, flags, size = _STACK.unpack(call.memory.read(new, _STACK.size))
        wanted = AltStack(start, flags & 0xFFFF_FFFF, size)
        if signal_frame.on_stack(current, rsp):
            raise LinuxError(Errno.EPERM)
        if wanted.flags & ~uapi_signal.SS_AUTODISARM not in _MODES:
            raise LinuxError(Errno.EINVAL)
        if not _is_valid(wanted):
            raise LinuxError(Errno.ENOMEM)
    if old:
        flags = signal_frame.altstack_flags(current, rsp) | current.flags & uapi_signal.SS_AUTODISARM
        flags -= flags >> 31 << 32
        call.memory.write(old, _STACK.pack(current.start, flags, current.size))
    if wanted is not None:
        signals.altstack = _settled(wanted)
    return 0


def _is_valid(stack: AltStack) -> bool:
    mode = stack.flags & ~uapi_signal.SS_AUTODISARM
    return mode == uapi_signal.SS_DISABLE or (mode in _MODES and stack.size >= uapi_signal.MINSIGSTKSZ)


def _settled(stack: AltStack) -> AltStack:
    if stack.flags & ~uapi_signal.SS_AUTODISARM == uapi_signal.SS_DISABLE:
        return AltStack(0, stack.flags, 0)
    return stack


def kill(call: Call, pid: int, signo: int) -> int:
    number, target = as_int(signo), as_int(pid)
    processes = _targets(call, target)
    if not 0 <= number <= NSIG:
        raise LinuxError(Errno.EINVAL)
    if not processes:
        raise LinuxError(Errno.ESRCH)
    allowed = [process for process in processes if may_signal(call.task, process, number)]
    if not allowed:
        raise LinuxError(Errno.EPERM)
    info = SigInfo.from_user(number, SI_USER, call.process.pid, call.task.credentials.user.real)
    for process in allowed if number else []:
        signal_send.send_to_process(call.kernel, call.cpu, info, process)
    return 0


def _targets(call: Call, pid: int) -> list[Process]:
    """One process, a group (0: the caller's, below -1: -pid), or all other processes (-1)."""
    processes, own = call.kernel.processes, call.process
    if pid > 0:
        task = None if pid in processes else call.kernel.find_task(pid)  # any thread's number names its process
        return [processes[pid]] if pid in processes else [task.process] if task is not None else []
    if pid == -1:
        return [process for process in processes.values() if process is not own]
    group = -pid or own.group
    members = [process for process in processes.values() if process.group == group]
    return sorted(members, key=lambda process: process is own)  # the caller may die of the signal: it comes last


def _thread(call: Call, tgid: int | None, tid: int) -> Task:
    """The thread `tid`, of process `tgid` if given. Raises LinuxError ESRCH."""
    task = call.kernel.find_task(tid)
    if task is None or tgid not in (None, task.process.pid):
        raise LinuxError(Errno.ESRCH)
    return task


def tkill(call: Call, tid: int, signo: int) -> int:
    if as_int(tid) <= 0:
        raise LinuxError(Errno.EINVAL)
    return _send_to_thread(call, None, as_int(tid), as_int(signo))


def tgkill(call: Call, tgid: int, tid: int, signo: int) -> int:
    if as_int(tid) <= 0 or as_int(tgid) <= 0:
        raise LinuxError(Errno.EINVAL)
    return _send_to_thread(call, as_int(tgid), as_int(tid), as_int(signo))


def _send_to_thread(call: Call, tgid: int | None, tid: int, number: int) -> int:
    task = _thread(call, tgid, tid)
    if not 0 <= number <= NSIG:
        raise LinuxError(Errno.EINVAL)
    if not may_signal(call.task, task.process, number):
        raise LinuxError(Errno.EPERM)
    if number:
        info = SigInfo.from_user(number, SI_TKILL, call.process.pid, call.task.credentials.user.real)
        return _queued_or_full(signal_send.send_to_task(call.kernel, call.cpu, info, task))
    return 0


def rt_sigqueueinfo(call: Call, pid: int, signo: int, address: int) -> int:
    info = _queued(call, as_int(signo), address, as_int(pid))
    processes = _targets(call, as_int(pid)) if as_int(pid) > 0 else []
    if not processes:
        raise LinuxError(Errno.ESRCH)
    _check_number(info.signo)
    if not may_signal(call.task, processes[0], info.signo):
        raise LinuxError(Errno.EPERM)
    sent = not info.signo or signal_send.send_to_process(call.kernel, call.cpu, info, processes[0])
    return _queued_or_full(sent)


def rt_tgsigqueueinfo(call: Call, tgid: int, tid: int, signo: int, address: int) -> int:
    if as_int(tid) <= 0 or as_int(tgid) <= 0:
        raise LinuxError(Errno.EINVAL)
    info = _queued(call, as_int(signo), address, as_int(tgid))
    task = _thread(call, as_int(tgid), as_int(tid))
    _check_number(info.signo)
    if not may_signal(call.task, task.process, info.signo):
        raise LinuxError(Errno.EPERM)
    sent = not info.signo or signal_send.send_to_task(call.kernel, call.cpu, info, task)
    return _queued_or_full(sent)


def _queued(call: Call, number: int, address: int, target: int) -> SigInfo:
    info = SigInfo.unpack(call.memory.read(address, SIGINFO_SIZE), number)
    if (info.code >= 0 or info.code == SI_TKILL) and target != call.process.pid:
        raise LinuxError(Errno.EPERM)  # a process must not pretend to be the kernel
    return info


def _check_number(number: int) -> None:
    if not 0 <= number <= NSIG:
        raise LinuxError(Errno.EINVAL)


def _queued_or_full(sent: bool) -> int:
    if not sent:
        raise LinuxError(Errno.EAGAIN)
    return 0


def _read_mask(call: Call, address: int) -> int:
    return int.from_bytes(call.memory.read(address, _SIGSET_SIZE), "little")


def signalfd4(call: Call, fd: int, address: int, size: int, flags: int) -> int:
    """Make a signalfd (`fd` -1), or give an existing one another mask."""
    number, flags = as_int(fd), flags & 0xFFFF_FFFF
    mask = read_mask(call, address, size)
    if flags & ~(uapi_signal.SFD_CLOEXEC | uapi_signal.SFD_NONBLOCK):
        raise LinuxError(Errno.EINVAL)
    if number == -1:
        file = SignalFd(call.process, mask, flags)
        return call.process.files.install(call.new_fd(), file, bool(flags & uapi_signal.SFD_CLOEXEC))
    old = call.file(fd)
    if not isinstance(old, SignalFd):
        raise LinuxError(Errno.EINVAL)
    old.mask = mask
    call.kernel.scheduler.wake_all(call.cpu, call.process.signals.arrivals, POLLIN)
    return number


def signalfd(call: Call, fd: int, address: int, size: int) -> int:
    return signalfd4(call, fd, address, size, 0)


def read_mask(call: Call, address: int, size: int) -> int:
    """The `sigset_t` argument of a call like ppoll. Raises LinuxError EINVAL (size), EFAULT."""
    if size != _SIGSET_SIZE:
        raise LinuxError(Errno.EINVAL)
    return _read_mask(call, address) & ~UNBLOCKABLE
