"""A planned block's loads and stores go through the caches when the block begins, without a hook for each of them.

A plan is the block's steps (asm.access_steps) as words. What a step reads is named by its host address: registers
where the engine keeps them, temporaries and constants among this module's own words. A step whose page ring 3 cannot
access ends the replay: the guest faults there, and the rest follows in a later block.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pffemu.asm.access_steps import ACCESSES, FS, GS, MOST_TEMPORARIES, TEMPORARIES, ZERO, Kind, Step
from pffemu.hw.page_walk import OK, USER, WRITE, walk

# own words: constants and temporaries, translations, plans
ROOT: Final = 0  # CR3 of the translations
_FREE: Final = 1  # the first free word of the plans
SLOW_STEP_AT: Final = 2  # for compiled code: address of the C function for unusual accesses
_ZERO: Final = 3
_TEMPORARIES: Final = 4
PAGES: Final = 64  # two words each: page << 1 | writable; frame
PAGE_COUNT: Final = 1 << 10
PLANS: Final = PAGES + 2 * PAGE_COUNT
WORDS: Final = PLANS + (1 << 18)
assert _TEMPORARIES + MOST_TEMPORARIES <= PAGES

STEP_WORDS: Final = 4  # kind and what goes with it, displacement, base, index
KIND: Final = 15  # bits of the first word
SHIFT_AT: Final = 4
SHIFT: Final = 63
SIZE_AT: Final = 10
SIZE: Final = 31
SIGNED: Final = 1 << 15
RESULT_AT: Final = 16  # own word, 0: none

_PAGE: Final = 12
_NOWHERE: Final = -1
_NO_PAGE: Final = -(1 << 60)


def forget_pages(own: Any, root: int) -> None:
    """Page-table entries were removed or narrowed, or others hold."""
    own[ROOT] = root
    for slot in range(PAGES, PLANS, 2):
        own[slot] = _NO_PAGE


def planned(steps: Iterable[Step], own: int, registers: int, segments: tuple[int, ...]) -> list[int]:
    """The words of a plan. `own`, `registers`: host addresses of the own words and the general registers; `segments`:
    words from there to the segments' bases."""
    places = {ZERO: own + 8 * _ZERO, FS: registers + 8 * segments[0], GS: registers + 8 * segments[1]}

    def place(word: int) -> int:
        if word >= TEMPORARIES:
            return own + 8 * (_TEMPORARIES + word - TEMPORARIES)
        return places.get(word, registers + 8 * word)

    words: list[int] = []
    for step in steps:
        first = step.kind | step.shift << SHIFT_AT | step.size << SIZE_AT | (SIGNED if step.signed else 0)
        if step.result >= 0:
            first |= (_TEMPORARIES + step.result - TEMPORARIES) << RESULT_AT
        words += [first, step.displacement, place(step.base), place(step.index)]
    return [*words, 0]


def add_plan(own: Any, plan: list[int]) -> int:
    """Keep a plan; its first word, or 0 when there is no room."""
    at = own[_FREE] or PLANS
    if at + len(plan) > WORDS:
        return 0
    for offset, word in enumerate(plan):
        own[at + offset] = word
    own[_FREE] = at + len(plan)
    return int(at)


def frame_of(own: Any, ram: Any, ram_words: int, root: int, address: int, store: bool) -> int:
    """The frame behind an address of ring 3, -1: the access would fault."""
    page = address >> _PAGE
    slot = PAGES + 2 * (page & (PAGE_COUNT - 1))
    known = own[slot]
    if known >> 1 == page and (known & 1 or not store):
        return int(own[slot + 1])
    if address >> 47 != 0:
        return _NOWHERE
    frame, _, code = walk(ram, ram_words, root, address, USER | WRITE if store else USER, False)
    if code != OK:
        return _NOWHERE
    own[slot] = page << 1 | store
    own[slot + 1] = frame
    return int(frame)


def value_at(ram: Any, ram_words: int, address: int, size: int, signed: bool) -> int:
    """`size` bytes at a physical address, within a page."""
    word, shift = address >> 3, 8 * (address & 7)
    if word >= ram_words:
        return 0
    value = ram[word]
    if shift:
        value = (value >> shift) & ((1 << (64 - shift)) - 1)
        if shift + 8 * size > 64:
            value |= ram[word + 1] << (64 - shift)
    return extended(value, size, signed)


def value_across(own: Any, ram: Any, ram_words: int, root: int, address: int, size: int) -> int:
    """`size` bytes that begin in one page and end in the next."""
    value = 0
    for place in range(size):
        frame = frame_of(own, ram, ram_words, root, address + place, False)
        value |= value_at(ram, ram_words, frame | ((address + place) & 4095), 1, False) << 8 * place
    return value


def extended(value: int, size: int, signed: bool) -> int:
    """The lowest `size` bytes."""
    if size == 8:
        return value
    value &= (1 << 8 * size) - 1
    if signed and value >> (8 * size - 1):
        value -= 1 << 8 * size
    return value


def computed(kind: int, one: int, other: int, shift: int, displacement: int, size: int, signed: bool) -> int:
    """The result of a step of arithmetic."""
    if kind == _SUM:
        return one + (other << shift) + displacement
    if kind == _EXTEND:
        return extended(one, size, signed)
    if kind == _AND:
        return one & other
    if kind == _SHIFT_RIGHT_SIGNED:
        return one >> shift
    if kind == _SHIFT_RIGHT:
        return (one >> shift) & ((1 << (64 - shift)) - 1) if shift else one
    if kind == _DIFFERENCE:
        return one - other
    if kind == _OR:
        return one | other
    if kind == _XOR:
        return one ^ other
    return one * other


LOAD, STORE, UPDATE = map(int, ACCESSES)
_SUM, _DIFFERENCE, _AND, _OR, _XOR = map(int, (Kind.SUM, Kind.DIFFERENCE, Kind.AND, Kind.OR, Kind.XOR))
_SHIFT_RIGHT, _SHIFT_RIGHT_SIGNED = int(Kind.SHIFT_RIGHT), int(Kind.SHIFT_RIGHT_SIGNED)
_EXTEND = int(Kind.EXTEND)
