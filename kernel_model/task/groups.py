"""Process groups: their members, and whether a process outside cares for their jobs (kernel/exit.c)."""

from __future__ import annotations

from typing import Final

from kernel_model.task.task import Process

_FIRST: Final = 1  # pid of the first process, whose parent outside the machine is a shell of its session


def members(processes: dict[int, Process], group: int) -> list[Process]:
    """The living processes of a group."""
    return [process for process in processes.values() if process.group == group and process.tasks]


def is_orphaned(processes: dict[int, Process], group: int) -> bool:
    """Linux: is_current_pgrp_orphaned; no member has a parent in another group of its session."""
    for process in members(processes, group):
        parent = process.parent
        if process.pid == _FIRST:
            return False
        if parent is not None and parent.tasks and parent.group != group and parent.session == process.session:
            return False
    return True
