"""The machine's objects of System V IPC and POSIX message queues (ipc_namespace)."""

from __future__ import annotations

from kernel_model.abi.ipc import MSGMNI, SEMMNI, SHMMNI
from kernel_model.ipc.ids import Ids
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
