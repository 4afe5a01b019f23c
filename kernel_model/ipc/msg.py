"""System V message queues (ipc/msg.c): messages with types, and the threads that wait for one or for room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_model.abi.ipc import MSG_EXCEPT, MSG_NOERROR, MSGMNB
from kernel_model.abi.uapi import Errno
from kernel_model.ipc.ids import HasPermissions, Ids, Permissions
from kernel_model.task.message import Message
from kernel_model.wait.queue import WaitQueue

if TYPE_CHECKING:
    from kernel_model.task.kernel import Scheduling
    from pffemu.hw.cpu import Cpu


@dataclass(frozen=True, slots=True)
class Selection:
    """What msgrcv asks for. `type` 0: any message; negative: the lowest type up to its absolute value."""

    type: int
    flags: int

    def find(self, messages: list[Message]) -> Message | None:
        """find_msg: the message to take."""
        fitting = [message for message in messages if self._fits(message)]
        if self.type < 0 and fitting:
            return min(fitting, key=lambda message: message.type)
        return fitting[0] if fitting else None

    def _fits(self, message: Message) -> bool:
        if self.type < 0:
            return message.type <= -self.type
        if self.flags & MSG_EXCEPT and self.type:
            return message.type != self.type
        return self.type in (0, message.type)


class MsgQueue(HasPermissions):
    """A queue of at most `limit` bytes. Times in seconds of CLOCK_REALTIME."""

    def __init__(self, permissions: Permissions, now: int) -> None:
        self.permissions, self.limit = permissions, MSGMNB
        self.messages: list[Message] = []
        self.sent_at = self.received_at = 0
        self.changed_at = now
        self.last_sender = self.last_receiver = 0
        self.receivers, self.senders = WaitQueue("messages"), WaitQueue("room for messages")

    @property
    def bytes(self) -> int:
        return sum(len(message.data) for message in self.messages)

    def has_room(self, size: int) -> bool:
        """msg_fits_inqueue: empty messages count, too."""
        return size + self.bytes <= self.limit and 1 + len(self.messages) <= self.limit

    def hand_over(self, scheduler: Scheduling, cpu: Cpu, message: Message) -> bool:
        """pipelined_send: give the message to the first thread that waits for one like it; False when none does.

        Threads with too little room fail with E2BIG.
        """
        for task in list(self.receivers.tasks):
            wait = task.message
            if Selection(wait.type, wait.flags).find([message]) is None:
                continue
            if len(message.data) > wait.size and not wait.flags & MSG_NOERROR:
                wait.error = Errno.E2BIG
                scheduler.wake(cpu, task)
                continue
            wait.received = message
            self.last_receiver = task.process.pid
            scheduler.wake(cpu, task)
            return True
        return False

    def end(self, scheduler: Scheduling, cpu: Cpu) -> None:
        """IPC_RMID: sleeping calls fail."""
        for task in (*self.receivers.tasks, *self.senders.tasks):
            task.message.error = Errno.EIDRM
            scheduler.wake(cpu, task)

    def try_again(self, scheduler: Scheduling, cpu: Cpu) -> None:
        """IPC_SET: permissions or the limit are new."""
        scheduler.wake_all(cpu, self.receivers)
        scheduler.wake_all(cpu, self.senders)


class MsgQueues(Ids[MsgQueue]):
    """All queues."""
