"""Sending a signal: whether it is ignored, where it queues, what it wakes (kernel/signal.c, send_signal_locked)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_model.abi.limits import SIGPENDING
from kernel_model.abi.signal import SI_USER, SIG_DFL, SIG_IGN
from kernel_model.abi.uapi import POLLIN, Signal
from kernel_model.signal.traps import recorded
from kernel_model.task.siginfo import SigInfo
from kernel_model.task.signals import (
    FIRST_REALTIME,
    IGNORED_BY_DEFAULT,
    STOPS,
    UNBLOCKABLE,
    PendingSignals,
    bit,
    ignores,
)
from kernel_model.task.sleep import SleepIn
from kernel_model.task.task import Process, Task, TaskState
from kernel_model.wait.queue import Interruptible
from pffemu.events.details import SignalTaken
from pffemu.events.signals import SignalSent

if TYPE_CHECKING:
    from kernel_model.task.kernel import Kernel
    from pffemu.hw.cpu import Cpu

_DUMPS = sum(
    bit(signo)
    for signo in (
        *(Signal.SIGQUIT, Signal.SIGILL, Signal.SIGTRAP, Signal.SIGABRT, Signal.SIGFPE, Signal.SIGSEGV, Signal.SIGBUS),
        *(Signal.SIGSYS, Signal.SIGXCPU, Signal.SIGXFSZ),
    )
)  # these kill when the thread runs on; other fatal signals kill at once


def send_to_process(kernel: Kernel, cpu: Cpu, info: SigInfo, process: Process) -> bool:
    """Send to any thread of `process` that does not block it. False when a real-time signal's queue is full."""
    return _send(kernel, cpu, info, process, None)


def send_to_task(kernel: Kernel, cpu: Cpu, info: SigInfo, task: Task) -> bool:
    """Send to `task` alone. False when a real-time signal's queue is full."""
    return _send(kernel, cpu, info, task.process, task)


def force(kernel: Kernel, cpu: Cpu, info: SigInfo, task: Task) -> None:
    """The running thread's own fault: blocking or ignoring it does not help (force_sig_info_to_task)."""
    handlers, signals = task.process.signals.handlers, task.signals
    action = handlers.actions[info.signo]
    if signals.blocked & bit(info.signo) or action.handler == SIG_IGN:
        handlers.actions[info.signo] = replace(action, handler=SIG_DFL)
        signals.blocked &= ~bit(info.signo)
    if info.trap is not None:
        signals.last_trap = recorded(info.trap, signals.last_trap)
    if handlers.actions[info.signo].handler == SIG_DFL:
        kernel.kill(cpu, task, info)
        return
    cpu.emit(SignalSent, int(info.signo), info.code, task.tid)
    signals.pending.add(info)
    signals.due = True


def recalculate(task: Task) -> None:
    """recalc_sigpending: after a change of the mask or of what is pending."""
    signals, shared = task.signals, task.process.signals
    pending = (signals.pending.mask | shared.pending.mask) & ~signals.blocked
    interrupted = task.sleep is not None and task.sleep.interrupted
    signals.due = bool(pending) or bool(shared.stopped_by) or interrupted


def set_blocked(kernel: Kernel, cpu: Cpu, task: Task, mask: int) -> None:
    """Set the thread's mask; other threads are told of the process's pending signals that it now blocks."""
    newly = mask & ~task.signals.blocked & task.process.signals.pending.mask
    task.signals.blocked = mask & ~UNBLOCKABLE
    recalculate(task)
    if newly:
        for other in task.process.tasks:
            if other is not task and newly & ~other.signals.blocked:
                _notify(kernel, cpu, other)


def swap_blocked(kernel: Kernel, cpu: Cpu, task: Task, mask: int) -> None:
    """Set `mask` until the call ends (sigsuspend, ppoll, epoll_pwait); a restarted call changes nothing."""
    if task.signals.saved_blocked is None:
        task.signals.saved_blocked = task.signals.blocked
        set_blocked(kernel, cpu, task, mask)


def restore_blocked(kernel: Kernel, cpu: Cpu, task: Task) -> None:
    mask, task.signals.saved_blocked = task.signals.saved_blocked, None
    if mask is not None:
        set_blocked(kernel, cpu, task, mask)


def first_pending(task: Task, wanted: int) -> tuple[SigInfo, PendingSignals] | None:
    """The next signal of the mask `wanted`, the thread's own first, and where it queues."""
    for pending in (task.signals.pending, task.process.signals.pending):
        while (info := pending.first(wanted)) is not None:
            if info.timer is None or info.timer.is_due:
                return info, pending
            pending.remove(info)  # the timer was set anew, or deleted
    return None


def settled(cpu: Cpu, info: SigInfo, pending: PendingSignals) -> SigInfo:
    """`info` as it is delivered now: a timer's signal has the overruns until now."""
    if info.timer is None:
        return info
    now = info.with_overruns(info.timer.overruns(cpu))
    pending.exchange(info, now)
    return now


def take(kernel: Kernel, cpu: Cpu, task: Task, info: SigInfo, pending: PendingSignals) -> None:
    """dequeue_signal: remove `info` from `pending`."""
    pending.remove(info)
    recalculate(task)
    if info.timer is not None:
        info.timer.taken(cpu)
    elif info.signo == Signal.SIGALRM:
        for timer in task.process.timers:
            timer.taken(cpu)


