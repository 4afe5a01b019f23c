"""Encodings on whose translation Unicorn aborts the process: LOCK with BT, BTS, BTR or BTC of a register.

They are #UD. A frame is searched for their bytes, at every offset, before code is fetched from it; the engine then
translates nothing at these offsets. LOCK is in the frame, and the bytes behind it may be in the next page, those before
it in the page before.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.arch.paging import PAGE_SIZE

_PREFIX: Final = rb"[\x26\x2e\x36\x3e\x40-\x4f\x64-\x67\xf0\xf2\xf3]"
_LOCK: Final = 0xF0
_PATTERN: Final = re.compile(rb"(%b+)\x0f(?:[\xa3\xab\xb3\xbb][\xc0-\xff]|\xba[\xe0-\xff])" % _PREFIX, re.DOTALL)
_BEGUN: Final = re.compile(rb"(%b*\xf0%b*)(?:\x0f[\xa3\xab\xb3\xbb\xba]?)?\Z" % (_PREFIX, _PREFIX), re.DOTALL)
_LOCKS: Final = -0x0F0F0F0F0F0F0F10  # eight times LOCK, as a signed number
_ONES: Final = 0x0101010101010101
_HIGHEST: Final = -0x7F7F7F7F7F7F7F80  # the highest bit of each byte
_BEFORE: Final = MAX_INSTRUCTION - 1  # bytes of such an instruction before its last


def is_clean(ram: Any, frame: int) -> bool:
    """Whether no such instruction begins in a frame of `ram`, by 64-bit words; compiled, too (tlb_fill_compiled)."""
    first, end = frame >> 3, frame + PAGE_SIZE
    for word in range(first, first + PAGE_SIZE // 8):
        others = ram[word] ^ _LOCKS
        if others - _ONES & ~others & _HIGHEST == 0:  # no byte of it is LOCK
            continue
        for place in range(8 * word, 8 * word + 8):
            if octet(ram, place) == _LOCK and begins_at(ram, place, end):
                return False
    return True


def octet(ram: Any, place: int) -> int:
    """The byte at a physical address."""
    word: int = ram[place >> 3]
    return word >> 8 * (place & 7) & 255


def begins_at(ram: Any, lock: int, end: int) -> bool:
    """Whether the LOCK at an address is a prefix of such an instruction, as far as is known before `end`."""
    place = lock + 1
    while place < end and is_prefix(octet(ram, place)):
        place += 1
    if place + 1 < end and octet(ram, place) == 0x0F:
        opcode = octet(ram, place + 1)
        if opcode != 0xBA and (opcode & 0xE7 != 0xA3):
            return False
        return place + 2 >= end or octet(ram, place + 2) >= (0xE0 if opcode == 0xBA else 0xC0)
    return place >= end or (place + 1 == end and octet(ram, place) == 0x0F)


def is_prefix(octet: int) -> bool:
    """Whether a byte is a legacy or REX prefix."""
    return octet & 0xE7 == 0x26 or octet & 0xF0 == 0x40 or 0x64 <= octet <= 0x67 or octet in (0xF0, 0xF2, 0xF3)


def goes_on(page: bytes) -> bool:
    """Whether such an instruction may begin in `page` and end in the next."""
    return _BEGUN.search(page, PAGE_SIZE - _BEFORE) is not None


def untranslatable(page: bytes, behind: bytes | None = b"") -> set[int]:
    """Offsets where such an instruction may begin whose LOCK is in `page`. Negative ones, in the page before, are there
    whatever that has.

    `behind`: the code behind the page. None: unknown, and it may be any.
    """
    found = set()
    code = page + (behind or b"")[:_BEFORE]
    matches = list(_PATTERN.finditer(code))
    if behind is None and (begun := _BEGUN.search(page, PAGE_SIZE - _BEFORE)) is not None:
        matches.append(begun)
    for match in matches:
        start, end = match.span(1)
        last = code.rfind(_LOCK, start, min(end, PAGE_SIZE))
        if last >= 0:
            found |= set(range(max(start, last - _BEFORE) if start else last - _BEFORE, last + 1))
    return found
