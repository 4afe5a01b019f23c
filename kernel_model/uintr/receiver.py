"""A receiver: one thread's UPID in guest memory, and the kernel's state for it (uintr_upid_ctx).

It belongs to its thread from the first registration on, through unregistering and registering again, and outlives the
thread while descriptors or target tables refer to it: a late sender then posts into memory without another use.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.mm.direct_map import linear
from kernel_model.mm.frames import FrameAllocator
from pffemu.arch import upid
from pffemu.arch.paging import PAGE_SIZE
from pffemu.arch.registers import MASK64
from pffemu.errors import OutOfGuestMemory
from pffemu.hw.ram import Ram

if TYPE_CHECKING:
    from kernel_model.task.task import Task

NOTIFICATION_VECTOR: Final = 0xEC  # UINTR_NOTIFICATION_VECTOR: UINV of every receiver
KERNEL_VECTOR: Final = 0xEB  # UINTR_KERNEL_VECTOR: NV of a receiver that sleeps


class Waiting(Enum):
    """Whether a user interrupt ends a sleep, and which side pays for the wake-up."""

    NONE = auto()
    RECEIVER = auto()
    SENDER = auto()


@dataclass(slots=True, eq=False)
class Receiver:
    """A receiver. `address`: the UPID's physical address. `task` is None once the thread has ended."""

    address: int
    task: Task | None
    waiting: Waiting = Waiting.NONE
    sleeping: bool = False  # its NV is KERNEL_VECTOR
    vectors: int = 0  # user vectors that were registered, one bit each
    references: int = 1  # the thread, descriptors, entries of target tables
    deferred: int = 0  # physical address of the deferred UPID (only its PIR is used); 0: not made yet

    @property
    def linear(self) -> int:
        """The UPID's linear address, for IA32_UINTR_PD and target tables."""
        return linear(self.address)


def take_frame(frames: FrameAllocator) -> int:
    """A frame for the kernel's own use in a system call. Raises LinuxError ENOMEM."""
    try:
        return frames.take()
    except OutOfGuestMemory:
        raise LinuxError(Errno.ENOMEM) from None


class UpidMemory:
    """The UPIDs in guest memory, 64 in a frame, read and written by the kernel while no core is in SENDUIPI."""

    def __init__(self, ram: Ram, frames: FrameAllocator) -> None:
        self._words, self._frames = ram.words, frames
        self._free: list[int] = []

    def create(self, task: Task) -> Receiver:
        """A receiver for `task`, with a new UPID. Raises LinuxError ENOMEM."""
        return Receiver(self._take(), task)

    def release(self, receiver: Receiver) -> None:
        """Drop a reference; the last one frees the UPID."""
        receiver.references -= 1
        if not receiver.references:
            self._free += [address for address in (receiver.deferred, receiver.address) if address]

    def control(self, receiver: Receiver) -> int:
        """The UPID's first eight bytes: status bits, NV, NDST."""
        return self._words[receiver.address >> 3]

    def change(self, receiver: Receiver, clear: int, put: int = 0) -> None:
        """Clear bits of the first eight bytes, then set some."""
        at = receiver.address >> 3
        self._words[at] = self._words[at] & ~clear | put

    def posted(self, receiver: Receiver) -> int:
        """PIR of the UPID: the posted user vectors, one bit each."""
        return self._pir(receiver.address)

    def post(self, receiver: Receiver, user_vector: int) -> None:
        """PIR[user_vector] := 1."""
        self._post(receiver.address, user_vector)

    def is_deferred(self, receiver: Receiver) -> bool:
        """Whether an interrupt waits in the deferred UPID."""
        return receiver.deferred != 0 and self._pir(receiver.deferred) != 0

    def give_deferred(self, receiver: Receiver) -> None:
        """Make the deferred UPID, for the first device bound to the thread. Raises LinuxError ENOMEM."""
        if not receiver.deferred:
            receiver.deferred = self._take()

    def defer(self, receiver: Receiver, user_vector: int) -> None:
        """Keep a device's interrupt for the thread's next run."""
        self._post(receiver.deferred, user_vector)

    def take_deferred(self, receiver: Receiver) -> int:
        """Remove and return the kept user vectors, one bit each."""
        pir = self._pir(receiver.deferred)
        self._words[(receiver.deferred >> 3) + 1] = 0
        return pir

    def _take(self) -> int:
        if not self._free:
            frame = take_frame(self._frames)
            self._free = list(range(frame + PAGE_SIZE - upid.ALIGNMENT, frame - 1, -upid.ALIGNMENT))
        address = self._free.pop()
        self._words[address >> 3] = self._words[(address >> 3) + 1] = 0
        return address

    def _pir(self, address: int) -> int:
        return self._words[(address >> 3) + 1] & MASK64

    def _post(self, address: int, user_vector: int) -> None:
        pir = self._pir(address) | 1 << user_vector
        self._words[(address >> 3) + 1] = pir - (1 << 64) if pir >> 63 else pir
