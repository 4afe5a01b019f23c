"""The fill hook, as plain functions over flat state: the same code compiled and not (tlb_fill)."""

from __future__ import annotations

from typing import Any, Final

from pffemu.engine.engine_page import ENGINE_PAGE, ENGINE_PAGE_PA
from pffemu.engine.refusals import (
    CODE_CHANGES,
    NON_CANONICAL,
    NOTHING,
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
from pffemu.hw.untranslatable import is_clean

# flat state, signed 64-bit words; those of the last refusal are in engine.refusals
ROOT: Final = 0  # CR3
RAM_ADDRESS: Final = 1  # host address, for compiled code
FRAMES_ADDRESS: Final = 2  # host address of Ram.frames
RAM_WORDS: Final = 3
FILLS_LEFT: Final = 7  # until the TLB is to grow
WATCHED: Final = 8  # pages a debugger watches: 0, or the number of words from WATCHED_PAGE on
WATCHED_PAGE: Final = 9
WATCHED_MAX: Final = 64
CORE: Final = WATCHED_PAGE + WATCHED_MAX  # the core's index
GUARDED: Final = CORE + 1  # the number of guarded pages; from GUARDED_PAGE on, for each: the page, its frame, and the
GUARDED_PAGE: Final = GUARDED + 1  # frame behind it whose bytes matter, or NO_FRAME
GUARDED_WORDS: Final = 3
GUARDED_MAX: Final = 64
NO_FRAME: Final = -1
WORDS: Final = GUARDED_PAGE + GUARDED_WORDS * GUARDED_MAX

_ENGINE_PAGE: Final = ENGINE_PAGE - (1 << 64)  # as the signed number the hook sees
_UC_MEM_WRITE: Final = 17
_UC_MEM_FETCH: Final = 18
_READ: Final = 1
_STORED: Final = 3  # what the TLB grants
_FETCHED: Final = 5


# Ram.frames: a word for each frame. Its home is the only executable page, on one core, in which it is fetched or
# through which it is stored to: there Unicorn notices stores to translated code, and a page of the TLB is never both
# executable and writable.
TRANSLATED: Final = 1  # an engine has translated code of the frame
SEARCHED: Final = 2  # for untranslatable encodings, and not stored to since: TLBs may grant fetches, and stores nowhere
STORED_TO: Final = 4  # TLBs may grant stores away from home
STORED_AT_HOME: Final = 8  # the TLB may grant stores at home
MIXED: Final = 16  # has no home: several pages or cores
UNCLEAN: Final = 32  # has untranslatable encodings: it is fetched in guarded pages only (hw.translated_frames)
BEHIND: Final = 64  # the exits of a guarded page depend on it
PASSING: Final = 128  # the instruction that runs alone stores to it,
ONCE: Final = 256  # and its own code is fetched once more before that store: Unicorn begins it again
CODE: Final = TRANSLATED | SEARCHED
HOME: Final = 9  # shift: core + 1 above 36 bits for the page's number; 0: not known yet
_PAGE_BITS: Final = 36


def refuse(state: Any, reason: int, address: int, code: int) -> int:
    """Note the refusal; returns 0, as `fill` does then."""
    state[REFUSED] = reason
    state[REFUSED_PAGE] = address
    state[REFUSED_CODE] = code
    return 0


def with_home(bits: int, address: int, core: int) -> int:
    """The word of a frame that `core` fetches in the executable page at `address`, or stores to through it."""
    if bits & MIXED:
        return bits
    home, here = bits >> HOME, (core + 1) << _PAGE_BITS | address >> 12
    if home == 0:
        return bits | here << HOME
    return bits if home == here else bits | MIXED


def is_guarded(state: Any, address: int, frame: int) -> bool:
    """Whether the engine translates nothing at the untranslatable encodings of `frame` in the page at `address`."""
    for i in range(GUARDED_PAGE, GUARDED_PAGE + GUARDED_WORDS * state[GUARDED], GUARDED_WORDS):
        if state[i] == address and state[i + 1] == frame:
            return True
    return False


def refuse_fetch(state: Any, reason: int, address: int, code: int) -> int:
    """Note a refused fetch, unless it is not the guest's: behind a run Unicorn looks for translations of exits, and for
    an exit at the first byte of a page also in the page before. Then what the run itself was refused stays noted.
    """
    if state[REFUSED] != NOTHING:
        for i in range(GUARDED_PAGE, GUARDED_PAGE + GUARDED_WORDS * state[GUARDED], GUARDED_WORDS):
            if state[i] == address + 4096:
                return 0
    return refuse(state, reason, address, code)


def fetched(ram: Any, frames: Any, state: Any, address: int, frame: int) -> int:
    """Grant a fetch from a frame that has been searched and is stored to nowhere."""
    bits = frames[frame >> 12]
    if bits & ONCE:
        frames[frame >> 12] = bits & ~ONCE
        return frame | _FETCHED
    new = with_home(bits, address, state[CORE])
    if bits & STORED_TO or (new & MIXED and bits & STORED_AT_HOME):
        return refuse_fetch(state, UNSEEN_CODE, address, FETCH)
    if bits & SEARCHED == 0:
        if bits & (UNCLEAN | BEHIND) or not is_clean(ram, frame):
            return refuse_fetch(state, UNSEEN_CODE, address, FETCH)
        new |= SEARCHED
    elif bits & UNCLEAN and not is_guarded(state, address, frame):
        return refuse_fetch(state, UNSEEN_CODE, address, FETCH)
    frames[frame >> 12] = new
    return frame | _FETCHED


def stored_to(frames: Any, state: Any, address: int, frame: int, executable: bool, access: int) -> int:
    """Grant stores to a frame, unless it is code and the engine would not notice them."""
    bits = frames[frame >> 12]
    new = with_home(bits, address, state[CORE]) if executable else bits
    away = not executable or new & MIXED != 0
    if bits & CODE == 0:
        frames[frame >> 12] = new | (STORED_TO if away else STORED_AT_HOME)
        return frame | _STORED
    if access & WRITE == 0:
        return frame | _READ  # the first store comes back
    if bits & PASSING:
        frames[frame >> 12] = bits & ~SEARCHED | STORED_TO | (ONCE if bits & SEARCHED else 0)
        return frame | _STORED
    if away or bits & UNCLEAN:
        return refuse(state, CODE_CHANGES, address, access)
    frames[frame >> 12] = new & ~SEARCHED | STORED_AT_HOME
    return frame | _STORED


def fill(ram: Any, frames: Any, state: Any, address: int, kind: int) -> int:
    """Physical page | permissions for a miss at signed `address`, or 0 when refused (the reason is in `state`).

    `frames`: Ram.frames.
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
        if code & FETCH:
            return refuse_fetch(state, PAGE_FAULT, address, code)
        return refuse(state, PAGE_FAULT, address, code)
    if state[WATCHED] and access & FETCH == 0:
        for i in range(state[WATCHED]):
            if state[WATCHED_PAGE + i] == address:
                return refuse(state, WATCH, address, access)
    granted = page_walk.permissions(entry, access)
    if granted == _READ or frame >> 3 >= state[RAM_WORDS]:  # a device's page is not in RAM
        return frame | granted
    if granted == _FETCHED:
        return fetched(ram, frames, state, address, frame)
    return stored_to(frames, state, address, frame, entry >= 0, access)
