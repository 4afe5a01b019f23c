"""The bits of a UPID and of a target table's entry, one by one as the manual has them."""

from __future__ import annotations

import struct

import pytest

from pffemu.arch import uitt, upid
from pffemu.arch.uitt import UittEntry
from pffemu.arch.upid import Upid


@pytest.mark.parametrize(
    ("descriptor", "low", "high"),
    [
        (Upid(), 0, 0),
        (Upid(on=True), 1 << 0, 0),
        (Upid(sn=True), 1 << 1, 0),
        (Upid(blkd=True), 1 << 7, 0),
        (Upid(nv=0x01), 1 << 16, 0),
        (Upid(nv=0xFF), 0xFF << 16, 0),
        (Upid(ndst=1), 1 << 32, 0),
        (Upid(ndst=0xFFFF_FFFF), 0xFFFF_FFFF << 32, 0),
        (Upid(pir=1), 0, 1),
        (Upid(pir=1 << 63), 0, 1 << 63),
    ],
)
def test_where_each_field_of_a_upid_lies(descriptor: Upid, low: int, high: int) -> None:
    octets = struct.pack("<QQ", low, high)
    assert descriptor.pack() == octets
    assert upid.unpack(octets) == descriptor


def test_the_reserved_bits_of_a_upid_are_15_to_2_and_31_to_24() -> None:
    assert {bit for bit in range(64) if upid.RESERVED >> bit & 1} == {*range(2, 16), *range(24, 32)}
    assert (upid.SIZE, upid.ALIGNMENT) == (16, 64)


@pytest.mark.parametrize(
    ("entry", "low", "high"),
    [
        (UittEntry(0, 0), 1, 0),
        (UittEntry(1, 0), 1 | 1 << 8, 0),
        (UittEntry(63, 0), 1 | 63 << 8, 0),
        (UittEntry(0, 64), 1, 64),
        (UittEntry(0, 0xFFFF_FFFF_FFFF_FFC0), 1, 0xFFFF_FFFF_FFFF_FFC0),
    ],
)
def test_where_each_field_of_an_entry_lies(entry: UittEntry, low: int, high: int) -> None:
    octets = struct.pack("<QQ", low, high)
    assert entry.pack() == octets
    assert uitt.unpack(octets) == entry
    assert uitt.unpack(struct.pack("<QQ", low & ~1, high)) is None
