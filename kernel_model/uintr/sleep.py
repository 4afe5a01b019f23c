"""Sleeps that a user interrupt ends: of page faults, and of system calls, which return EINTR or what they have done.

A fault sleeps in TASK_INTERRUPTIBLE as a call does (userfaultfd_get_blocking_state). It need not check what is posted
already: the IPI for that is on its way, and finds the thread asleep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Sys
from kernel_model.task.sleep import Sleep, SleepIn
from kernel_model.task.task import Task, TaskState
from kernel_model.uintr.receiver import Receiver, Waiting
from kernel_model.wait.queue import Blocked, Interruptible

if TYPE_CHECKING:
    from kernel_model.uintr.kernel import UintrKernel
    from pffemu.hw.cpu import Cpu

_NEVER: Final = (Interruptible.NO, Interruptible.ERESTARTNOINTR)  # such a call does not return EINTR


def ends_with_user_interrupt(kernel: UintrKernel, task: Task, number: int | None, blocked: Blocked) -> bool:
    """Whether a user interrupt for `task` ends this sleep, of call `number` (None: of a page fault of ring 3).

    With a WAITING flag it ends uintr_wait and, while UIF=1, every other sleep that signals end. The first form of
    uintr_wait needs no flag.
    """
    receiver = task.receiver
    if not task.handler_registered or receiver is None or blocked.sleep in _NEVER:
        return False
    if number == Sys.UINTR_WAIT:
        return receiver.waiting is not Waiting.NONE or kernel.options.uintr_wait_forever
    return receiver.waiting is not Waiting.NONE and task.uintr.uif


def wake_for_timer(task: Task, sleep: Sleep) -> None:
    """Give the sleep the deadline of the thread's kernel-bypass timer, which does not run meanwhile."""
    timer = task.kb_timer
    if timer.enabled and timer.deadline and (sleep.deadline is None or timer.deadline < sleep.deadline):
        sleep.deadline, sleep.for_timer = timer.deadline, True


def end_all(kernel: UintrKernel, cpu: Cpu) -> None:
    """A notification reached the kernel on `cpu`: wake the receivers it is for."""
    for receiver in kernel.uintr.switch.notified(cpu):
        end(kernel, cpu, receiver)


def end(kernel: UintrKernel, cpu: Cpu, receiver: Receiver) -> None:
    """A user interrupt was posted to `receiver`, which sleeps: wake its thread."""
    kernel.uintr.switch.stop_sleeping(receiver)
    task = receiver.task
    if task is not None and task.state is TaskState.BLOCKED and task.sleep is not None:
        if task.sleep.of is SleepIn.FAULT:
            kernel.forget_fault(task)
        else:
            task.sleep.end_with_user_interrupt()
        kernel.scheduler.wake(cpu, task)
