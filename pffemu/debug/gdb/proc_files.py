"""Files and links of /proc/PID that debuggers read (`info proc`), of any process, whatever the guest's tree mounts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, cast

from kernel_model.files.proc import strings, thread
from kernel_model.files.proc.maps import maps
from kernel_model.files.proc.subject import Subject
from kernel_model.task.task import Process

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller

_PATH: Final = re.compile(r"/proc/([1-9]\d{0,9})(?:/task/([1-9]\d{0,9}))?/(\w+)")
_TEXTS: Final[Mapping[str, Callable[[Caller, Subject], str | bytes]]] = {
    "maps": lambda _, subject: maps(subject.process),
    "cmdline": strings.cmdline, "environ": strings.environ, "auxv": strings.auxv, "comm": thread.comm,
}  # fmt: skip
_NO_CALLER: Final = cast("Caller", None)  # these files are the same for all


def read(processes: Mapping[int, Process], path: str) -> bytes | None:
    """None where there is no such process or file."""
    subject, name = _subject(processes, path)
    text = _TEXTS.get(name)
    if subject is None or text is None:
        return None
    found = text(_NO_CALLER, subject)
    return found.encode("utf-8", "surrogateescape") if isinstance(found, str) else bytes(found)


def read_link(processes: Mapping[int, Process], path: str, exec_file: Callable[[int], str]) -> str | None:
    """Where exe, cwd and root lead. `exec_file`: the path of a process's program."""
    subject, name = _subject(processes, path)
    if subject is None:
        return None
    cwd = subject.process.cwd
    links = {
        "exe": exec_file(subject.process.pid), "cwd": os.fsdecode(cwd.path) if cwd is not None else "/", "root": "/",
    }  # fmt: skip
    return links.get(name)


def _subject(processes: Mapping[int, Process], path: str) -> tuple[Subject | None, str]:
    match = _PATH.fullmatch(path)
    process = processes.get(int(match[1])) if match is not None else None
    if match is None or process is None:
        return None, ""
    tid = int(match[2] or match[1])
    task = next((task for task in process.tasks if match[2] is None or task.tid == tid), None)
    return Subject(process, tid, task, match[2] is None), match[3]
