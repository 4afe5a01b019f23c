"""/proc/PID/status (fs/proc/array.c: proc_pid_status)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.limits import SIGPENDING
from kernel_model.abi.signal import SIG_DFL, SIG_IGN
from kernel_model.files.proc.rss import rss, size
from kernel_model.files.proc.state import LETTERS, state_of
from kernel_model.task.credentials import ALL_CAPABILITIES, Credentials, Ids
from kernel_model.task.signals import ProcessSignals, bit
from pffemu.arch.paging import PAGE_SIZE, page_of, pages_up

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.proc.subject import Subject
    from kernel_model.mm.mm import Mm

_KIB_OF_PAGE: Final = PAGE_SIZE // 1024
_FD_SIZE_MIN: Final = 64  # NR_OPEN_DEFAULT


def status(call: Caller, subject: Subject) -> str:
    lines = [f"Name:\t{escaped(subject.name)}", f"Umask:\t{subject.process.umask:04o}"]
    lines += _identity(call, subject)
    mm = subject.mm
    if mm is not None:
        lines += _memory(mm)
        lines += ["CoreDumping:\t0", f"THP_enabled:\t{int(not mm.settings.huge_pages_disabled & 1)}"]
        lines += ["untag_mask:\t0xffffffffffffffff"]
    lines += [f"Threads:\t{max(1, len(subject.process.tasks))}", *_signals(call, subject), *_security(subject)]
    lines += [*_placement(call, subject), *_switches(subject)]
    return "\n".join(lines) + "\n"


def escaped(name: str) -> str:
    """Linux: seq_put_escaped with ESCAPE_SPACE | ESCAPE_SPECIAL, as proc_task_name has it."""
    return name.replace("\\", "\\\\").replace("\n", "\\n")


def _identity(call: Caller, subject: Subject) -> list[str]:
    process = subject.process
    letter = state_of(call, subject)
    parent = process.parent.pid if process.parent is not None else 0
    files = 0 if subject.task is None else _table_size(max(process.files, default=0) + 1)
    owner = subject.task.credentials if subject.task is not None else Credentials()
    return [
        f"State:\t{letter} ({LETTERS[letter]})",
        f"Tgid:\t{process.pid}", "Ngid:\t0", f"Pid:\t{subject.tid}", f"PPid:\t{parent}", "TracerPid:\t0",
        f"Uid:\t{_ids(owner.user)}", f"Gid:\t{_ids(owner.group)}", f"FDSize:\t{files}",
        f"Groups:\t{' '.join(map(str, owner.groups))} ",
        f"NStgid:\t{process.pid}", f"NSpid:\t{subject.tid}", f"NSpgid:\t{process.group}", f"NSsid:\t{process.session}",
        "Kthread:\t0",
    ]  # fmt: skip


def _ids(ids: Ids) -> str:
    return f"{ids.real}\t{ids.effective}\t{ids.saved}\t{ids.fs}"


def _table_size(descriptors: int) -> int:
    """The size of Linux's descriptor table, which grows to powers of two from 64, 256 on (alloc_fdtable)."""
    if descriptors <= _FD_SIZE_MIN:
        return _FD_SIZE_MIN
    return int(max(256, 1 << (descriptors - 1).bit_length()))


