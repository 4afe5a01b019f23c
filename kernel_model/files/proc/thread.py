"""Small files of /proc/PID and of a thread's directory (fs/proc/base.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.proc.state import priority_of, state_of_thread, wchan
from kernel_model.files.proc.subject import is_visible
from kernel_model.task.credentials import CAP_SYS_NICE, CAP_SYS_RESOURCE
from kernel_model.task.scheduling import Scheduling
from kernel_model.task.usage import Usage

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.proc.subject import Subject

_NAME_SIZE: Final = 16  # bytes, TASK_COMM_LEN
_OOM_DISABLE, _OOM_ADJUST_MAX = -17, 15  # oom_adj's scale
_OOM_SCORE_MAX: Final = 1000
UNSET: Final = (1 << 32) - 1
_ARGUMENTS: Final = ("rdi", "rsi", "rdx", "r10", "r8", "r9")


def comm(_call: Caller, subject: Subject) -> str:
    return subject.name + "\n"


def set_comm(call: Caller, subject: Subject, data: bytes) -> None:
    """Name a thread of the caller's process; 15 bytes, up to a NUL. Raises LinuxError EINVAL for another process."""
    if subject.process is not call.process:
        raise LinuxError(Errno.EINVAL)
    subject.living().name = data[: _NAME_SIZE - 1].split(b"\0")[0]


def sleeps_in(call: Caller, subject: Subject) -> str:
    return wchan(subject.task) if subject.task is not None and is_visible(call, subject) else "0"


def current_call(call: Caller, subject: Subject) -> str:
    """The system call that a thread sleeps in: number, arguments, RSP, RIP."""
    task = subject.living()
    if state_of_thread(task) == "R" or task.sleep is None:
        return "running\n"
    registers = call.kernel.scheduler.registers_of(task)
    rsp, rip = registers.word("rsp"), registers.word("rip")
    if task.sleep.call is None:
        return f"-1 {rsp:#x} {rip:#x}\n"
    words = [f"{registers.word(name):#x}" for name in _ARGUMENTS]
    return f"{task.sleep.call.number} {' '.join(words)} {rsp:#x} {rip:#x}\n"


def personality(_call: Caller, subject: Subject) -> str:
    return f"{subject.process.personality:08x}\n"


def _usage(subject: Subject) -> Usage:
    total = Usage()
    own = () if subject.task is None else (subject.task.usage,)
    all_of_them = (subject.process.dead_usage, *(task.usage for task in subject.process.tasks))
    for part in all_of_them if subject.whole else own:
        total.add(part)
    return total


def io(_call: Caller, subject: Subject) -> str:
    """Bytes that read and write calls moved, and their number. No block device is behind any file."""
    usage = _usage(subject)
    return (
        f"rchar: {usage.read_bytes}\nwchar: {usage.written_bytes}\nsyscr: {usage.reads}\nsyscw: {usage.writes}\n"
        "read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n"
    )


def schedstat(call: Caller, subject: Subject) -> str:
    """Nanoseconds run, nanoseconds waited for a core (not counted: 0), turns."""
    task = subject.task
    run = call.cpu.profile.to_ns(call.kernel.scheduler.times.of_thread(task)) if task is not None else 0
    usage = task.usage if task is not None else Usage()
    return f"{run} 0 {usage.voluntary_switches + usage.involuntary_switches}\n"


def sched(call: Caller, subject: Subject) -> str:
    """The lines that do not depend on the scheduling algorithm (kernel/sched/debug.c: proc_sched_show_task)."""
    task = subject.task
    usage = task.usage if task is not None else Usage()
    run = call.cpu.profile.to_ns(call.kernel.scheduler.times.of_thread(task)) if task is not None else 0
    scheduling = task.scheduling if task is not None else Scheduling()
    rows: tuple[tuple[str, object], ...] = (
        ("se.sum_exec_runtime", f"{run // 1_000_000}.{run % 1_000_000:06}"),
        ("nr_switches", usage.voluntary_switches + usage.involuntary_switches),
        ("nr_voluntary_switches", usage.voluntary_switches), ("nr_involuntary_switches", usage.involuntary_switches),
        ("policy", scheduling.policy), ("prio", priority_of(scheduling)),
    )  # fmt: skip
    head = f"{subject.name} ({subject.tid}, #threads: {max(1, len(subject.process.tasks))})\n{'-' * 67}\n"
    return head + "".join(f"{name:<45}:{value!s:>21}\n" for name, value in rows)


def oom_score_adj(_call: Caller, subject: Subject) -> str:
    return f"{subject.process.oom_score_adjust}\n"


def set_oom_score_adj(call: Caller, subject: Subject, data: bytes) -> None:
    """Raises LinuxError EINVAL outside [-1000, 1000], EACCES below 0 without CAP_SYS_RESOURCE."""
    wanted = _number(data)
    if not -_OOM_SCORE_MAX <= wanted <= _OOM_SCORE_MAX:
        raise LinuxError(Errno.EINVAL)
    if wanted < 0 and not call.task.credentials.has(CAP_SYS_RESOURCE):
        raise LinuxError(Errno.EACCES)
    subject.process.oom_score_adjust = wanted


