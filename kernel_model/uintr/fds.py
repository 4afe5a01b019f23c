"""The descriptors of user interrupts: a uvec_fd names a receiver's vector, a uipi_fd a whole target table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from kernel_model.abi.uapi import O_NONBLOCK, Errno, LinuxError
from kernel_model.files import File
from kernel_model.uintr.receiver import Receiver, UpidMemory

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.uintr.kernel import UintrKernel
    from kernel_model.uintr.target_table import TableMemory, TargetTable
    from pffemu.hw.cpu import Cpu

UIPI_SET_TARGET_TABLE: Final = ord("u") << 8 | 0  # _IO('u', 0)


class UvecFd(File):
    """uintr_vector_fd's file: a process that holds it may become a sender of this vector."""

    name = "anon_inode:[uvecfd]"
    can_poll = False
    flags = O_NONBLOCK

    def __init__(self, upids: UpidMemory, receiver: Receiver, user_vector: int) -> None:
        self._upids = upids
        self.receiver, self.user_vector = receiver, user_vector
        receiver.references += 1

    def close(self, cpu: Cpu) -> None:
        """Drop the reference to the receiver; target-table entries made from it stay valid."""
        self._upids.release(self.receiver)


class UipiFd(File):
    """uintr_ipi_fd's file: a process that gets it may adopt the table, and send by the same indices."""

    name = "anon_inode:[uipi_fd]"
    can_poll = False
    flags = O_NONBLOCK

    def __init__(self, tables: TableMemory, table: TargetTable) -> None:
        self._tables = tables
        self.table = table
        table.references += 1

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        """SET_TARGET_TABLE: 0, or EBUSY when the process has a table. Anything else is EINVAL."""
        if request != UIPI_SET_TARGET_TABLE:
            raise LinuxError(Errno.EINVAL)
        if call.mm.target_table is not None:
            raise LinuxError(Errno.EBUSY)
        self.table.references += 1
        call.mm.target_table = self.table
        cast("UintrKernel", call.kernel).uintr.arm(call.task)  # Caller has the kernel without its user interrupts
        return 0

    def close(self, cpu: Cpu) -> None:
        self._tables.release(self.table)
