"""Who may look into another process (kernel/ptrace.c: __ptrace_may_access)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.task.credentials import CAP_SYS_PTRACE

if TYPE_CHECKING:
    from kernel_model.task.credentials import Credentials
    from kernel_model.task.task import Process, Task

DUMPABLE: Final = 1  # SUID_DUMP_USER


def credentials_of(process: Process) -> Credentials:
    """The credentials of the process's first thread, or the last that it had."""
    return process.tasks[0].credentials if process.tasks else process.credentials


def may_trace(task: Task, target: Process, *, real: bool = False) -> bool:
    """Whether the thread may read the memory and the descriptors of `target`. `real`: by its real user."""
    if target is task.process:
        return True
    own, other = task.credentials, credentials_of(target)
    if own.has(CAP_SYS_PTRACE):
        return True
    user, group = (own.user.real, own.group.real) if real else (own.user.fs, own.group.fs)
    same = {user} == {other.user.real, other.user.effective, other.user.saved}
    same = same and {group} == {other.group.real, other.group.effective, other.group.saved}
    return same and not other.permitted & ~own.permitted and target.mm.settings.dumpable == DUMPABLE
