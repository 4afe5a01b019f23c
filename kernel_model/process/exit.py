"""The end of threads and processes, and its effects on parents and children (kernel/exit.c, kernel/signal.c).

The status of the first process is the run's. The run goes on while another process has the machine's output open, as a
reader of a pipe would wait. The parent of the first process, and of orphans, is outside the machine (pid 0, as in a pid
namespace) and need not wait for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.signal import (
    CLD_CONTINUED,
    CLD_EXITED,
    CLD_KILLED,
    CLD_STOPPED,
    NSIG,
    SA_NOCLDSTOP,
    SA_NOCLDWAIT,
    SI_USER,
    SIG_IGN,
)
from kernel_model.abi.uapi import POLLHUP, POLLIN, POLLRDNORM, LinuxError, Signal
from kernel_model.call import clocks
from kernel_model.call.rights import credentials_of
from kernel_model.ipc import sem
from kernel_model.ipc.shm import note_exit
from kernel_model.process import orphans, robust_list
from kernel_model.process.futex import shared_key
from kernel_model.signal import send as signal_send
from kernel_model.task import usage
from kernel_model.task.process_end import ProcessEnd
from kernel_model.task.siginfo import SigInfo
from kernel_model.task.task import Process, Task
from pffemu.events.fields import Label
from pffemu.events.kernel import FaultAbandoned, ProcessExited, ThreadExited

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.process.kernel import ProcessKernel
    from pffemu.hw.cpu import Cpu


def end_thread(kernel: ProcessKernel, cpu: Cpu, task: Task, status: int) -> None:
    """The running thread exits; if it is the last one, its process exits with its status."""
    process = task.process
    if len(process.tasks) == 1:
        cpu.emit(ThreadExited, status)
        end_process(kernel, cpu, process, ProcessEnd(status))
        return
    _forget_thread(kernel, cpu, task)
    cpu.emit(ThreadExited, status)
    kill_thread(kernel, cpu, task)


def kill_thread(kernel: ProcessKernel, cpu: Cpu, task: Task) -> None:
    """End a thread while its process goes on, also for execve in another thread."""
    _remove_thread(kernel, cpu, task)
    process = task.process
    _hand_over(kernel, cpu, process, [child for child in process.children if child.parent_task is task], process)


def _remove_thread(kernel: ProcessKernel, cpu: Cpu, task: Task) -> None:
    kernel.forget_fault(task)
    abandon_faults(cpu, task)
    _forget_thread(kernel, cpu, task)
    kernel.scheduler.remove(task)
    close_accounts(kernel, task.tid)
    task.process.tasks.remove(task)
    task.process.dead_usage.add(task.usage)
    task.process.credentials = task.credentials
    kernel.file_locks.forget(cpu, task)
    kernel.scheduler.wake_all(cpu, task.process.exits, POLLIN | POLLRDNORM)


def close_accounts(kernel: ProcessKernel, tid: int) -> None:
    """No thread has this number any more."""
    for cpu in kernel.cpus:
        cpu.thread_ended(tid)


def abandon_faults(cpu: Cpu, task: Task) -> None:
    """The thread, or its program, is gone: it will not return to a refused access."""
    fault = cpu.bus.faults.forget(task.tid)
    if fault:
        cpu.bus.emit(FaultAbandoned(cpu.clock, cpu.index, task.tid, fault, Label("exited")))


def end_process(kernel: ProcessKernel, cpu: Cpu, process: Process, end: ProcessEnd) -> None:
    """End all threads, close the files, leave the address space; a zombie stays until the parent waits for it."""
    cpu.emit(ProcessExited, process.pid, end.status)
    process.last_name = process.tasks[0].name
    for task in list(process.tasks):
        _remove_thread(kernel, cpu, task)
    process.end = end
    kernel.scheduler.wake_all(cpu, process.exits, POLLIN | POLLRDNORM)
    usage.keep_peak(process)
    leave_files(kernel, cpu, process)
    leave_mm(kernel, cpu, process, process.mm)
    process.posix_timers.remove_all()
    for timer in list(process.timers):
        kernel.scheduler.timers.disarm(timer)
    kernel.terminals.session_ends(cpu, process)
    jobs = orphans.outside_jobs(process)
    _leave_children(kernel, cpu, process)
    _send(kernel, cpu, orphans.hang_ups(kernel.processes, jobs))
    _tell_parent(kernel, cpu, process, end)
    end_if_unheard(kernel, cpu)


def end_if_unheard(kernel: ProcessKernel, cpu: Cpu) -> None:
    """The run is over when the first process has ended and no other one has the machine's output open."""
    first = kernel.first_process
    if kernel.ended is None and first is not None and first.end is not None:
        heard = kernel.options.outlive and any(file.references for file in kernel.outputs)
        if not heard or not any(process.tasks for process in kernel.processes.values()):
            _end_run(kernel, cpu, first.end, "can be heard no more: its standard output and error are closed")


