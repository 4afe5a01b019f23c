"""Processor time of threads and processes, in cycles of the cores that they ran on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel_model.sched.run_queue import RunQueue
    from kernel_model.task.task import Process, Task
    from pffemu.hw.cpu import Cpu


class ProcessorTime:
    """What ended turns added to `Task.usage`, and the one that a thread is in."""

    def __init__(self, cpus: list[Cpu], queues: list[RunQueue]) -> None:
        self._cpus, self._queues = cpus, queues

    def of_thread(self, task: Task) -> int:
        """Cycles `task` has run."""
        queue = self._queues[task.cpu_index]
        running = self._cpus[task.cpu_index].clock - queue.since if queue.current is task else 0
        return task.usage.time + running

    def user_of_thread(self, task: Task) -> int:
        """Cycles of `task` in ring 3: its instructions. The rest of its time is the kernel's and the hardware's."""
        queue = self._queues[task.cpu_index]
        if queue.current is not task:
            return task.usage.user
        return task.usage.user + self._cpus[task.cpu_index].instruction_clock - queue.user_since

    def of_process(self, process: Process) -> int:
        """Cycles its threads have run, dead ones included."""
        return process.dead_usage.time + sum(self.of_thread(task) for task in process.tasks)

    def user_of_process(self, process: Process) -> int:
        """Cycles its threads have run in ring 3, dead ones included."""
        return process.dead_usage.user + sum(self.user_of_thread(task) for task in process.tasks)
