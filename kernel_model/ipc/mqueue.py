"""POSIX message queues (ipc/mqueue.c): named queues of messages with priorities, and who is told of a first one."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import O_ACCMODE, O_NONBLOCK, S_IFREG
from kernel_model.abi.signal import SI_MESGQ
from kernel_model.abi.uapi import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.files.seek import sought
from kernel_model.files.status import FileStatus
from kernel_model.signal import send as signal_send
from kernel_model.task.message import Message
from kernel_model.task.siginfo import SigInfo
from kernel_model.wait.queue import WaitQueue

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.netlink import NetlinkSocket
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.ipc.message_memory import MessageMemory
    from kernel_model.task.fd_table import FileTable
    from kernel_model.task.kernel import Kernel, Scheduling
    from kernel_model.task.task import Process, Task
    from pffemu.hw.cpu import Cpu

_STATUS_SIZE: Final = 80  # bytes, FILENT_SIZE
_OVERHEAD: Final = 48  # bytes of struct msg_msg, and of struct posix_msg_tree_node
_PRIORITIES: Final = 32_768
_WOKEN_UP, _REMOVED = 1, 2  # NOTIFY_*


@dataclass(frozen=True, slots=True)
class MqNotification:
    """mq_notify: the process to tell of a message in the empty queue. `signo` 0: it is told nothing (SIGEV_NONE).

    `sock`: where `cookie` goes instead (SIGEV_THREAD); its last byte says whether a message came.
    """

    process: Process
    files: FileTable
    signo: int
    value: int
    cookie: bytes = b""
    sock: NetlinkSocket | None = None

    def post(self, cpu: Cpu, what: int) -> None:
        """Send the cookie, and let go of the socket."""
        if self.sock is not None:
            self.sock.deliver(cpu, self.cookie[:-1] + bytes((what,)))
            self.sock.drop(cpu)


class MessageQueue:
    """A queue. Messages are kept in the order they are taken in: by priority, then by age."""

    def __init__(
        self, memory: MessageMemory, name: bytes, mode: int, uid: int, gid: int, maximum: int, size: int
    ) -> None:
        self._memory = memory
        self.name, self.mode, self.uid, self.gid = name, mode, uid, gid
        self.maximum, self.size = maximum, size  # messages, and bytes of each
        self.messages: list[Message] = []
        self.is_linked = True
        self.references = 0  # open files
        self.receivers, self.senders = WaitQueue("messages"), WaitQueue("room for messages")
        self.changes = WaitQueue("message queue")  # for poll
        self.notification: MqNotification | None = None

    @property
    def charge(self) -> int:
        """Bytes that count against RLIMIT_MSGQUEUE."""
        return _OVERHEAD * (self.maximum + min(self.maximum, _PRIORITIES)) + self.maximum * self.size

    @property
    def is_full(self) -> bool:
        return len(self.messages) >= self.maximum

    def insert(self, message: Message) -> None:
        at = next((i for i, other in enumerate(self.messages) if other.type < message.type), len(self.messages))
        self.messages.insert(at, message)
        self._memory.take(len(message.data))

    def send(self, kernel: Kernel, cpu: Cpu, sender: Task, message: Message) -> None:
        """Give the message to the first thread that waits, or queue it; there must be room."""
        scheduler = kernel.scheduler
        if self.receivers.tasks:
            receiver = self.receivers.tasks[0]
            receiver.message.received = message
            scheduler.wake(cpu, receiver)
            return
        self.insert(message)
        if len(self.messages) == 1:
            self._notify(kernel, cpu, sender)
        scheduler.wake_all(cpu, self.changes, POLLIN | POLLRDNORM)

    def _notify(self, kernel: Kernel, cpu: Cpu, sender: Task) -> None:
        told, self.notification = self.notification, None
        if told is not None:
            told.post(cpu, _WOKEN_UP)
        if told is None or not told.signo:
            return
        user = sender.credentials.user.real
        fields = struct.pack("<iIQ", sender.process.pid, user, told.value)
        signal_send.send_to_process(kernel, cpu, SigInfo(told.signo, SI_MESGQ, fields), told.process)

    def end_notification(self, cpu: Cpu) -> None:
        """remove_notification: nothing is told any more."""
        told, self.notification = self.notification, None
        if told is not None:
            told.post(cpu, _REMOVED)

    def take(self, scheduler: Scheduling, cpu: Cpu) -> Message:
        """Remove the first message; the first thread that waits for room has its message queued."""
        message = self.messages.pop(0)
        self._memory.give(len(message.data))
        if self.senders.tasks:
            sender = self.senders.tasks[0]
            assert sender.message.sending is not None
            self.insert(sender.message.sending)
            if sender.sleep is not None:
                sender.sleep.answer(0)
            scheduler.wake(cpu, sender)
        else:
            scheduler.wake_all(cpu, self.changes, POLLOUT | POLLWRNORM)
        return message


def _kind_of(told: MqNotification | None) -> int:
    """SIGEV_*."""
    if told is None or told.signo:
        return 0
    return 1 if told.sock is None else 2


class MqFile(File):
    """An open queue. Reading tells its state."""

    settable = O_NONBLOCK

    def __init__(self, table: MqTable, queue: MessageQueue, flags: int) -> None:
        self.name = f"/{queue.name.decode(errors='surrogateescape')}"
        self.flags = flags & (O_ACCMODE | O_NONBLOCK)
        self.queue, self._table, self._position = queue, table, 0
        queue.references += 1

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        told = self.queue.notification
        text = (
            f"QSIZE:{sum(len(message.data) for message in self.queue.messages):<10} "
            f"NOTIFY:{_kind_of(told):<5} "
            f"SIGNO:{told.signo if told is not None else 0:<5} "
            f"NOTIFY_PID:{told.process.pid if told is not None else 0:<6}\n"
        ).encode()
        size = min(buffer.size, len(text) - self._position)
        if size <= 0:
            return 0
        room = buffer.room(size) or faulted(0)
        buffer.scatter(text[self._position : self._position + room])
        self._position += room
        return room

    def seek(self, offset: int, whence: int) -> int:
        self._position = sought(offset, whence, self._position, _STATUS_SIZE)
        return self._position

    def poll(self) -> int:
        can_read = POLLIN | POLLRDNORM if self.queue.messages else 0
        return can_read | (0 if self.queue.is_full else POLLOUT | POLLWRNORM)

    def poll_queue(self) -> WaitQueue:
        return self.queue.changes

    def status(self) -> FileStatus:
        queue = self.queue
        return FileStatus(
            mode=S_IFREG | queue.mode, size=_STATUS_SIZE, uid=queue.uid, gid=queue.gid, links=int(queue.is_linked)
        )

    def leave(self, cpu: Cpu, table: FileTable) -> None:
        """A process closes a descriptor: it is not told any more."""
        if self.queue.notification is not None and self.queue.notification.files is table:
            self.queue.end_notification(cpu)

    def close(self, cpu: Cpu) -> None:
        self.queue.references -= 1
        self._table.forget_unused(self.queue)


class MqTable:
    """All queues by name, and what each user is charged for them."""

    def __init__(self, memory: MessageMemory) -> None:
        self.queues: dict[bytes, MessageQueue] = {}
        self.memory = memory
        self._charged: dict[int, int] = {}  # by the user who made the queues

    def add(self, queue: MessageQueue, limit: int) -> None:
        """A new queue. Raises LinuxError EMFILE when its user would be charged more than `limit` bytes."""
        charged = self._charged.get(queue.uid, 0) + queue.charge
        if charged > limit:
            raise LinuxError(Errno.EMFILE)
        self._charged[queue.uid] = charged
        self.queues[queue.name] = queue

    def unlink(self, queue: MessageQueue) -> None:
        """mq_unlink: the name is free; the queue lives as long as it is open."""
        del self.queues[queue.name]
        queue.is_linked = False
        self.forget_unused(queue)

    def forget_unused(self, queue: MessageQueue) -> None:
        """Free the queue if it has neither a name nor open files."""
        if queue.is_linked or queue.references:
            return
        self._charged[queue.uid] -= queue.charge
        self.memory.give(sum(len(message.data) for message in queue.messages))
        queue.messages.clear()
