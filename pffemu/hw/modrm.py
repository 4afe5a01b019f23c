"""The ModRM byte of an instruction and its operands (SDM vol. 2, 2.1.3)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from pffemu.hw.prefixes import Prefixes, prefixes_of

_ESCAPE: Final = 0x0F
_SECOND_ESCAPES: Final = b"\x38\x3a"


class ModRm(NamedTuple):
    """A ModRM byte. `reg`, `rm`: register numbers with REX (`rm` unless `memory` is set). `size`: operand bytes."""

    prefixes: Prefixes
    opcode: bytes  # with its 0F
    memory: bool
    extension: int  # the three bits of /0 to /7
    reg: int
    rm: int
    size: int


@lru_cache(maxsize=4096)
def modrm_of(code: bytes) -> ModRm:
    """The ModRm of an instruction with a one-byte, 0F, 0F 38 or 0F 3A opcode."""
    prefixes = prefixes_of(code)
    length = 1
    if code[prefixes.end] == _ESCAPE:
        length = 3 if code[prefixes.end + 1] in _SECOND_ESCAPES else 2
    rex = prefixes.rex[0] if prefixes.rex else 0
    octet = code[prefixes.end + length]
    extension = octet >> 3 & 7
    size = 8 if rex & 8 else 2 if prefixes.operand_size else 4
    return ModRm(
        prefixes,
        code[prefixes.end : prefixes.end + length],
        octet >> 6 != 3,
        extension,
        extension | (rex & 4) << 1,
        octet & 7 | (rex & 1) << 3,
        size,
    )
