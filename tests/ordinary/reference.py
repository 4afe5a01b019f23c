"""What pffemu.hw.ordinary answers fast, worked out slowly by iced-x86, capstone and the careful table."""

from __future__ import annotations

from typing import NamedTuple

from pffemu.asm.scan import INVALID, scan
from pffemu.asm.timing_class import class_of
from pffemu.hw import careful


class Known(NamedTuple):
    """An instruction that Unicorn executes as the CPU does: its length and timing class."""

    size: int
    timing_class: str


def known(code: bytes) -> Known | None:
    """The first instruction of `code` (up to 15 bytes); None: it is careful, invalid or cut off."""
    found = scan(code[:15])
    if not found or found[0].form == INVALID or careful.row(code[:15]) is not None:
        return None
    return Known(found[0].size, class_of(found[0], code))


def classes(block: bytes) -> list[str] | None:
    """The classes of the instructions that fill `block`; None: not all of them are ordinary."""
    at, found = 0, []
    while at < len(block):
        instruction = known(block[at:])
        if instruction is None:
            return None
        at += instruction.size
        found.append(instruction.timing_class)
    return found
