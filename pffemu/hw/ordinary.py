"""Blocks of ordinary instructions: those that the engine executes as the CPU does, with a known length and class.

Most code is ordinary. `scan_block` goes through its bytes by a flat table (ordinary_table in words). What the table
does not know is left to the decoders behind hw.careful and asm.timing_class, from which it was derived: VEX and EVEX
(Unicorn has neither), LOCK, 67, odd combinations of prefixes. Plain functions over flat data: the same code compiled
and not (translated_blocks_compiled).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pffemu.asm.timing_class import REP, TIMING_CLASSES

PREFIXES: Final = ("", "66", "f3", "f2")
ESCAPES: Final = ("", "0f", "0f38", "0f3a")
REX_BITS: Final = {"W": 8, "R": 4, "X": 2, "B": 1}
_SPECIAL_OCTETS: Final = (*range(0x40, 0x50), 0x0F, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0xF2, 0xF3)

# classes by number; FREE: charged where the kernel takes it
FREE: Final = 0
CLASSES: Final = ("", *TIMING_CLASSES)
UNKNOWN: Final = 15
_REP_CLASS: Final = CLASSES.index(REP)

# an entry: the classes without and with a memory operand, the immediate's bytes, then
_MEMORY: Final = 4  # shift
_IMMEDIATE: Final = 8  # shift
_MODRM: Final = 1 << 12
_WIDE: Final = 1 << 13  # with REX.W, the immediate has four bytes more
_GROUP: Final = 1 << 14  # ModRM.reg tells eight entries apart
_SPECIAL: Final = 1 << 15  # a prefix, REX or 0F
_REX: Final = 16  # shift: bits of REX with which it is not ordinary
_NUMBER: Final = 20  # shift: of the group
_UNKNOWN: Final = UNKNOWN << _MEMORY | UNKNOWN

_GROUPS: Final = len(PREFIXES) * len(ESCAPES) * 256  # where the groups begin, eight entries each

# results of `scan_block`, besides the number of instructions
TIME: Final = 0  # the sum of their times
LAST: Final = 1  # the time of the last one
IS_REP: Final = 2  # 1: the block is one REP string instruction
RESULTS: Final = 3


def scan_block(code: Any, size: int, table: Any, rates: Any, results: Any) -> int:
    """The number of instructions that fill the first `size` bytes of `code`, or 0: not all of them are ordinary.

    `rates`: time by class. Reads no byte behind the block.
    """
    at = count = time = last = kind = 0
    while at < size:
        entry, rex = table[code[at]], 0
        at += 1
        if entry & _SPECIAL:
            at, place, rex = opcode_at(code, at - 1, size)
            if at == 0:
                return 0
            entry = table[place]
        if entry & _MODRM:
            if at >= size:
                return 0
            modrm = code[at]
            if entry & _GROUP:
                entry = table[(entry >> _NUMBER) + (modrm >> 3 & 7)]
            if modrm >= 0xC0:
                kind = entry & 15
                at += 1
            else:
                kind = entry >> _MEMORY & 15
                at = behind_operand(code, at, size)
        else:
            kind = entry & 15
        if kind == UNKNOWN or entry >> _REX & rex & 15 != 0:
            return 0
        at += entry >> _IMMEDIATE & 15
        if entry & _WIDE and rex & 8 != 0:
            at += 4
        last = rates[kind]
        time += last
        count += 1
    if at != size:
        return 0
    results[TIME] = time
    results[LAST] = last
    results[IS_REP] = count == 1 and kind == _REP_CLASS
    return count


def opcode_at(code: Any, at: int, size: int) -> tuple[int, int, int]:
    """Behind prefixes: (offset behind the opcode, its place in the table, REX). Offset 0: unknown or cut off."""
    prefix = segment = rex = 0
    octet = code[at]
    while True:
        if octet == 0x66:
            if prefix > 1:
                return 0, 0, 0
            prefix = 1
        elif octet == 0xF3 or octet == 0xF2:
            if prefix != 0:
                return 0, 0, 0
            prefix = 2 + (octet == 0xF2)
        elif octet == 0x64 or octet == 0x65:  # the engine obeys the last segment, the CPU the last FS or GS
            if segment != 0:
                return 0, 0, 0
            segment = 2
        elif octet == 0x2E or octet == 0x3E or octet == 0x26 or octet == 0x36:
            if segment == 2:
                return 0, 0, 0
            segment = 1
        else:
            break
        at += 1
        if at >= size:
            return 0, 0, 0
        octet = code[at]
    if octet & 0xF0 == 0x40:
        rex = octet & 15
        at += 1
        if at >= size:
            return 0, 0, 0
    place = prefix << 8
    if code[at] == 0x0F:
        at += 1
        place += 1024
        if at < size and (code[at] == 0x38 or code[at] == 0x3A):
            place += 1024 if code[at] == 0x38 else 2048
            at += 1
    elif segment == 1:  # a hint
        return 0, 0, 0
    if at >= size:
        return 0, 0, 0
    return at + 1, place + code[at], rex


def behind_operand(code: Any, at: int, size: int) -> int:
    """The offset behind a memory operand whose ModRM is at `at`; behind the block when it is cut off."""
    modrm = code[at]
    mod = modrm >> 6
    at += 1
    if modrm & 7 == 4:
        if at >= size:
            return size + 1
        if mod == 0 and code[at] & 7 == 5:
            at += 4
        at += 1
    if mod == 1:
        at += 1
    elif mod == 2 or modrm & 0xC7 == 5:
        at += 4
    return at


def words_of(table: Mapping[str, Mapping[str, str]]) -> list[int]:
    """The table of ordinary_table in words, as `scan_block` needs it."""
    words = [_UNKNOWN] * _GROUPS
    for octet in _SPECIAL_OCTETS:
        words[octet] |= _SPECIAL
    for name, entries in table.items():
        first, _, second = name.partition(" ")
        prefix, escape = (first, second) if first in PREFIXES else ("", first)
        base = ESCAPES.index(escape) << 10 | PREFIXES.index(prefix) << 8
        for text, opcodes in entries.items():
            for opcode in opcodes.split():
                _enter(words, base, opcode, _word(text))
    return words


def _enter(words: list[int], base: int, opcode: str, word: int) -> None:
    """Enter `word` for "80", "80-83", "80/1" or "80/1-3"."""
    octets, _, regs = opcode.partition("/")
    for octet in _range(octets, 16):
        place = base + octet
        if not regs:
            words[place] = word
            continue
        if not words[place] & _GROUP:
            words[place] = _UNKNOWN | _MODRM | _GROUP | len(words) << _NUMBER
            words += [_UNKNOWN] * 8
        for reg in _range(regs, 8):
            words[(words[place] >> _NUMBER) + reg] = word


def _range(text: str, base: int) -> range:
    first, _, last = text.partition("-")
    return range(int(first, base), int(last or first, base) + 1)


def _word(text: str) -> int:
    """An entry, from "m i1 -R simple/store": with ModRM, an immediate byte, not behind REX.R, two classes."""
    *traits, classes = text.split()
    register, _, memory = classes.partition("/")
    word = _number(memory) << _MEMORY | _number(register)
    for trait in traits:
        if trait == "m":
            word |= _MODRM
        elif trait == "w":
            word |= _WIDE
        elif trait.startswith("i"):
            word |= int(trait[1:]) << _IMMEDIATE
        else:
            word |= sum(REX_BITS[letter] for letter in trait[1:]) << _REX
    return word


def _number(name: str) -> int:
    return UNKNOWN if name in ("", "?") else FREE if name == "free" else CLASSES.index(name)
