"""The state of a thread as /proc names it (fs/proc/array.c: get_task_state), and what it sleeps in (wchan)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.syscalls import Sys
from kernel_model.task.scheduling import DEADLINE, REAL_TIME, Scheduling
from kernel_model.task.sleep import SleepIn
from kernel_model.task.task import Task, TaskState
from kernel_model.wait.queue import Interruptible

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.proc.subject import Subject

LETTERS: Final = {
    "R": "running", "S": "sleeping", "D": "disk sleep", "T": "stopped", "t": "tracing stop", "X": "dead",
    "Z": "zombie",
}  # fmt: skip
_POLL: Final = "poll_schedule_timeout.constprop.0"
# the function of Linux 6.18 in which such a call sleeps
_SLEEPS_IN: Final[dict[int, str]] = {
    Sys.FUTEX: "futex_do_wait", Sys.NANOSLEEP: "hrtimer_nanosleep", Sys.CLOCK_NANOSLEEP: "hrtimer_nanosleep",
    Sys.READ: "anon_pipe_read", Sys.READV: "anon_pipe_read", Sys.WRITE: "anon_pipe_write",
    Sys.WRITEV: "anon_pipe_write", Sys.POLL: _POLL, Sys.PPOLL: _POLL, Sys.SELECT: _POLL, Sys.PSELECT6: _POLL,
    Sys.EPOLL_WAIT: "ep_poll", Sys.EPOLL_PWAIT: "ep_poll", Sys.EPOLL_PWAIT2: "ep_poll",
    Sys.WAIT4: "do_wait", Sys.WAITID: "do_wait", Sys.RT_SIGSUSPEND: "sigsuspend", Sys.PAUSE: "do_sys_pause",
    Sys.RT_SIGTIMEDWAIT: "do_sigtimedwait",
}  # fmt: skip


def state_of(call: Caller, subject: Subject) -> str:
    """The letter in stat and status."""
    return "Z" if subject.task is None else state_of_thread(subject.task)


def state_of_thread(task: Task) -> str:
    if task.state is not TaskState.BLOCKED or task.sleep is None:
        return "R"
    if task.process.signals.stopped in task.sleep.queues:
        return "T"
    waits_for_page = task.sleep.of is SleepIn.FAULT
    return "D" if task.sleep.interruptible is Interruptible.NO and not waits_for_page else "S"


def priority_of(scheduling: Scheduling) -> int:
    """Linux: task_struct's prio, 0 to 139; -1 of SCHED_DEADLINE."""
    if scheduling.policy == DEADLINE:
        return -1
    return 99 - scheduling.priority if scheduling.policy in REAL_TIME else 120 + scheduling.nice


def wchan(task: Task) -> str:
    """The function that the thread sleeps in; "0" of one that runs. There is no newline."""
    if state_of_thread(task) == "R" or task.sleep is None:
        return "0"
    if task.process.signals.stopped in task.sleep.queues:
        return "do_signal_stop"
    if task.sleep.uffd is not None or task.sleep.call is None:
        return "handle_userfault"
    return _SLEEPS_IN.get(task.sleep.call.number, "schedule_timeout")