def end_if_asleep(kernel: ProcessKernel, cpu: Cpu) -> None:
    """No thread can run any more: the run ends if the first process has ended; otherwise it is a deadlock."""
    first = kernel.first_process
    if kernel.ended is None and first is not None and first.end is not None:
        _end_run(kernel, cpu, first.end, "would wait for ever")


def _end_run(kernel: ProcessKernel, cpu: Cpu, end: ProcessEnd, why: str) -> None:
    left = [process.pid for process in kernel.processes.values() if process.tasks]
    if left and kernel.options.outlive:
        kernel.printk.warn_once(cpu, f"process {', '.join(map(str, left))} ends with the run: it {why}")
    kernel.ended = end
    kernel.host_pages.write_back()


def _forget_thread(kernel: ProcessKernel, cpu: Cpu, task: Task) -> None:
    """Release what a dying thread has in user memory (robust futexes, pthread_join's word), and its receiver."""
    robust_list.release(kernel, cpu, task)
    forget_mm(kernel, cpu, task)
    kernel.uintr.forget(task)
    sem.leave(kernel.ipc.semaphores, kernel.scheduler, cpu, task, clocks.realtime_seconds(cpu))


def forget_mm(kernel: ProcessKernel, cpu: Cpu, task: Task) -> None:
    """mm_release: CLONE_CHILD_CLEARTID, if another thread still uses the address space."""
    address, task.clear_child_tid = task.clear_child_tid, 0
    if not address or not _is_shared(kernel, task):
        return
    try:
        robust_list.poke_u32(kernel, cpu, task, address, 0)
        kernel.futexes.wake(cpu, shared_key(task.process.mm, address), 1)
    except LinuxError:
        return  # Linux ignores a bad address here


def _is_shared(kernel: ProcessKernel, task: Task) -> bool:
    mm = task.process.mm
    return len(task.process.tasks) > 1 or any(
        other.mm is mm and other.tasks for other in kernel.processes.values() if other is not task.process
    )


def leave_files(kernel: ProcessKernel, cpu: Cpu, process: Process) -> None:
    """Close all descriptors, unless another process shares the table (CLONE_FILES)."""
    others = (other for other in kernel.processes.values() if other is not process and other.tasks)
    if not any(other.files is process.files for other in others):
        process.files.close_all(cpu)


def leave_mm(kernel: ProcessKernel, cpu: Cpu, process: Process, mm: Mm) -> None:
    """The process leaves `mm`: its parent in vfork goes on, the last user frees it.

    The first process's last address space stays, for a debugger.
    """
    kernel.scheduler.wake_all(cpu, process.vfork_done)
    if any(other.mm is mm and other.tasks for other in kernel.processes.values() if other is not process):
        return
    note_exit(mm, process.pid, clocks.realtime_seconds(cpu))
    if kernel.first_process is not None and mm is kernel.first_process.mm:
        kernel.uintr.release_mm(mm)
    else:
        kernel.release_mm(cpu, mm)


def _leave_children(kernel: ProcessKernel, cpu: Cpu, process: Process) -> None:
    """Give orphans to the next ancestor with PR_SET_CHILD_SUBREAPER; without one they have no parent.

    Their ends are told with SIGCHLD: the signal that their parent chose could end the new one.
    """
    reaper = process.parent
    while reaper is not None and not (reaper.is_subreaper and reaper.tasks):
        reaper = reaper.parent
    children, process.children = process.children, []
    for child in children:
        child.parent, child.exit_signal = reaper, int(Signal.SIGCHLD)
        if reaper is not None:
            reaper.children.append(child)
            if child.end is not None:
                _tell_parent(kernel, cpu, child, child.end)
        elif child.end is not None:
            _forget(kernel, cpu, child)
    _hand_over(kernel, cpu, process, children, reaper)


