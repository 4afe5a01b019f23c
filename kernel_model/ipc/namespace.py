"""The machine's objects of System V IPC and POSIX message queues (ipc_namespace)."""

from __future__ import annotations

from kernel_model.abi.ipc import MSGMNI, SEMMNI, SHMMNI
from kernel_model.ipc.ids import Ids
from kernel_model.ipc.listing import Row, queue_row, segment_row, set_row
from kernel_model.ipc.message_memory import MessageMemory
from kernel_model.ipc.mqueue import MqTable
from kernel_model.ipc.msg import MsgQueues
from kernel_model.ipc.sem import SemSets
from kernel_model.ipc.shm import ShmSegment


class IpcNamespace:
    """Objects that live longer than the processes that made them."""

    def __init__(self, ram_size: int) -> None:
        self.memory = MessageMemory(ram_size)
        self.mqueues = MqTable(self.memory)
        self.semaphores = SemSets(SEMMNI)
        self.messages = MsgQueues(MSGMNI)
        self.segments: Ids[ShmSegment] = Ids(SHMMNI)

    def rows(self, kind: str) -> list[Row]:
        """The lines of /proc/sysvipc/KIND ("shm", "sem", "msg") as numbers."""
        if kind == "shm":
            return [segment_row(segment) for segment in self.segments.all()]
        if kind == "sem":
            return [set_row(item) for item in self.semaphores.all()]
        return [queue_row(queue) for queue in self.messages.all()]

    def next_id(self, kind: str) -> int:
        """The identifier that kernel.KIND_next_id wants the next object to have; -1: none."""
        return self._ids(kind).next_id

    def set_next_id(self, kind: str, number: int) -> None:
        self._ids(kind).next_id = number

    def limit(self, kind: str) -> int:
        """How many objects there may be: kernel.msgmni, kernel.shmmni."""
        return self._ids(kind).maximum

    def set_limit(self, kind: str, number: int) -> None:
        self._ids(kind).maximum = number

    def _ids(self, kind: str) -> Ids[ShmSegment] | SemSets | MsgQueues:
        if kind == "shm":
            return self.segments
        return self.semaphores if kind == "sem" else self.messages
