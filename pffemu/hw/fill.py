"""What the fill hook does, as plain functions over flat state: the same code compiled and not (tlb_fill)."""

from __future__ import annotations

from typing import Any, Final

from pffemu.engine.engine_page import ENGINE_PAGE, ENGINE_PAGE_PA
from pffemu.hw import page_walk
from pffemu.hw.page_walk import FETCH, OK, USER, WRITE

# flat state, signed 64-bit words
ROOT: Final = 0  # CR3
RAM_ADDRESS: Final = 1  # host address, for compiled code
RAM_WORDS: Final = 2
REFUSED: Final = 3  # 0 nothing, 1 page fault, 2 non-canonical address
REFUSED_PAGE: Final = 4
REFUSED_CODE: Final = 5  # page-fault error code; bit 4 (I) tells a fetch
WATCHED: Final = 6  # pages a debugger watches: 0, or the number of words from WATCHED_PAGE on
WATCHED_PAGE: Final = 7
WATCHED_MAX: Final = 64
WORDS: Final = WATCHED_PAGE + WATCHED_MAX

_PAGE_FAULT: Final = 1
NON_CANONICAL: Final = 2
WATCH: Final = 3  # nothing is wrong with the access: a debugger wants to know of it
_ENGINE_PAGE: Final = ENGINE_PAGE - (1 << 64)  # as the signed number the hook sees
_UC_MEM_WRITE: Final = 17
_UC_MEM_FETCH: Final = 18


def fill(ram: Any, state: Any, address: int, kind: int) -> int:
    """Physical page | permissions for a miss at signed `address`, or 0 when refused (the reason is in `state`)."""
    if address == _ENGINE_PAGE and kind == _UC_MEM_FETCH:
        return ENGINE_PAGE_PA | 4
    if state[ROOT] == 0:  # before the kernel runs there is only the engine's page, everywhere: GDT, IRETQ's frame
        return ENGINE_PAGE_PA | 1
    access = USER
    if kind == _UC_MEM_WRITE:
        access |= WRITE
    elif kind == _UC_MEM_FETCH:
        access |= FETCH
    if address >> 47 != 0 and address >> 47 != -1:
        state[REFUSED] = NON_CANONICAL
        state[REFUSED_PAGE] = address
        state[REFUSED_CODE] = access
        return 0
    frame, entry, code = page_walk.walk(ram, state[RAM_WORDS], state[ROOT], address, access, True)
    if code != OK:
        state[REFUSED] = _PAGE_FAULT
        state[REFUSED_PAGE] = address
        state[REFUSED_CODE] = code
        return 0
    if state[WATCHED] and access & FETCH == 0:
        for i in range(state[WATCHED]):
            if state[WATCHED_PAGE + i] == address:
                state[REFUSED] = WATCH
                state[REFUSED_PAGE] = address
                state[REFUSED_CODE] = access
                return 0
    return frame | page_walk.permissions(entry, access)