def put_back(kernel: Kernel, cpu: Cpu, task: Task, info: SigInfo) -> None:
    """Make the signal that `task` was about to die of pending again; it acts when the thread runs on."""
    task.signals.pending.put_back(info)
    _notify(kernel, cpu, task)


def tell(cpu: Cpu, task: Task, info: SigInfo) -> None:
    """Send SignalTaken to the detail listeners: `task` is about to run its handler, or to die."""
    if cpu.bus.details:
        cpu.detail(SignalTaken, int(info.signo), info.code, task.tid, info.pack())


def ignore_pending(process: Process, signo: int) -> None:
    """sigaction has made `signo` ignored: discard its pending signals."""
    process.signals.pending.flush(bit(signo))
    for task in process.tasks:
        task.signals.pending.flush(bit(signo))
        recalculate(task)


def _send(kernel: Kernel, cpu: Cpu, info: SigInfo, process: Process, only: Task | None) -> bool:
    if not process.tasks:
        return True  # a zombie takes everything
    signo, shared = info.signo, process.signals
    cpu.emit(SignalSent, signo, info.code, only.tid if only is not None else process.pid)
    if signo == Signal.SIGKILL:
        kernel.kill(cpu, only or process.tasks[0], info)
        return True
    _stop_or_continue(kernel, cpu, process, signo)
    target = only or _receiver(process, signo)
    action = shared.handlers.actions[signo]
    own = bit(signo)
    if ignores(action, signo) and not any(
        own & (task.signals.blocked | task.signals.waiting_for) for task in _possible(process, only)
    ):
        return True
    queue = only.signals.pending if only is not None else shared.pending
    if signo >= FIRST_REALTIME and info.timer is None and _queued(kernel) >= process.limits[SIGPENDING][0]:
        if info.code != SI_USER:
            return False
        info = SigInfo.from_user(signo, SI_USER, 0, 0)  # it is pending, but nothing is known of it
        if queue.mask & own:
            return True
    if not queue.add(info):
        return signo < FIRST_REALTIME
    kernel.scheduler.wake_all(cpu, shared.arrivals, POLLIN)
    if target is None:
        return True
    fatal = action.handler == SIG_DFL and not own & (IGNORED_BY_DEFAULT | STOPS | _DUMPS)
    if fatal and not shared.stopped_by and not own & (target.signals.blocked | target.signals.waiting_for):
        kernel.kill(cpu, target, info)
        return True
    if not own & target.signals.blocked or own & target.signals.waiting_for:
        _notify(kernel, cpu, target)
    return True


def _queued(kernel: Kernel) -> int:
    """The number of signals in all queues, of all users together."""
    processes = kernel.processes.values()
    shared = sum(len(process.signals.pending.queue) for process in processes)
    return shared + sum(len(task.signals.pending.queue) for process in processes for task in process.tasks)


def _possible(process: Process, only: Task | None) -> list[Task]:
    return [only] if only is not None else process.tasks


def _receiver(process: Process, signo: int) -> Task | None:
    """complete_signal: the first thread that wants the signal, preferably one without signals due."""
    wanting = [
        task for task in process.tasks if not bit(signo) & task.signals.blocked or bit(signo) & task.signals.waiting_for
    ]
    free = [task for task in wanting if not task.signals.due]
    return next(iter(free or wanting), None)


def _notify(kernel: Kernel, cpu: Cpu, task: Task) -> None:
    """signal_wake_up: `task` has something to do before ring 3 runs on."""
    task.signals.due = True
    sleep = task.sleep
    if task.state is TaskState.BLOCKED and sleep is not None and sleep.interruptible is not Interruptible.NO:
        sleep.interrupted = True
        if sleep.of is SleepIn.FAULT:
            kernel.forget_fault(task)
        kernel.scheduler.wake(cpu, task)


def _stop_or_continue(kernel: Kernel, cpu: Cpu, process: Process, signo: int) -> None:
    """prepare_signal: a stop signal cancels SIGCONT and the reverse; SIGCONT resumes even if blocked or ignored."""
    shared = process.signals
    if not (bit(signo) & STOPS or signo == Signal.SIGCONT):
        return
    cancelled = bit(Signal.SIGCONT) if bit(signo) & STOPS else STOPS
    for pending in (shared.pending, *(task.signals.pending for task in process.tasks)):
        pending.flush(cancelled)
    if signo == Signal.SIGCONT and shared.stopped_by:
        shared.stopped_by = 0
        kernel.scheduler.wake_all(cpu, shared.stopped)
        for task in process.tasks:
            recalculate(task)
        kernel.continued(cpu, process)


def stop(kernel: Kernel, cpu: Cpu, process: Process, signo: int) -> None:
    """A stop signal's default action: every thread stops before it runs on in ring 3."""
    process.signals.stopped_by = signo
    for task in process.tasks:
        _notify(kernel, cpu, task)


def reset_to_default(process: Process, signo: int) -> None:
    """Set the disposition of `signo` to SIG_DFL; mask and flags stay."""
    actions = process.signals.handlers.actions
    actions[signo] = replace(actions[signo], handler=SIG_DFL)