def oom_adj(_call: Caller, subject: Subject) -> str:
    """The same on the old scale of -17 to 15."""
    adjust = subject.process.oom_score_adjust
    if adjust == _OOM_SCORE_MAX:
        return f"{_OOM_ADJUST_MAX}\n"
    scaled = abs(adjust) * -_OOM_DISABLE // _OOM_SCORE_MAX
    return f"{min(_OOM_ADJUST_MAX, scaled if adjust >= 0 else -scaled)}\n"


def set_oom_adj(call: Caller, subject: Subject, data: bytes) -> None:
    """Raises LinuxError EINVAL outside [-17, 15], EACCES for less than it is without CAP_SYS_RESOURCE."""
    wanted = _number(data)
    if not _OOM_DISABLE <= wanted <= _OOM_ADJUST_MAX:
        raise LinuxError(Errno.EINVAL)
    scaled = abs(wanted) * _OOM_SCORE_MAX // -_OOM_DISABLE
    scaled = _OOM_SCORE_MAX if wanted == _OOM_ADJUST_MAX else scaled if wanted >= 0 else -scaled
    if scaled < subject.process.oom_score_adjust and not call.task.credentials.has(CAP_SYS_RESOURCE):
        raise LinuxError(Errno.EACCES)
    subject.process.oom_score_adjust = scaled


def oom_score(call: Caller, subject: Subject) -> str:
    """Two thirds of 1000, moved by the use of memory and oom_score_adj (mm/oom_kill.c: oom_badness)."""
    mm, adjust = subject.mm, subject.process.oom_score_adjust
    if mm is None or adjust == -_OOM_SCORE_MAX:
        return "0\n"
    total = call.kernel.frames.total
    points = mm.pages.resident + mm.pages.tables + adjust * total // _OOM_SCORE_MAX
    return f"{max(0, (_OOM_SCORE_MAX + points * _OOM_SCORE_MAX // total) * 2 // 3)}\n"


def _check_nice(call: Caller, subject: Subject) -> None:
    """Raises LinuxError EPERM: the timer slack of another process needs CAP_SYS_NICE."""
    if subject.process is not call.process and not call.task.credentials.has(CAP_SYS_NICE):
        raise LinuxError(Errno.EPERM)


def timer_slack(call: Caller, subject: Subject) -> str:
    _check_nice(call, subject)
    return f"{subject.living().settings.timer_slack}\n"


def set_timer_slack(call: Caller, subject: Subject, data: bytes) -> None:
    _check_nice(call, subject)
    task = subject.living()
    task.settings.set_timer_slack(_number(data), real_time=task.scheduling.is_real_time)


def coredump_filter(_call: Caller, subject: Subject) -> str:
    """Empty of a zombie."""
    return f"{subject.mm.settings.coredump_filter:08x}\n" if subject.mm is not None else ""


def set_coredump_filter(_call: Caller, subject: Subject, data: bytes) -> None:
    """Kept; no core is ever dumped."""
    subject.living()
    subject.process.mm.settings.coredump_filter = _number(data) & 0x1FF


def nothing(_call: Caller, _subject: Subject) -> str:
    return ""


def cgroup(_call: Caller, _subject: Subject) -> str:
    return "0::/\n"


def user_map(_call: Caller, _subject: Subject) -> str:
    """uid_map, gid_map: the one user namespace maps every number to itself."""
    return f"{0:10} {0:10} {(1 << 32) - 1:10}\n"


def accept(_call: Caller, _subject: Subject, _data: bytes) -> None:
    """sched: a write sets its counters to 0 on Linux, where they are statistics."""


def refuse(_call: Caller, _subject: Subject, _data: bytes) -> None:
    """uid_map, gid_map: those of the first user namespace are set. Raises LinuxError EPERM."""
    raise LinuxError(Errno.EPERM)


def login_user(_call: Caller, subject: Subject) -> str:
    """loginuid: 4294967295 until it is set."""
    return str(subject.process.login_user)


def set_login_user(call: Caller, subject: Subject, data: bytes) -> None:
    """Raises LinuxError EPERM for another process."""
    if subject.process is not call.process:
        raise LinuxError(Errno.EPERM)
    subject.process.login_user = _number(data) & UNSET


def session(_call: Caller, _subject: Subject) -> str:
    """sessionid of audit: never set."""
    return str(UNSET)


def children(_call: Caller, subject: Subject) -> str:
    """The children that this thread made, with a space behind each."""
    own = [child for child in subject.process.children if child.parent_task is subject.task]
    return "".join(f"{child.pid} " for child in own)


def _number(data: bytes) -> int:
    """A written number as kstrtoint takes it. Raises LinuxError EINVAL."""
    try:
        return int(data.strip(), 0)
    except ValueError:
        raise LinuxError(Errno.EINVAL) from None
