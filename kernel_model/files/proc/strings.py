"""/proc/PID/cmdline, environ and auxv: read from the process's memory (fs/proc/base.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.mm import forced_access

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.proc.subject import Subject

_SET_TITLE_MAX = 4096  # bytes


def cmdline(_call: Caller, subject: Subject) -> bytes:
    """The arguments' bytes. If a program overwrote the last NUL (setproctitle), the text up to the first one."""
    mm = subject.mm
    if mm is None:
        return b""
    layout = mm.layout
    arguments = forced_access.read(mm, layout.arg_start, layout.arg_end - layout.arg_start)
    if not arguments or arguments.endswith(b"\0"):
        return arguments
    end = layout.env_end if layout.arg_end == layout.env_start else layout.arg_end
    title = forced_access.read(mm, layout.arg_start, min(end - layout.arg_start, _SET_TITLE_MAX))
    return title.split(b"\0")[0] + b"\0"


def environ(_call: Caller, subject: Subject) -> bytes:
    mm = subject.mm
    if mm is None:
        return b""
    return forced_access.read(mm, mm.layout.env_start, mm.layout.env_end - mm.layout.env_start)


def auxv(_call: Caller, subject: Subject) -> bytes:
    return subject.mm.layout.auxv if subject.mm is not None else b""
