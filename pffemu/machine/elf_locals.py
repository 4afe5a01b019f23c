"""Parameters and local variables of C functions, by address: DWARF (DWARF 5, sections 3.3, 3.5 and 2.6).

Of locations only what compilers write without optimization is read: an offset from the function's frame base, a fixed
address. Elsewhere a variable is known by its name and type alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pffemu.machine.elf_lines import damaged, debug_information
from pffemu.machine.elf_variables import CType, fixed_address, number_of, text_of, type_of

_MOST: Final = 300_000  # entries of .debug_info that are looked at
_DEEPEST: Final = 64  # blocks inside blocks
_FBREG, _CALL_FRAME_CFA, _RBP = 0x91, 0x9C, 0x56  # DW_OP_fbreg, DW_OP_call_frame_cfa, DW_OP_reg6
_VARIABLES: Final = ("DW_TAG_formal_parameter", "DW_TAG_variable")


class Base(Enum):
    """What a variable's offset is added to."""

    CFA = "cfa"  # RSP behind the function's return
    RBP = "rbp"
    NOTHING = "nothing"  # the offset is an address
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Local:
    """A variable that is in scope from `start` up to `end`; its value is at `base` + `offset`."""

    name: str
    type: CType
    start: int
    end: int
    base: Base
    offset: int = 0


def read_locals(data: bytes, name: str, bias: int = 0) -> list[Local]:
    """Parameters and variables of an ELF file built with -g; those of its first units where it is very large.

    Outer blocks come before inner ones. Raises ElfError for damaged tables.
    """
    with damaged("debug information", name):
        dwarf = debug_information(data)
        return list(_read(dwarf, bias)) if dwarf is not None else []


def _read(dwarf: Any, bias: int) -> Iterator[Local]:
    left = [_MOST]
    for unit in dwarf.iter_CUs():
        known: dict[int, CType | None] = {}
        for entry in unit.get_top_DIE().iter_children():
            left[0] -= 1
            if left[0] < 0:
                return
            if entry.tag == "DW_TAG_subprogram" and (scope := _range(entry, bias)) is not None:
                yield from _of_block(entry, scope, _frame_base(entry), bias, known, left, 0)


def _of_block(
    block: Any,
    scope: tuple[int, int],
    base: Base,
    bias: int,
    known: dict[int, CType | None],
    left: list[int],
    depth: int,
) -> Iterator[Local]:
    inner = []
    for entry in block.iter_children():
        left[0] -= 1
        if left[0] < 0 or depth > _DEEPEST:
            return
        if entry.tag == "DW_TAG_lexical_block":
            inner.append(entry)
        elif entry.tag in _VARIABLES and (name := text_of(entry, "name")):
            kind = type_of(entry, known, 0)
            if kind is not None:
                yield Local(name, kind, *scope, *_place(entry, base, bias))
    for entry in inner:
        yield from _of_block(entry, _range(entry, bias) or scope, base, bias, known, left, depth + 1)


def _range(entry: Any, bias: int) -> tuple[int, int] | None:
    """[start, end) of a function or block in one piece."""
    low, high = number_of(entry, "low_pc"), number_of(entry, "high_pc")
    if low is None or high is None:
        return None
    is_address = entry.attributes["DW_AT_high_pc"].form.startswith("DW_FORM_addr")
    return low + bias, (high if is_address else low + high) + bias


def _frame_base(entry: Any) -> Base:
    found = _octets(entry, "frame_base")
    return {bytes([_CALL_FRAME_CFA]): Base.CFA, bytes([_RBP]): Base.RBP}.get(found, Base.UNKNOWN)


def _octets(entry: Any, attribute: str) -> bytes:
    found = entry.attributes.get(f"DW_AT_{attribute}")
    return bytes(found.value) if found is not None and isinstance(found.value, list) else b""


def _place(entry: Any, base: Base, bias: int) -> tuple[Base, int]:
    address = fixed_address(entry, bias)
    if address is not None:
        return Base.NOTHING, address
    octets = _octets(entry, "location")
    number = _signed_leb128(octets[1:]) if octets[:1] == bytes([_FBREG]) else None
    return (base, number) if number is not None else (Base.UNKNOWN, 0)


def _signed_leb128(octets: bytes) -> int | None:
    """The number (DWARF 5, section 7.6) that fills `octets`; None: they hold something else."""
    if not 0 < len(octets) <= 10 or any(not octet & 0x80 for octet in octets[:-1]) or octets[-1] & 0x80:
        return None
    value = sum((octet & 0x7F) << 7 * i for i, octet in enumerate(octets))
    return value - (1 << 7 * len(octets)) if octets[-1] & 0x40 else value
