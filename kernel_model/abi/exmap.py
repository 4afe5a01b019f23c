"""/dev/exmap: explicit memory mappings (exmap, SIGMOD '23), as far as this kernel has them; the numbers are its own."""

from __future__ import annotations

import ctypes
from typing import Final

from kernel_model.abi.uffd import ioc

EXMAP_ALLOC: Final = 1  # opcodes of EXMAP_ACTION
EXMAP_FREE: Final = 2

EXMAP_MOST: Final = 512  # vectors of an action
EXMAP_LENGTH_SHIFT: Final = 52  # of a vector: the page's number below it, the number of pages from it on


class ExmapSetup(ctypes.LittleEndianStructure):
    _fields_ = (
        ("fd", ctypes.c_int32),  # +0, -1: no file behind it
        ("max_interfaces", ctypes.c_int32),  # +4
        ("buffer_size", ctypes.c_uint64),  # +8, pages of memory
        ("flags", ctypes.c_uint64),  # +16, 0
    )


class ExmapAction(ctypes.LittleEndianStructure):
    _fields_ = (
        ("interface", ctypes.c_uint16),  # +0
        ("iov_len", ctypes.c_uint16),  # +2, number of vectors
        ("opcode", ctypes.c_uint32),  # +4
        ("vectors", ctypes.c_uint64),  # +8, their address
    )


EXMAP_SETUP: Final = ioc(1, ord("k"), 1, ctypes.sizeof(ExmapSetup))
EXMAP_ACTION: Final = ioc(1, ord("k"), 2, ctypes.sizeof(ExmapAction))
