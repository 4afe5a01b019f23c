"""The uffd_mmio device: the driver's interface to the MMU's region table. Register map: arch.uffd_mmio.

Compatible with PFF-UINTR's device: four 32-bit stores to 0x0, 0x4, 0x8, 0xC add the range [start, end). A 64-bit store
only sets a latch; a command then acts on the latches. Loads give the latches' values (0 in the prototype).
"""

from __future__ import annotations

from pffemu.arch import uffd_mmio as reg
from pffemu.hw.uffd_regions import BadRangeError, Region, RegionTable, TableFullError

_LOW = 0xFFFF_FFFF
_LATCHES = (reg.START, reg.END, reg.TAG, reg.MODE)


class UffdMmio:
    """One device for the whole machine. Accesses are 4 or 8 bytes, naturally aligned; others read 0 and do nothing."""

    def __init__(self, table: RegionTable) -> None:
        self.table = table
        self._latch = {reg.START: 0, reg.END: 0, reg.TAG: 0, reg.MODE: reg.MODE_MISSING}
        self.status = reg.STATUS_OK

    def read(self, offset: int, size: int) -> int:
        """A load has no side effect."""
        if size not in (4, 8) or offset % size:
            return 0
        whole = {
            **self._latch,
            reg.STATUS: self.status,
            reg.COUNT: len(self.table),
            reg.CAPACITY: self.table.capacity,
        }.get(offset & ~7, 0)
        return whole if size == 8 else (whole >> 8 * (offset & 4)) & _LOW

    def write(self, offset: int, size: int, value: int) -> None:
        if size not in (4, 8) or offset % size:
            return
        base = offset & ~7
        if base in _LATCHES:
            self._latch[base] = value if size == 8 else self._merged(base, offset, value)
            if offset == reg.END_HIGH:
                self._command(reg.COMMAND_ADD)
        elif offset == reg.COMMAND:
            self._command(value)

    def _merged(self, base: int, offset: int, value: int) -> int:
        shift = 8 * (offset & 4)
        return (self._latch[base] & ~(_LOW << shift)) | (value & _LOW) << shift

    def _command(self, command: int) -> None:
        start, end, tag, mode = (self._latch[offset] for offset in _LATCHES)
        try:
            if command == reg.COMMAND_ADD:
                self.table.add(Region(tag, start, end, mode))
            elif command == reg.COMMAND_REMOVE:
                self.table.remove(tag, start, end)
            elif command == reg.COMMAND_REMOVE_TAG:
                self.table.remove_tag(tag)
        except BadRangeError:
            self.status = reg.STATUS_BAD_RANGE
        except TableFullError:
            self.status = reg.STATUS_FULL
        else:
            self.status = reg.STATUS_OK
