"""Stopped jobs that no process can continue any more (kernel/exit.c: kill_orphaned_pgrp)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.uapi import Signal
from kernel_model.signal.send import send_to_process
from kernel_model.task.groups import is_orphaned, members
from kernel_model.task.siginfo import SigInfo

if TYPE_CHECKING:
    from kernel_model.process.kernel import ProcessKernel
    from kernel_model.task.task import Process
    from pffemu.hw.cpu import Cpu


def outside_jobs(process: Process) -> set[int]:
    """The groups of a session that a process, which ends, keeps from being orphaned: its children's, and its own."""
    pairs = [(child, process) for child in process.children]
    pairs += [(process, process.parent)] if process.parent is not None else []
    return {child.group for child, parent in pairs if child.group != parent.group and child.session == parent.session}


def wake_stopped(kernel: ProcessKernel, cpu: Cpu, groups: set[int]) -> None:
    """Send SIGHUP and SIGCONT to those of `groups` that are orphaned and have a stopped process."""
    for group in sorted(groups):
        stopped = any(process.signals.stopped_by for process in members(kernel.processes, group))
        if stopped and is_orphaned(kernel.processes, group):
            for signo in (Signal.SIGHUP, Signal.SIGCONT):
                for process in members(kernel.processes, group):
                    send_to_process(kernel, cpu, SigInfo.from_kernel(signo), process)
