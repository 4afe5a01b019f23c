"""Sleeping system calls that a user interrupt ends, with EINTR or what they had done so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.task import Task, TaskState
from kernel_model.uapi import Errno, Sys
from kernel_model.uintr.receiver import Receiver, Waiting
from kernel_model.wait_queue import Blocked, Interruptible

if TYPE_CHECKING:
    from kernel_model.kernel import Kernel
    from pffemu.hw.cpu import Cpu


def ends_with_user_interrupt(kernel: Kernel, task: Task, number: int, blocked: Blocked) -> bool:
    """Whether one that is posted to `task` ends this sleep of call `number`.

    With a WAITING flag: uintr_wait, and while UIF=1 every other call that signals end. In its first form uintr_wait
    asks for no flag.
    """
    receiver = task.receiver
    if not task.handler_registered or receiver is None or blocked.sleep is Interruptible.NO:
        return False
    if number == Sys.UINTR_WAIT:
        return receiver.waiting is not Waiting.NONE or kernel.options.uintr_wait_forever
    return receiver.waiting is not Waiting.NONE and task.uintr.uif


def wake_for_timer(task: Task, blocked: Blocked) -> None:
    """The thread's kernel-bypass timer is not there while it sleeps: the kernel's own stands in for it."""
    timer = task.kb_timer
    if timer.enabled and timer.deadline and (blocked.deadline is None or timer.deadline < blocked.deadline):
        blocked.deadline, blocked.by_timer = timer.deadline, True


def end_all(kernel: Kernel, cpu: Cpu) -> None:
    """A notification reached the kernel on `cpu`: whoever it is for wakes."""
    for receiver in kernel.uintr.switch.notified(cpu):
        end(kernel, cpu, receiver)


def end(kernel: Kernel, cpu: Cpu, receiver: Receiver) -> None:
    """Something was posted to `receiver`, which sleeps."""
    kernel.uintr.switch.stop_sleeping(receiver)
    task = receiver.task
    if task is not None and task.state is TaskState.BLOCKED:
        task.result = task.progress or -Errno.EINTR
        kernel.scheduler.wake(cpu, task)