def _hand_over(kernel: ProcessKernel, cpu: Cpu, dead: Process, children: list[Process], heir: Process | None) -> None:
    """Give `children` of a thread of `dead` that ended to a thread of `heir`, and send PR_SET_PDEATHSIG's signals."""
    user, waiting = dead.credentials.user.real, []
    for child in children:
        child.parent_task = heir.tasks[0] if heir is not None else None
        numbers = (task.settings.parent_death_signal for task in child.tasks)
        waiting += [(SigInfo.from_user(number, SI_USER, dead.pid, user), child) for number in numbers if number]
    _send(kernel, cpu, waiting)


def _send(kernel: ProcessKernel, cpu: Cpu, signals: list[tuple[SigInfo, Process]]) -> None:
    """Send what an end sends. Such a signal may end a process, whose signals are sent after it, not within."""
    waiting = kernel.signals_of_ends
    innermost = bool(waiting)
    waiting.extend(signals)
    while waiting and not innermost:
        signal_send.send_to_process(kernel, cpu, *waiting[0])
        waiting.popleft()


def _tell_parent(kernel: ProcessKernel, cpu: Cpu, process: Process, end: ProcessEnd) -> None:
    """do_notify_parent: SIGCHLD, and wake threads in wait; a parent that ignores SIGCHLD never sees a zombie."""
    parent = process.parent
    if parent is None or not parent.tasks:
        _forget(kernel, cpu, process)
        return
    number = int(Signal.SIGCHLD) if process.parent_has_execed else process.exit_signal
    action = parent.signals.handlers.actions[Signal.SIGCHLD]
    unwanted = action.handler == SIG_IGN or bool(action.flags & SA_NOCLDWAIT)
    autoreap = number == Signal.SIGCHLD and unwanted
    if 0 < number <= NSIG and not (autoreap and action.handler == SIG_IGN):
        info = _child_info(kernel, process, CLD_EXITED if end.signal is None else CLD_KILLED, end)
        _send(kernel, cpu, [(info.renumbered(number), parent)])
    if autoreap:
        reap(kernel, cpu, process)
    kernel.scheduler.wake_all(cpu, parent.child_changes)


def _child_info(
    kernel: ProcessKernel, process: Process, code: int, end: ProcessEnd | None = None, status: int = 0
) -> SigInfo:
    if end is not None:
        status = end.status if end.signal is None else int(end.signal)
    total, user = kernel.scheduler.times.of_process(process), kernel.scheduler.times.user_of_process(process)
    ticks = (cycles * 100 // kernel.cpus[0].profile.frequency for cycles in (user, total - user))
    return SigInfo.of_child(code, process.pid, credentials_of(process).user.real, status, *ticks)


def stopped(kernel: ProcessKernel, cpu: Cpu, process: Process) -> None:
    """The last thread has stopped: notify the parent."""
    process.stop_seen = False
    _tell_change(kernel, cpu, process, CLD_STOPPED, process.signals.stopped_by)


def continued(kernel: ProcessKernel, cpu: Cpu, process: Process) -> None:
    process.continue_seen = False
    _tell_change(kernel, cpu, process, CLD_CONTINUED, int(Signal.SIGCONT))


def _tell_change(kernel: ProcessKernel, cpu: Cpu, process: Process, code: int, status: int) -> None:
    parent = process.parent
    if parent is None:
        return
    action = parent.signals.handlers.actions[Signal.SIGCHLD]
    if action.handler != SIG_IGN and not action.flags & SA_NOCLDSTOP:
        signal_send.send_to_process(kernel, cpu, _child_info(kernel, process, code, status=status), parent)
    kernel.scheduler.wake_all(cpu, parent.child_changes)


def reap(kernel: ProcessKernel, cpu: Cpu, process: Process) -> None:
    """Remove the zombie."""
    if process.parent is not None:
        process.parent.children.remove(process)
    _forget(kernel, cpu, process)


def _forget(kernel: ProcessKernel, cpu: Cpu, process: Process) -> None:
    """The process's number leads to it no more; a pidfd still does."""
    kernel.processes.pop(process.pid, None)
    process.is_reaped = True
    kernel.scheduler.wake_all(cpu, process.exits, POLLIN | POLLRDNORM | POLLHUP)
