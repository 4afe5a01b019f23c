"""/proc/PID/stat and statm (fs/proc/array.c: do_task_stat, proc_pid_statm)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.files.proc.rss import rss, size
from kernel_model.files.proc.state import priority_of, state_of
from kernel_model.files.proc.status import masks
from kernel_model.files.proc.subject import is_visible, ticks
from kernel_model.mm.layout import MemoryLayout
from kernel_model.task.scheduling import Scheduling
from kernel_model.task.usage import Usage
from pffemu.arch.paging import PAGE_SIZE, page_of, pages_up

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.proc.subject import Subject

_RSS: Final = 5  # RLIMIT_RSS
_PF_FORKNOEXEC: Final = 0x40
_SHOWN_SIGNALS: Final = 0x7FFF_FFFF
_RT_LEVELS: Final = 100  # MAX_RT_PRIO


def stat(call: Caller, subject: Subject) -> str:
    """The 52 fields. RSP and RIP are 0, as of a thread that lives."""
    process, task, mm = subject.process, subject.task, subject.mm
    usage = _usage(call, subject)
    children = process.children_usage if subject.whole else Usage()
    ignored, caught = masks(process.signals) if task is not None else (0, 0)
    pending, blocked = (task.signals.pending.mask, task.signals.blocked) if task is not None else (0, 0)
    scheduling = task.scheduling if task is not None else Scheduling()
    is_shown = is_visible(call, subject)
    layout = mm.layout if mm is not None and is_shown else MemoryLayout()
    is_leader, terminal = subject.tid == process.pid, process.terminal
    forked = process.parent is not None and not process.has_execed
    fields = (
        subject.tid, f"({subject.name})", state_of(call, subject),
        process.parent.pid if process.parent is not None else 0,
        process.group, process.session, terminal.device if terminal is not None else 0,
        terminal.group if terminal is not None else -1, _PF_FORKNOEXEC if forked else 0,
        usage.minor_faults, children.minor_faults, usage.major_faults, children.major_faults,
        ticks(call, usage.user), ticks(call, usage.time - usage.user),
        ticks(call, children.user), ticks(call, children.time - children.user),
        priority_of(scheduling) - _RT_LEVELS, scheduling.nice, len(process.tasks), 0,
        ticks(call, task.started) if task is not None else 0,
        mm.vmas.size if mm is not None else 0, rss(mm).total if mm is not None else 0,
        process.limits[_RSS][0],
        layout.start_code or int(mm is not None), layout.end_code or int(mm is not None), layout.start_stack, 0, 0,
        pending & _SHOWN_SIGNALS, blocked & _SHOWN_SIGNALS, ignored & _SHOWN_SIGNALS, caught & _SHOWN_SIGNALS,
        int(state_of(call, subject) != "R" and task is not None and is_shown), 0, 0,
        process.exit_signal if is_leader else -1, task.cpu_index if task is not None else 0,
        scheduling.priority, scheduling.policy, 0, 0, 0,
        layout.start_data, layout.end_data, mm.brk_start if mm is not None and is_shown else 0,
        layout.arg_start, layout.arg_end, layout.env_start, layout.env_end,
        process.end.wait_status if process.end is not None and is_shown else 0,
    )  # fmt: skip
    return " ".join(map(str, fields)) + "\n"


def _usage(call: Caller, subject: Subject) -> Usage:
    """What the thread used up to now, or all threads of the process, dead ones included."""
    scheduler, process, total = call.kernel.scheduler, subject.process, Usage()
    if not subject.whole and subject.task is not None:
        total.add(subject.task.usage)
        total.time = scheduler.times.of_thread(subject.task)
        total.user = scheduler.times.user_of_thread(subject.task)
        return total
    for part in (process.dead_usage, *(task.usage for task in process.tasks)):
        total.add(part)
    total.time, total.user = scheduler.times.of_process(process), scheduler.times.user_of_process(process)
    return total


def statm(call: Caller, subject: Subject) -> str:
    """Pages: size, resident, of them with a file, text, library (0), data and stack, dirty (0)."""
    mm = subject.mm
    if mm is None:
        return "0 0 0 0 0 0 0\n"
    areas, pages, layout = size(mm), rss(mm), mm.layout
    text = (pages_up(layout.end_code) - page_of(layout.start_code)) // PAGE_SIZE
    return f"{areas.total} {pages.total} {pages.file + pages.shmem} {text} 0 {areas.data + areas.stack} 0\n"
