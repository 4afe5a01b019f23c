"""The user-interrupt target table (SDM vol. 3, user interrupts): SENDUIPI's operand is an index into it.

offset   bits
+0       0       V         valid
         15:8    UV        user vector, below 64
         7:1, 63:16        reserved, zero
+8       63:0    UPIDADDR  linear address of the receiver's UPID, 64-byte aligned
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final, NamedTuple

from pffemu.arch.paging import is_canonical
from pffemu.arch.registers import MASK64
from pffemu.arch.upid import ALIGNMENT as UPID_ALIGNMENT

ENTRY_SIZE: Final = 16  # bytes
USER_VECTORS: Final = 64

V: Final = 1 << 0
UV_SHIFT: Final = 8
RESERVED: Final = MASK64 & ~(V | (USER_VECTORS - 1) << UV_SHIFT)  # of the first eight bytes: UV >= 64, too

_WORDS: Final = struct.Struct("<QQ")


class UittEntry(NamedTuple):
    """One entry. An invalid one packs as its other fields with V clear."""

    user_vector: int
    upid_address: int
    valid: bool = True

    def pack(self) -> bytes:
        """The 16 bytes."""
        return _WORDS.pack((V if self.valid else 0) | self.user_vector << UV_SHIFT, self.upid_address)


@lru_cache(maxsize=4096)
def unpack(octets: bytes) -> UittEntry | None:
    """The entry in 16 bytes; None where SENDUIPI raises #GP: V clear, reserved bits set, or an invalid UPIDADDR."""
    control, address = _WORDS.unpack(octets)
    if not control & V or control & RESERVED or address % UPID_ALIGNMENT or not is_canonical(address):
        return None
    return UittEntry(control >> UV_SHIFT & USER_VECTORS - 1, address)
