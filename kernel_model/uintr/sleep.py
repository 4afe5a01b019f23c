"""Sleeps that a user interrupt ends: of system calls, with EINTR or what they had done so far, and of page faults.

A fault sleeps in TASK_INTERRUPTIBLE as a call does (userfaultfd_get_blocking_state). It needs no look at what is posted
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

_NEVER: Final = (Interruptible.NO, Interruptible.ERESTARTNOINTR)  # there is no EINTR for the call to answer


def ends_with_user_interrupt(kernel: UintrKernel, task: Task, number: int | None, blocked: Blocked) -> bool:
    """Whether one that is posted to `task` ends this sleep of call `number` (None: of a page fault of ring 3).

    With a WAITING flag: uintr_wait, and while UIF=1 everything else that signals end. In its first form uintr_wait
    asks for no flag.
    """
    receiver = task.receiver
    if not task.handler_registered or receiver is None or blocked.sleep in _NEVER:
        return False
    if number == Sys.UINTR_WAIT:
        return receiver.waiting is not Waiting.NONE or kernel.options.uintr_wait_forever
    return receiver.waiting is not Waiting.NONE and task.uintr.uif


def wake_for_timer(task: Task, sleep: Sleep) -> None:
    """The thread's kernel-bypass timer is not there while it sleeps: the kernel's own stands in for it."""
    timer = task.kb_timer
    if timer.enabled and timer.deadline and (sleep.deadline is None or timer.deadline < sleep.deadline):
        sleep.deadline, sleep.for_timer = timer.deadline, True


def end_all(kernel: UintrKernel, cpu: Cpu) -> None:
    """A notification reached the kernel on `cpu`: whoever it is for wakes."""
    for receiver in kernel.uintr.switch.notified(cpu):
        end(kernel, cpu, receiver)


def end(kernel: UintrKernel, cpu: Cpu, receiver: Receiver) -> None:
    """Something was posted to `receiver`, which sleeps."""
    kernel.uintr.switch.stop_sleeping(receiver)
    task = receiver.task
    if task is not None and task.state is TaskState.BLOCKED and task.sleep is not None:
        if task.sleep.of is SleepIn.FAULT:
            kernel.forget_fault(task)
        else:
            task.sleep.end_with_user_interrupt()
        kernel.scheduler.wake(cpu, task)
