"""Encodings on whose translation Unicorn aborts the process: LOCK with BT, BTS, BTR or BTC of a register.

They are #UD. A frame is searched for their bytes, at every offset, before code is first fetched from it; the engine
then translates nothing at these offsets.
"""

from __future__ import annotations

import re
from typing import Final

from pffemu.arch.paging import PAGE_SIZE

_PREFIX: Final = rb"[\x26\x2e\x36\x3e\x40-\x4f\x64-\x67\xf0\xf2\xf3]"
_LOCK: Final = 0xF0
_PATTERN: Final = re.compile(rb"%b+\x0f(?:[\xa3\xab\xb3\xbb][\xc0-\xff]|\xba[\xe0-\xff])" % _PREFIX, re.DOTALL)


def untranslatable(before: bytes, page: bytes, behind: bytes) -> set[int]:
    """Offsets in `page` (negative: in front of it) where such an instruction may begin.

    `before`, `behind`: up to MAX_INSTRUCTION bytes of code around the page.
    """
    found = set()
    for match in _PATTERN.finditer(before + page + behind):
        run = match[0]
        last = run.rfind(_LOCK, 0, -3)
        found |= {match.start() + offset - len(before) for offset in range(last + 1)}
    return {offset for offset in found if offset < PAGE_SIZE}
