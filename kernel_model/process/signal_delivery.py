"""Delivery of signals before ring 3 runs on: default actions, handlers, and the end of an interrupted call.

kernel/signal.c (get_signal), arch/x86/kernel/signal.c (handle_signal, arch_do_signal_or_restart). An interrupted call
still has its registers, as every blocked call here: it fails with EINTR, or RIP returns to its SYSCALL, or, when no
handler runs, it starts again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.signal import SA_NODEFER, SA_RESETHAND, SA_RESTART, SIG_DFL, SIG_IGN
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.process import exit
from kernel_model.signal import frame as signal_frame
from kernel_model.signal import send as signal_send
from kernel_model.task.groups import is_orphaned
from kernel_model.task.siginfo import SigInfo
from kernel_model.task.signals import IGNORED_BY_DEFAULT, STOPS, PendingSignals, SigAction, bit
from kernel_model.task.sleep import Sleep, SleepIn
from kernel_model.task.task import Task, TaskState
from kernel_model.wait.queue import Blocked, Interruptible
from pffemu.arch.encodings import SYSCALL_LENGTH
from pffemu.arch.exceptions import PF
from pffemu.events.fields import Hex, Label
from pffemu.events.signals import SignalDelivered

if TYPE_CHECKING:
    from kernel_model.process.kernel import ProcessKernel
    from pffemu.hw.cpu import Cpu

_RUNNABLE: Final = TaskState.RUNNABLE  # members of an enum take ten times as long to look up


def deliver(kernel: ProcessKernel, cpu: Cpu, task: Task) -> None:
    """Act on all signals that are due; afterwards the thread runs on, sleeps, is stopped, or is dead."""
    signals, shared = task.signals, task.process.signals
    if kernel.signals_wait:
        return
    while signals.due and task.state is _RUNNABLE:
        if shared.stopped_by:
            _stop(kernel, cpu, task)
            return
        taken = signal_send.first_pending(task, ~signals.blocked)
        if taken is None:
            signals.due = False
            break
        info, pending = taken
        action = shared.handlers.actions[info.signo]
        if action.handler not in (SIG_DFL, SIG_IGN):
            info = signal_send.settled(cpu, info, pending)
            signal_send.tell(cpu, task, info)
            if kernel.signals_wait or not _handle(kernel, cpu, task, action, info, pending):
                return
            continue
        signal_send.take(kernel, cpu, task, info, pending)
        if action.handler == SIG_IGN or bit(info.signo) & IGNORED_BY_DEFAULT:
            continue
        if bit(info.signo) & STOPS:
            if info.signo != Signal.SIGSTOP and is_orphaned(kernel.processes, task.process.group):
                continue
            signal_send.stop(kernel, cpu, task.process, info.signo)
            continue
        kernel.kill(cpu, task, info)
        if kernel.signals_wait:
            return
    sleep = task.sleep
    if sleep is not None and sleep.interrupted and task.state is _RUNNABLE:
        _start_again(kernel, cpu, task, sleep)
    elif signals.saved_blocked is not None and task.state is _RUNNABLE and (sleep is None or not sleep.call):
        signal_send.restore_blocked(kernel, cpu, task)


def _stop(kernel: ProcessKernel, cpu: Cpu, task: Task) -> None:
    """do_signal_stop: sleep until SIGCONT; an interrupted call goes on after that."""
    stopped_by = task.process.signals.stopped_by
    why = f"SIGCONT (stopped by {Signal(stopped_by).name})"
    queue = task.process.signals.stopped
    sleep = Sleep(SleepIn.EVENT, why=why, queues=(queue,), behind=task.sleep)
    kernel.scheduler.block(cpu, task, sleep, Label("stopped"))
    task.signals.due = False
    if all(other.queues == (queue,) for other in task.process.tasks):
        exit.stopped(kernel, cpu, task.process)


def _handle(
    kernel: ProcessKernel, cpu: Cpu, task: Task, action: SigAction, info: SigInfo, pending: PendingSignals
) -> bool:
    """Let the handler run next. False when the thread must sleep first, or dies."""
    signals = task.signals
    _finish_call(kernel, cpu, task, action)
    registers = cpu.engine.save_registers()
    try:
        entry = signal_frame.push(cpu, task, registers, action, info)
    except Blocked as blocked:
        kernel.scheduler.block(cpu, task, Sleep.after(blocked, SleepIn.EVENT), Label("signal"))
        return False
    except LinuxError:
        signal_send.take(kernel, cpu, task, info, pending)
        if info.signo == Signal.SIGSEGV:  # its own frame failed: kill
            signal_send.reset_to_default(task.process, info.signo)
        why = f"the stack cannot take the frame of {Signal(info.signo).name}, RSP {registers.word('rsp'):#x}"
        signal_send.force(kernel, cpu, SigInfo.from_kernel(Signal.SIGSEGV, info.why or why, info.trap), task)
        return task.state is _RUNNABLE
    signal_send.take(kernel, cpu, task, info, pending)
    cpu.engine.load_registers(entry)
    if action.flags & SA_RESETHAND:
        signal_send.reset_to_default(task.process, info.signo)
    signals.saved_blocked = None
    mask = signals.blocked | action.mask | (0 if action.flags & SA_NODEFER else bit(info.signo))
    signal_send.set_blocked(kernel, cpu, task, mask)
    cpu.charge("kernel.signal.deliver")
    own = info.trap is not None and info.trap.vector == PF
    fault = cpu.bus.faults.take(task.tid, Label(Signal(info.signo).name)) if own else 0
    cpu.emit(SignalDelivered, int(info.signo), info.code, Hex(action.handler), Hex(entry.word("rsp")), fault)
    return True


def _finish_call(kernel: ProcessKernel, cpu: Cpu, task: Task, action: SigAction) -> None:
    """Before a handler runs, end the interrupted call with EINTR, or let it start again after the handler."""
    sleep, call = task.sleep, task.interrupted_call
    if sleep is None or call is None:
        return
    task.sleep = None
    registers = cpu.registers.group("rip", "rflags", "rax", "rcx", "r11")
    rip, rflags, *_ = registers.read()
    restarts = sleep.interruptible is Interruptible.ERESTARTSYS and action.flags & SA_RESTART
    if restarts or sleep.interruptible is Interruptible.ERESTARTNOINTR:
        registers.write(rip - SYSCALL_LENGTH, rflags, call.number, rip, rflags)
        cpu.left_block()
    else:
        errno = Errno.EAGAIN if sleep.interruptible is Interruptible.EAGAIN else Errno.EINTR
        kernel.entry.return_error(cpu, task, call, errno)


def _start_again(kernel: ProcessKernel, cpu: Cpu, task: Task, sleep: Sleep) -> None:
    """No handler ran: the call starts again and waits for the rest of its time."""
    task.sleep = None
    if task.signals.saved_blocked is not None:
        signal_send.restore_blocked(kernel, cpu, task)
    if sleep.call is not None and sleep.interruptible is Interruptible.EAGAIN:
        kernel.entry.return_error(cpu, task, sleep.call, Errno.EAGAIN)
    elif sleep.call is not None:
        kernel.entry.restart(cpu, task, sleep.call)