def _memory(mm: Mm) -> list[str]:
    areas, pages = size(mm), rss(mm)
    text = min((pages_up(mm.layout.end_code) - page_of(mm.layout.start_code)) // PAGE_SIZE, areas.exec)
    values = (
        ("VmPeak", mm.vmas.peak // PAGE_SIZE),
        ("VmSize", areas.total),
        ("VmLck", areas.locked),
        ("VmPin", 0),
        ("VmHWM", max(mm.pages.peak, pages.total)),
        ("VmRSS", pages.total),
        ("RssAnon", pages.anon),
        ("RssFile", pages.file),
        ("RssShmem", pages.shmem),
        ("VmData", areas.data),
        ("VmStk", areas.stack),
        ("VmExe", text),
        ("VmLib", areas.exec - text),
        ("VmPTE", mm.pages.tables),
        ("VmSwap", 0),
        ("HugetlbPages", 0),
    )
    return [f"{name}:\t{pages * _KIB_OF_PAGE:8} kB" for name, pages in values]


def masks(signals: ProcessSignals) -> tuple[int, int]:
    """(ignored, caught) signals."""
    ignored = caught = 0
    for signo, action in enumerate(signals.handlers.actions):
        if signo and action.handler == SIG_IGN:
            ignored |= bit(signo)
        elif signo and action.handler != SIG_DFL:
            caught |= bit(signo)
    return ignored, caught


def _signals(call: Caller, subject: Subject) -> list[str]:
    process, task = subject.process, subject.task
    ignored, caught = masks(process.signals) if task is not None else (0, 0)
    queued = sum(
        len(queue)
        for other in call.kernel.processes.values()
        for queue in (other.signals.pending.queue, *(one.signals.pending.queue for one in other.tasks))
    )
    pending, blocked = (task.signals.pending.mask, task.signals.blocked) if task is not None else (0, 0)
    return [
        f"SigQ:\t{queued}/{process.limits[SIGPENDING][0]}",
        f"SigPnd:\t{pending:016x}", f"ShdPnd:\t{process.signals.pending.mask:016x}", f"SigBlk:\t{blocked:016x}",
        f"SigIgn:\t{ignored:016x}", f"SigCgt:\t{caught:016x}",
    ]  # fmt: skip


def _security(subject: Subject) -> list[str]:
    settings = subject.task.settings if subject.task is not None else None
    dropped = settings.dropped_capabilities if settings is not None else 0
    owner = subject.task.credentials if subject.task is not None else Credentials()
    return [
        f"CapInh:\t{owner.inheritable:016x}", f"CapPrm:\t{owner.permitted:016x}", f"CapEff:\t{owner.effective:016x}",
        f"CapBnd:\t{ALL_CAPABILITIES & ~dropped:016x}", f"CapAmb:\t{owner.ambient:016x}",
        f"NoNewPrivs:\t{int(settings is not None and settings.no_new_privileges)}",
        "Seccomp:\t0", "Seccomp_filters:\t0",
        "Speculation_Store_Bypass:\tnot vulnerable", "SpeculationIndirectBranch:\tnot affected",
    ]  # fmt: skip


def _placement(call: Caller, subject: Subject) -> list[str]:
    every = (1 << call.kernel.scheduler.cores) - 1
    allowed = every if subject.task is None else subject.task.affinity & every
    return [
        f"Cpus_allowed:\t{mask_words(allowed, call.kernel.scheduler.cores)}",
        f"Cpus_allowed_list:\t{ranges(allowed)}", "Mems_allowed:\t1", "Mems_allowed_list:\t0",
    ]  # fmt: skip


def _switches(subject: Subject) -> list[str]:
    usage = subject.task.usage if subject.task is not None else subject.process.dead_usage
    return [
        f"voluntary_ctxt_switches:\t{usage.voluntary_switches}",
        f"nonvoluntary_ctxt_switches:\t{usage.involuntary_switches}",
    ]


def mask_words(mask: int, count: int) -> str:
    """A CPU mask as `%*pb` prints it: hexadecimal, 32 bits a group, as many digits as `count` CPUs need."""
    groups = []
    while count > 0:
        digits = (min(count, 32) + 3) // 4
        groups.append(f"{mask & 0xFFFF_FFFF:0{digits}x}")
        mask, count = mask >> 32, count - 32
    return ",".join(reversed(groups))


def ranges(mask: int) -> str:
    """A CPU mask as `%*pbl` prints it: 0-3,5."""
    parts, cpu = [], 0
    while mask >> cpu:
        if not mask >> cpu & 1:
            cpu += 1
            continue
        first = cpu
        while mask >> cpu & 1:
            cpu += 1
        parts.append(str(first) if cpu == first + 1 else f"{first}-{cpu - 1}")
    return ",".join(parts)
