"""The messages of a userfaultfd: page faults of sleeping threads, and events."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.abi import uffd as uffd_abi
from kernel_model.task.task import Task

if TYPE_CHECKING:
    from kernel_model.uffd.context import Userfaultfd

MESSAGE_SIZE: Final = 32
_MESSAGE: Final = struct.Struct("<BBHI3Q")  # struct uffd_msg


@dataclass(slots=True, eq=False)
class WaitingFault:
    """A thread asleep in handle_userfault, and whether its message was read."""

    task: Task
    address: int
    flags: int
    queued_at: int = 0  # cycles
    read: bool = False
    number: int = 0  # of the fault; 0: the kernel's own access

    def encoded(self, with_thread_id: bool) -> bytes:
        ptid = self.task.tid if with_thread_id else 0
        return _MESSAGE.pack(uffd_abi.EVENT_PAGEFAULT, 0, 0, 0, self.flags, self.address, ptid)


class Event:
    """A change of the memory, and the thread that sleeps until it was read; `then`: the events after it."""

    def __init__(self, uffd: Userfaultfd, kind: int, arguments: tuple[int, int, int] = (0, 0, 0)) -> None:
        """`kind`: an EVENT_*."""
        self.uffd, self.kind, self.arguments = uffd, kind, arguments
        self.child: Userfaultfd | None = None  # EVENT_FORK: of the new process
        self.task: Task | None = None
        self.then: list[Event] = []
        self.read = False  # or never will be

    def encoded(self, child_fd: int = 0) -> bytes:
        """struct uffd_msg. `child_fd`: the reader's new descriptor for `child`."""
        arguments = self.arguments if self.child is None else (child_fd, 0, 0)
        return _MESSAGE.pack(self.kind, 0, 0, 0, *arguments)
