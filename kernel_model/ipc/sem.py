"""System V semaphores (ipc/sem.c): sets of them, operations that are done together, and the threads that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.ipc import IPC_NOWAIT, SEM_UNDO, SEMVMX
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.ipc.ids import HasPermissions, Ids, Permissions
from kernel_model.wait.queue import WaitQueue

if TYPE_CHECKING:
    from kernel_model.task.kernel import Scheduling
    from kernel_model.task.semaphores import SemWait, UndoList
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu

SEMAEM: Final = SEMVMX  # the most that an exit adjusts


class SemSet(HasPermissions):
    """A set: values, and the process that last changed each. Times in seconds of CLOCK_REALTIME."""

    def __init__(self, permissions: Permissions, count: int, now: int) -> None:
        self.permissions = permissions
        self.values, self.pids = [0] * count, [0] * count
        self.operated_at, self.changed_at = 0, now
        self.waiters = WaitQueue("semaphores")

    def attempt(self, wait: SemWait) -> bool:
        """perform_atomic_semop: do all operations; False when one must wait, and then nothing has changed.

        Raises LinuxError EAGAIN (IPC_NOWAIT), ERANGE.
        """
        values, identifier = list(self.values), self.permissions.id
        own = dict(wait.undo.of(identifier)) if wait.undo is not None else {}
        for operation in wait.operations:
            number, change, flags = operation
            if values[number] if not change else values[number] + change < 0:
                wait.blocking = operation
                if flags & IPC_NOWAIT:
                    raise LinuxError(Errno.EAGAIN)
                return False
            values[number] += change
            if values[number] > SEMVMX:
                raise LinuxError(Errno.ERANGE)
            if flags & SEM_UNDO:
                own[number] = own.get(number, 0) - change
                if not -SEMAEM - 1 <= own[number] <= SEMAEM:
                    raise LinuxError(Errno.ERANGE)
        self.values = values
        for operation in wait.operations:
            self.pids[operation.number] = wait.pid
        if wait.undo is not None and any(operation.flags & SEM_UNDO for operation in wait.operations):
            wait.undo.adjustments[identifier] = own
        return True

    def update(self, scheduler: Scheduling, cpu: Cpu, now: int) -> None:
        """do_smart_update: values have changed: finish waiting operations that can be done, those for zero first."""
        going_on = True
        while going_on:
            going_on = False
            for task in sorted(self.waiters.tasks, key=lambda task: task.semaphores.alters):
                try:
                    result = 0 if self.attempt(task.semaphores) else None
                except LinuxError as error:
                    result = -error.errno
                if result is not None:
                    self._finish(scheduler, cpu, task, result)
                    if result == 0:
                        self.operated_at = now
                    if result == 0 and task.semaphores.alters:
                        going_on = True
                        break

    @staticmethod
    def _finish(scheduler: Scheduling, cpu: Cpu, task: Task, result: int) -> None:
        if task.sleep is not None:
            task.sleep.answer(result)
        scheduler.wake(cpu, task)

    def end(self, scheduler: Scheduling, cpu: Cpu) -> None:
        """IPC_RMID: sleeping calls fail."""
        for task in list(self.waiters.tasks):
            self._finish(scheduler, cpu, task, -Errno.EIDRM)

    def waiting(self, number: int, *, for_zero: bool) -> int:
        """GETNCNT, GETZCNT."""
        blocking = (task.semaphores.blocking for task in self.waiters.tasks)
        return sum(op is not None and op.number == number and (op.change == 0) == for_zero for op in blocking)


class SemSets(Ids[SemSet]):
    @property
    def semaphores(self) -> int:
        """Semaphores in all sets."""
        return sum(len(item.values) for item in self.all())


def forget_adjustments(lists: list[UndoList], identifier: int, numbers: range) -> None:
    """SETVAL, SETALL, IPC_RMID: no exit changes these semaphores any more on account of earlier operations."""
    for undo in lists:
        for number in numbers if identifier in undo.adjustments else ():
            undo.adjustments[identifier].pop(number, None)


def leave(sets: SemSets, scheduler: Scheduling, cpu: Cpu, task: Task, now: int) -> None:
    """exit_sem: the last thread with this undo list ends; its operations with SEM_UNDO are undone."""
    undo, task.undo = task.undo, None
    if undo is None:
        return
    undo.users -= 1
    if undo.users:
        return
    for identifier, adjustments in undo.adjustments.items():
        item = next((item for item in sets.all() if item.permissions.id == identifier), None)
        if item is None:
            continue
        for number, change in adjustments.items():
            if change:
                item.values[number] = max(0, min(SEMVMX, item.values[number] + change))
                item.pids[number] = task.process.pid
        item.operated_at = now
        item.update(scheduler, cpu, now)
