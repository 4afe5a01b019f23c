"""Registers of the uffd_mmio device: PFF-UINTR's four words, and those that this machine adds behind them."""

from __future__ import annotations

from typing import Final

BASE: Final = 0x5_0000_0000  # the prototype later moved it to 0xC0100000, so it is a machine option
SIZE: Final = 0x1000

START: Final = 0x00  # low half; the prototype stores 32 bits each to 0x0, 0x4, 0x8, 0xC
START_HIGH: Final = 0x04
END: Final = 0x08
END_HIGH: Final = 0x0C  # a 32-bit store here adds [start, end), as in the prototype
COMMAND: Final = 0x10
STATUS: Final = 0x18
TAG: Final = 0x20  # page-table base (CR3 bits 51:12) to which the next command applies; 0: every address space
MODE: Final = 0x28  # kinds of faults that the next range forwards, MODE_* below
COUNT: Final = 0x30  # ranges stored, read-only
CAPACITY: Final = 0x38  # ranges that fit, read-only

COMMAND_ADD: Final = 1
COMMAND_REMOVE: Final = 2
COMMAND_REMOVE_TAG: Final = 3

STATUS_OK: Final = 0
STATUS_BAD_RANGE: Final = 1
STATUS_FULL: Final = 2

MODE_MISSING: Final = 1
MODE_WRITE_PROTECT: Final = 2
