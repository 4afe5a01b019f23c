"""Parameters and local variables of C functions, by address: DWARF (DWARF 5, sections 3.3 and 3.5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pffemu.machine.elf_lines import damaged, debug_information
from pffemu.machine.elf_places import Lists, Place
from pffemu.machine.elf_variables import CType, text_of, type_of

_MOST: Final = 300_000  # entries of .debug_info that are looked at
_DEEPEST: Final = 64  # blocks inside blocks
_REMEMBERED: Final = 4096  # addresses
_VARIABLES: Final = ("DW_TAG_formal_parameter", "DW_TAG_variable")
_BLOCKS: Final = ("DW_TAG_lexical_block", "DW_TAG_inlined_subroutine")


@dataclass(frozen=True, slots=True)
class Local:
    """A variable that is in scope from `start` up to `end`. `places`: where it is; in none of them, it is not known."""

    name: str
    type: CType
    start: int
    end: int
    places: tuple[Place, ...]

    def place_at(self, address: int) -> Place | None:
        """Where it is while RIP is `address`."""
        return next((place for place in self.places if place.start <= address < place.end), None)


class Scopes:
    """Locals by address, as `read_locals` orders them."""

    def __init__(self, found: Sequence[Local]) -> None:
        self._found = found
        self._at: dict[int, Sequence[Local]] = {}  # of addresses that were asked for: conditions ask again and again

    def at(self, address: int) -> Sequence[Local]:
        if address not in self._at:
            if len(self._at) >= _REMEMBERED:
                self._at.clear()
            self._at[address] = [local for local in self._found if local.start <= address < local.end]
        return self._at[address]


@dataclass(slots=True)
class _Unit:
    """What is read of a compilation unit: its types, and where the function at hand has its frame."""

    lists: Lists
    types: dict[int, CType | None]
    frame_base: tuple[str, int] | None = None


def read_locals(data: bytes, name: str, bias: int = 0) -> list[Local]:
    """Parameters and variables of an ELF file built with -g; those of its first units where it is very large.

    Outer blocks come before inner ones, and functions before those that are inlined into them. Raises ElfError for
    damaged tables.
    """
    with damaged("debug information", name):
        dwarf = debug_information(data)
        return list(_read(dwarf, bias)) if dwarf is not None else []


def _read(dwarf: Any, bias: int) -> Iterator[Local]:
    left = [_MOST]
    lists = Lists(dwarf, bias)
    for each in dwarf.iter_CUs():
        unit = _Unit(lists, {})
        for entry in each.get_top_DIE().iter_children():
            left[0] -= 1
            if left[0] < 0:
                return
            if entry.tag == "DW_TAG_subprogram" and (ranges := lists.ranges(entry)):
                unit.frame_base = _frame_base(entry, lists)
                yield from _of_block(entry, ranges, unit, left, 0)


def _of_block(block: Any, ranges: list[tuple[int, int]], unit: _Unit, left: list[int], depth: int) -> Iterator[Local]:
    inner = []
    for entry in block.iter_children():
        left[0] -= 1
        if left[0] < 0 or depth > _DEEPEST:
            return
        if entry.tag in _BLOCKS:
            inner.append(entry)
        elif entry.tag in _VARIABLES:
            yield from _variable(entry, ranges, unit)
    for entry in inner:
        yield from _of_block(entry, unit.lists.ranges(entry) or ranges, unit, left, depth + 1)


def _variable(entry: Any, ranges: list[tuple[int, int]], unit: _Unit) -> Iterator[Local]:
    inlined = "DW_AT_abstract_origin" in entry.attributes
    origin = entry.get_DIE_from_attribute("DW_AT_abstract_origin") if inlined else entry
    name = text_of(origin, "name")
    kind = type_of(origin, unit.types, 0) if name else None
    if kind is not None:
        places = unit.lists.places(entry, unit.frame_base)
        yield from (Local(name, kind, start, end, places) for start, end in ranges)


def _frame_base(entry: Any, lists: Lists) -> tuple[str, int] | None:
    found = entry.attributes.get("DW_AT_frame_base")
    place = lists.sum_of(bytes(found.value), None) if found is not None and isinstance(found.value, list) else None
    return place[:2] if place is not None else None
