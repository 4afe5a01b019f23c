"""The user posted-interrupt descriptor (SDM vol. 3, user interrupts): what a sender posts to, one for each receiver.

offset   bits
+0       0       ON    an outstanding notification: an IPI is on its way
         1       SN    suppress notification: the receiver does not run
         7       BLKD  Linux's, reserved in the SDM: the receiver blocks in uintr_wait
         15:2, 31:24   reserved
         23:16   NV    notification vector
         63:32   NDST  APIC id of the receiver's core; xAPIC mode: bits 15:8 of the field
+8       63:0    PIR   user vectors posted
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

SIZE: Final = 16  # bytes
ALIGNMENT: Final = 64  # bytes
PIR_OFFSET: Final = 8  # bytes

ON: Final = 1 << 0
SN: Final = 1 << 1
BLKD: Final = 1 << 7
RESERVED: Final = 0xFF00_FFFC  # of the first eight bytes, BLKD included
NV_SHIFT: Final = 16
NDST_SHIFT: Final = 32
XAPIC_ID_SHIFT: Final = 8  # within NDST

_WORDS: Final = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True)
class Upid:
    """One descriptor. `ndst` is the field as it lies in memory: id << 8 in xAPIC mode, the id in x2APIC mode."""

    on: bool = False
    sn: bool = False
    nv: int = 0
    ndst: int = 0
    pir: int = 0
    blkd: bool = False

    def pack(self) -> bytes:
        """The 16 bytes."""
        status = (ON if self.on else 0) | (SN if self.sn else 0) | (BLKD if self.blkd else 0)
        return _WORDS.pack(status | self.nv << NV_SHIFT | self.ndst << NDST_SHIFT, self.pir)


def unpack(octets: bytes) -> Upid:
    """The descriptor in 16 bytes; reserved bits other than BLKD are dropped (test them with RESERVED)."""
    control, pir = _WORDS.unpack(octets)
    return Upid(
        on=bool(control & ON),
        sn=bool(control & SN),
        nv=control >> NV_SHIFT & 0xFF,
        ndst=control >> NDST_SHIFT,
        pir=pir,
        blkd=bool(control & BLKD),
    )
