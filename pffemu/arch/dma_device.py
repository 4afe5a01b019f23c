"""Registers of the DMA test device, which copies memory and then raises an interrupt. The device is pffemu's own.

All are 64 bits wide; each half can be stored alone.
"""

from __future__ import annotations

from typing import Final

BASE: Final = 0x5_0001_0000
SIZE: Final = 0x1000

SOURCE: Final = 0x00  # physical address
DESTINATION: Final = 0x08  # physical address
LENGTH: Final = 0x10  # bytes, at most LONGEST
DELAY: Final = 0x18  # cycles from the command to the completion
INTERRUPT: Final = 0x20  # vector in 7:0, INTERRUPT_ENABLE
TARGET: Final = 0x28  # physical APIC id of the core that gets the interrupt, and whose time the device keeps
COMMAND: Final = 0x30  # COMMAND_START
STATUS: Final = 0x38  # read-only, STATUS_*
COMPLETED: Final = 0x40  # read-only: transfers since reset

INTERRUPT_ENABLE: Final = 1 << 8
COMMAND_START: Final = 1
STATUS_IDLE: Final = 0
STATUS_BUSY: Final = 1
STATUS_DONE: Final = 2
STATUS_ERROR: Final = 3  # a range outside RAM, an APIC id that no core has, or an illegal vector: nothing was started

LONGEST: Final = 1 << 20
