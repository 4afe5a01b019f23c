"""A target table (UITT) in guest memory: the receivers that one address space can send to (uintr_uitt_ctx).

It is shared by the threads of a process, with its forked children and, through a uipi_fd, with other processes; the
last reference frees it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.mm.direct_map import linear
from kernel_model.mm.frames import FrameAllocator
from kernel_model.uintr.fds import UvecFd
from kernel_model.uintr.receiver import Receiver, UpidMemory, take_frame
from pffemu.arch import uitt
from pffemu.hw.ram import Ram

ENTRIES: Final = 256  # UINTR_MAX_UITT_NR: one frame


@dataclass(slots=True)
class Target:
    """A valid entry: its receiver and vector, and the process and descriptor that made it (None: register_self)."""

    receiver: Receiver
    user_vector: int
    pid: int
    made_from: UvecFd | None


@dataclass(slots=True, eq=False)
class TargetTable:
    """A target table. `address`: its physical address. `references`: address spaces and uipi_fds."""

    address: int
    targets: dict[int, Target] = field(default_factory=dict)
    references: int = 1

    @property
    def linear(self) -> int:
        """The table's linear address, for UITTADDR."""
        return linear(self.address)


class TableMemory:
    """Makes, fills and frees target tables."""

    def __init__(self, ram: Ram, frames: FrameAllocator, upids: UpidMemory) -> None:
        self._ram, self._frames, self._upids = ram, frames, upids

    def create(self) -> TargetTable:
        """An empty table. Raises LinuxError ENOMEM."""
        return TargetTable(take_frame(self._frames))

    def connect(
        self, table: TargetTable, receiver: Receiver, user_vector: int, pid: int, made_from: UvecFd | None
    ) -> int:
        """Make an entry at the lowest free index; returns that. Raises LinuxError ENOSPC."""
        index = next((i for i in range(ENTRIES) if i not in table.targets), None)
        if index is None:
            raise LinuxError(Errno.ENOSPC)
        receiver.references += 1
        table.targets[index] = Target(receiver, user_vector, pid, made_from)
        self._write(table, index, uitt.UittEntry(user_vector, receiver.linear).pack())
        return index

    def disconnect(self, table: TargetTable, index: int) -> None:
        """Invalidate entry `index`, which is valid: SENDUIPI of it is #GP from now on."""
        self._write(table, index, bytes(uitt.ENTRY_SIZE))
        self._upids.release(table.targets.pop(index).receiver)

    def release(self, table: TargetTable) -> None:
        """Drop a reference; the last one frees the table."""
        table.references -= 1
        if not table.references:
            for index in list(table.targets):
                self.disconnect(table, index)
            self._frames.give_back(table.address)

    def _write(self, table: TargetTable, index: int, entry: bytes) -> None:
        start = table.address + index * uitt.ENTRY_SIZE
        self._ram.octets[start : start + uitt.ENTRY_SIZE] = entry
