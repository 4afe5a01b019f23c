"""Derives the table of ordinary instructions from the decoders, opcode by opcode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from pffemu.asm.scan import INVALID, first
from pffemu.hw.ordinary import ESCAPES, PREFIXES, REX_BITS
from tests.ordinary.reference import known

_REX: Final = (0, *range(0x40, 0x50))
_MASKS: Final = sorted(range(1, 16), key=int.bit_count)
_PADDINGS: Final = (bytes(12), b"\xff" * 12)  # immediates
_MOVSXD: Final = 0x63
_RBX: Final = 3  # as r/m: no displacement
_DISPLACED: Final = 0x80  # mod: four bytes of displacement
_NOT_OPCODES: Final = {
    "": frozenset((*range(0x40, 0x50), 0x0F, 0xF0, 0xF2, 0xF3, 0x2E, 0x36, 0x3E, 0x26, 0x64, 0x65, 0x66, 0x67)),
    "0f": frozenset((0x38, 0x3A)),
}
_STRINGS: Final = frozenset((*range(0xA4, 0xA8), *range(0xAA, 0xB0)))
# one-byte opcodes behind F3 and F2 in compilers' code: PAUSE, REP, `rep ret`, BND in front of branches
_REPEATED: Final = {
    "f3": _STRINGS | {0x90, 0xC3},
    "f2": _STRINGS | {*range(0x70, 0x80), 0xC3, 0xE8, 0xE9, 0xEB, 0xFF},
}


class Kind(NamedTuple):
    """Behind an opcode: bytes (with REX.W four more if `wide`), REX bits that make it not ordinary, class."""

    size: int
    wide: bool
    without: int
    timing_class: str


Place = tuple[int, int]  # opcode, ModRM.reg or -1


def table() -> dict[str, dict[str, str]]:
    """For each kind of prefix and opcode map: what an entry looks like, and the opcodes that have it."""
    found: dict[str, dict[str, str]] = {}
    for prefix in PREFIXES:
        for escape in ESCAPES:
            places: dict[str, list[Place]] = {}
            left_out = _NOT_OPCODES.get(escape, frozenset())
            if not escape and prefix == "66":
                left_out |= {_MOVSXD}  # its text, and so its class, depends on the first one that was decoded
            if not escape and prefix in _REPEATED:
                left_out = frozenset(range(256)) - _REPEATED[prefix]
            for place, text in _entries(bytes.fromhex(prefix), bytes.fromhex(escape), left_out):
                places.setdefault(text, []).append(place)
            if places:
                found[f"{prefix} {escape}".strip()] = {text: " ".join(_named(places[text])) for text in sorted(places)}
    return found


def _entries(prefix: bytes, escape: bytes, left_out: frozenset[int]) -> Iterator[tuple[Place, str]]:
    for opcode in range(256):
        if opcode not in left_out:
            group = [entry(prefix, escape, opcode, reg) for reg in range(8)]
            if len(set(group)) == 1:
                yield from (((opcode, -1), text) for text in group[:1] if text)
            else:
                yield from (((opcode, reg), text) for reg, text in enumerate(group) if text)


def entry(prefix: bytes, escape: bytes, opcode: int, reg: int) -> str:
    """The text of an entry; empty: not ordinary."""
    memory = _kind(prefix, escape, opcode, [reg << 3 | _RBX])
    register = _kind(prefix, escape, opcode, [0xC0 | reg << 3 | rm for rm in range(8)])
    one = memory or register
    if one is None or (memory is not None and register is not None and memory[:2] != register[:2]):
        return ""
    modrm = _has_modrm(prefix + escape + bytes((opcode,)), reg << 3)
    without = (memory.without if memory else 0) | (register.without if register else 0)
    traits = ["m"] if modrm else []
    traits += [f"i{one.size - modrm}"] if one.size > modrm else []
    traits += ["w"] if one.wide else []
    traits += ["-" + "".join(letter for letter, bit in REX_BITS.items() if without & bit)] if without else []
    classes = [_class(register), _class(memory)] if modrm else [_class(register)]
    return " ".join([*traits, "/".join(classes)])


def _class(kind: Kind | None) -> str:
    return "?" if kind is None else kind.timing_class or "free"


def _has_modrm(opcode: bytes, reg: int) -> bool:
    sizes = [
        found.size if (found := first(opcode + bytes((modrm | _RBX,)) + _PADDINGS[0])) and found.form != INVALID else 0
        for modrm in (reg, reg | _DISPLACED)
    ]
    return sizes[0] == 0 or sizes[1] == sizes[0] + 4  # memory operands are invalid, or there is a displacement


def _kind(prefix: bytes, escape: bytes, opcode: int, modrms: list[int]) -> Kind | None:
    """The kind that the opcode has with all these ModRM bytes; None: it differs, or is not ordinary."""
    by_rex = {}
    for rex in _REX:
        head = prefix + (bytes((rex,)) if rex else b"") + escape + bytes((opcode,))
        found = {known(head + bytes((modrm,)) + padding) for modrm in modrms for padding in _PADDINGS}
        one = found.pop()
        by_rex[rex] = None if found or one is None else (one.size - len(head), one.timing_class)
    if by_rex[0] is None:
        return None
    size, timing_class = by_rex[0]
    for wide, mask in ((0, 0), (4, 0), *((0, mask) for mask in _MASKS)):
        if all(
            found == (size + (wide if rex & 8 else 0), timing_class) for rex, found in by_rex.items() if not rex & mask
        ):
            return Kind(size, bool(wide), mask, timing_class)
    return None


def _named(places: list[Place]) -> Iterator[str]:
    """Opcodes as "80", "80-83", "80/1" or "80/1-3"."""
    for opcode in sorted({opcode for opcode, reg in places if reg >= 0}):
        for start, end in _runs([reg for place, reg in places if place == opcode]):
            yield f"{opcode:02x}/{start}" + (f"-{end}" if end > start else "")
    for start, end in _runs([opcode for opcode, reg in places if reg < 0]):
        yield f"{start:02x}" + (f"-{end:02x}" if end > start else "")


def places(opcodes: str) -> Iterator[Place]:
    """The places that a text of opcodes names, one for each ModRM.reg."""
    for opcode in opcodes.split():
        octets, _, regs = opcode.partition("/")
        first_octet, _, last_octet = octets.partition("-")
        first_reg, _, last_reg = (regs or "0-7").partition("-")
        for octet in range(int(first_octet, 16), int(last_octet or first_octet, 16) + 1):
            yield from ((octet, reg) for reg in range(int(first_reg), int(last_reg or first_reg) + 1))


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    start = None
    for at, number in enumerate(numbers):
        start = number if start is None else start
        if numbers[at + 1 : at + 2] != [number + 1]:
            yield start, number
            start = None
