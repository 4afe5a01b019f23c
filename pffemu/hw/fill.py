"""The fill hook, as plain functions over flat state: the same code compiled and not (tlb_fill)."""

from __future__ import annotations

from typing import Any, Final

from pffemu.engine.engine_page import ENGINE_PAGE, ENGINE_PAGE_PA
from pffemu.engine.refusals import (
    CODE_CHANGES,
    NON_CANONICAL,
    PAGE_FAULT,
    REFUSED,
    REFUSED_CODE,
    REFUSED_PAGE,
    TLB_GROWS,
    UNSEEN_CODE,
    WATCH,
)
from pffemu.hw import page_walk
from pffemu.hw.page_walk import FETCH, OK, USER, WRITE

# flat state, signed 64-bit words; those of the last refusal are in engine.refusals
ROOT: Final = 0  # CR3
RAM_ADDRESS: Final = 1  # host address, for compiled code
FRAMES_ADDRESS: Final = 2  # host address of Ram.frames
RAM_WORDS: Final = 3
FILLS_LEFT: Final = 7  # until the TLB is to grow
WATCHED: Final = 8  # pages a debugger watches: 0, or the number of words from WATCHED_PAGE on
WATCHED_PAGE: Final = 9
WATCHED_MAX: Final = 64
WORDS: Final = WATCHED_PAGE + WATCHED_MAX

_ENGINE_PAGE: Final = ENGINE_PAGE - (1 << 64)  # as the signed number the hook sees
_UC_MEM_WRITE: Final = 17
_UC_MEM_FETCH: Final = 18
_WRITE: Final = 2
_EXECUTE: Final = 4


# Ram.frames: a word for each frame
TRANSLATED: Final = 1  # the engine has translated code of the frame
STORED_TO: Final = 2  # a mapping of it through which the engine does not notice stores to code has been in a TLB
SEARCHED: Final = 4  # searched for untranslatable encodings, and not stored to since through such a mapping
MIXED: Final = 8  # executable in, or stored to through, more than one executable page
HOME: Final = 4  # shift: the number of the only such page, 0: none


def refuse(state: Any, reason: int, address: int, code: int) -> int:
    """Note the refusal; returns 0, as `fill` does then."""
    state[REFUSED] = reason
    state[REFUSED_PAGE] = address
    state[REFUSED_CODE] = code
    return 0


def with_home(bits: int, address: int) -> int:
    """The word of a frame that is executed in the executable page at `address`, or stored to through it."""
    if bits & MIXED:
        return bits
    home = bits >> HOME
    if home == 0:
        return bits | address >> 12 << HOME
    return bits if home == address >> 12 else bits | MIXED


def fill(ram: Any, frames: Any, state: Any, address: int, kind: int) -> int:
    """Physical page | permissions for a miss at signed `address`, or 0 when refused (the reason is in `state`).

    `frames`: Ram.frames. Unicorn notices stores to code only through the page in which the code is executed.
    """
    if address == _ENGINE_PAGE and kind == _UC_MEM_FETCH:
        return ENGINE_PAGE_PA | 4
    if state[ROOT] == 0:  # before the kernel runs, every page is the engine's own (GDT, IRETQ's frame)
        return ENGINE_PAGE_PA | 1
    access = USER
    state[FILLS_LEFT] -= 1
    if kind == _UC_MEM_WRITE:
        access |= WRITE
    elif kind == _UC_MEM_FETCH:
        access |= FETCH
    if state[FILLS_LEFT] < 0 and kind != _UC_MEM_FETCH:
        return refuse(state, TLB_GROWS, address, access)
    if address >> 47 != 0 and address >> 47 != -1:
        return refuse(state, NON_CANONICAL, address, access)
    frame, entry, code = page_walk.walk(ram, state[RAM_WORDS], state[ROOT], address, access, True)
    if code != OK:
        return refuse(state, PAGE_FAULT, address, code)
    if state[WATCHED] and access & FETCH == 0:
        for i in range(state[WATCHED]):
            if state[WATCHED_PAGE + i] == address:
                return refuse(state, WATCH, address, access)
    granted = page_walk.permissions(entry, access)
    if (
        granted & (_WRITE | _EXECUTE) == 0 or frame >> 3 >= state[RAM_WORDS]
    ):  # read-only, or a device's page: no stores to code
        return frame | granted
    bits = frames[frame >> 12]
    if granted & _EXECUTE:
        if bits & SEARCHED == 0:
            return refuse(state, UNSEEN_CODE, address, access)
        return frame | granted
    if entry >= 0:  # no NX: Unicorn notices stores to code through the page in which it is executed
        bits = with_home(bits, address)
        frames[frame >> 12] = bits
        if bits & MIXED == 0:
            return frame | granted
    if bits & TRANSLATED:
        return refuse(state, CODE_CHANGES, address, access)
    if bits & SEARCHED or bits & STORED_TO == 0:
        frames[frame >> 12] = bits & ~SEARCHED | STORED_TO
    return frame | granted
