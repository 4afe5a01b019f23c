"""The DMA test device, for forwarded interrupts: it copies memory after a delay, then interrupts (arch.dma_device).

The copy is made when the target core's clock reaches the completion, so the data is there when the interrupt is. One
transfer at a time; a command while it is busy is ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pffemu.arch import dma_device as reg
from pffemu.arch.apic_regs import LOWEST_VECTOR
from pffemu.hw.interconnect import Interconnect
from pffemu.hw.ram import Ram

if TYPE_CHECKING:
    from pffemu.hw.bus import Bus

_LOW: Final = 0xFFFF_FFFF
_LATCHES: Final = (reg.SOURCE, reg.DESTINATION, reg.LENGTH, reg.DELAY, reg.INTERRUPT, reg.TARGET)
_LONGEST_DELAY: Final = 1 << 40  # cycles


class DmaDevice:
    """The device. Accesses are 4 or 8 bytes, naturally aligned; others read 0 and do nothing."""

    def __init__(self, bus: Bus, ram: Ram, interconnect: Interconnect) -> None:
        self._bus, self._ram, self._interconnect = bus, ram, interconnect
        self._latch = dict.fromkeys(_LATCHES, 0)
        self.status = reg.STATUS_IDLE
        self.completed = 0
        self._transfer = (0, 0, 0)  # source, destination, length of the current transfer

    def read(self, offset: int, size: int) -> int:
        if size not in (4, 8) or offset % size:
            return 0
        whole = {**self._latch, reg.STATUS: self.status, reg.COMPLETED: self.completed}.get(offset & ~7, 0)
        return whole if size == 8 else whole >> 8 * (offset & 4) & _LOW

    def write(self, offset: int, size: int, value: int) -> None:
        if size not in (4, 8) or offset % size:
            return
        base, shift = offset & ~7, 8 * (offset & 4)
        if base in _LATCHES:
            kept = self._latch[base] & ~(_LOW << shift) if size == 4 else 0
            self._latch[base] = kept | value << shift
        elif offset == reg.COMMAND and value == reg.COMMAND_START and self.status != reg.STATUS_BUSY:
            self.status = reg.STATUS_BUSY if self._start() else reg.STATUS_ERROR

    def complete(self) -> None:
        """Copy, at the time of completion."""
        source, destination, length = self._transfer
        self._ram.store(destination, bytes(self._ram.octets[source : source + length]))
        self.status = reg.STATUS_DONE
        self.completed += 1

    def _start(self) -> bool:
        source, destination, length, delay, interrupt, target = (self._latch[offset] for offset in _LATCHES)
        vector = interrupt & 0xFF if interrupt & reg.INTERRUPT_ENABLE else None
        if length > reg.LONGEST or delay > _LONGEST_DELAY or max(source, destination) + length > self._ram.size:
            return False
        if any(hole < start + length and start < hole + size
               for hole, size in self._ram.holes for start in (source, destination)):  # fmt: skip
            return False
        if vector is not None and vector < LOWEST_VECTOR:
            return False
        self._transfer = (source, destination, length)
        assert self._bus.initiator is not None, "only a core's store starts a transfer"
        return self._interconnect.signal_later(self._bus.initiator, target, delay, vector, self)
