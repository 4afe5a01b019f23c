"""Pane: the thread on each core, the threads ready for it, and what sleeping threads wait for."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from kernel_model.task.task import Task, TaskState
from pffemu.debug.panes import HERE, NAME, QUIET
from pffemu.machine.machine import Machine


def queues(machine: Machine, tasks: Iterable[Task], current: int) -> Text:
    """`current`: the core looked at, which is highlighted. Times in virtual cycles."""
    text = Text()
    by_core: dict[int, list[Task]] = {cpu.index: [] for cpu in machine.cpus}
    asleep = []
    for task in tasks:
        if task.state is TaskState.BLOCKED:
            asleep.append(task)
        elif task.state is TaskState.RUNNABLE:
            by_core[task.cpu_index].append(task)
    for cpu in machine.cpus:
        runs = f"thread {cpu.tid}" if cpu.tid else "idle"
        waiting = [str(task.tid) for task in by_core[cpu.index] if task.tid != cpu.tid]
        text.append(f"core {cpu.index}", HERE if cpu.index == current else NAME)
        text.append(f"  {runs}, clock {cpu.clock:,}" + (f", ready: {', '.join(waiting)}" if waiting else "") + "\n")
    for task in asleep:
        deadline = task.sleep.deadline if task.sleep is not None else None
        until = f", until {deadline:,}" if deadline is not None else ""
        text.append(f"thread {task.tid}", NAME).append(f"  asleep: {task.why}{until}\n")
    if not asleep:
        text.append("no thread sleeps\n", QUIET)
    return text
