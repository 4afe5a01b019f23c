"""/proc/PID/limits (fs/proc/base.c: proc_pid_limits)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.limits import INFINITY

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.proc.subject import Subject

_NAMES: Final = (  # by RLIMIT_* number
    ("Max cpu time", "seconds"), ("Max file size", "bytes"), ("Max data size", "bytes"), ("Max stack size", "bytes"),
    ("Max core file size", "bytes"), ("Max resident set", "bytes"), ("Max processes", "processes"),
    ("Max open files", "files"), ("Max locked memory", "bytes"), ("Max address space", "bytes"),
    ("Max file locks", "locks"), ("Max pending signals", "signals"), ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""), ("Max realtime priority", ""), ("Max realtime timeout", "us"),
)  # fmt: skip


def limits(_call: Caller, subject: Subject) -> str:
    lines = [f"{'Limit':<25} {'Soft Limit':<20} {'Hard Limit':<20} {'Units':<10}\n"]
    for (name, unit), (soft, hard) in zip(_NAMES, subject.process.limits, strict=True):
        lines.append(f"{name:<25} {_value(soft):<20} {_value(hard):<20} {f'{unit:<10}' if unit else ''}\n")
    return "".join(lines)


def _value(limit: int) -> str:
    return "unlimited" if limit == INFINITY else str(limit)
