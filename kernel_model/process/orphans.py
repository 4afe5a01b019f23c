"""Stopped jobs that no process can continue any more (kernel/exit.c: kill_orphaned_pgrp)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.uapi import Signal
from kernel_model.task.groups import is_orphaned, members
from kernel_model.task.siginfo import SigInfo

if TYPE_CHECKING:
    from kernel_model.task.task import Process


def outside_jobs(process: Process) -> set[int]:
    """The groups of a session that a process, which ends, keeps from being orphaned: its children's, and its own."""
    pairs = [(child, process) for child in process.children]
    pairs += [(process, process.parent)] if process.parent is not None else []
    return {child.group for child, parent in pairs if child.group != parent.group and child.session == parent.session}


def hang_ups(processes: dict[int, Process], groups: set[int]) -> list[tuple[SigInfo, Process]]:
    """SIGHUP and SIGCONT for those of `groups` that are orphaned and have a stopped process."""
    signals: list[tuple[SigInfo, Process]] = []
    for group in sorted(groups):
        jobs = members(processes, group)
        if any(process.signals.stopped_by for process in jobs) and is_orphaned(processes, group):
            for signo in (Signal.SIGHUP, Signal.SIGCONT):
                signals += [(SigInfo.from_kernel(signo), process) for process in jobs]
    return signals
