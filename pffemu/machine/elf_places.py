"""Where a C variable is, by address of the code: DWARF location descriptions and lists (DWARF 5, sections 2.6 and 7.7).

Read is what one sum can say: an address, an offset from the frame or a register, a register, a constant. Where a value
is in pieces, or has to be computed, it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pffemu.machine.elf_frames import REGISTERS, RETURN_ADDRESS

CFA: Final = "cfa"  # RSP behind the function's return
EVERYWHERE: Final = (0, 1 << 64)
_MOST_LISTS: Final = 50_000  # location and range lists that are read
_ADDR, _FBREG, _STACK_VALUE, _CALL_FRAME_CFA = 0x03, 0x91, 0x9F, 0x9C  # DW_OP_
_LIT, _REG, _BREG = range(0x30, 0x50), range(0x50, 0x50 + RETURN_ADDRESS), range(0x70, 0x70 + RETURN_ADDRESS)
_CONST: Final = {0x08 + i: (1 << i // 2, i % 2 == 1) for i in range(8)}  # DW_OP_const1u to const8s: (bytes, signed)
_CONSTU, _CONSTS = 0x10, 0x11


@dataclass(frozen=True, slots=True)
class Place:
    """While RIP is in [start, end), the variable is at `base` + `offset`, or its value is that sum.

    `base`: CFA, a general register, or empty.
    """

    start: int
    end: int
    base: str
    offset: int = 0
    is_value: bool = False


class Lists:
    """The location and range lists of a program that was moved by `bias`, as long as there are not too many."""

    def __init__(self, dwarf: Any, bias: int) -> None:
        self._locations, self._ranges = dwarf.location_lists(), dwarf.range_lists()
        self._bias = bias
        self._left = _MOST_LISTS

    def places(self, entry: Any, frame_base: tuple[str, int] | None) -> tuple[Place, ...]:
        """Of a variable's entry; none where it has been dropped, or is not known."""
        constant = entry.attributes.get("DW_AT_const_value")
        if constant is not None and isinstance(constant.value, int):
            return (Place(*EVERYWHERE, "", constant.value, is_value=True),)
        location = entry.attributes.get("DW_AT_location")
        if location is None:
            return ()
        described = (
            [(*EVERYWHERE, location.value)] if isinstance(location.value, list) else self._of_list(entry, location)
        )
        found = ((start, end, self.sum_of(bytes(octets), frame_base)) for start, end, octets in described)
        return tuple(Place(start, end, *place) for start, end, place in found if place is not None)

    def ranges(self, entry: Any) -> list[tuple[int, int]]:
        """[start, end) of each piece of a function or block; none is known for what has no code."""
        low, high = entry.attributes.get("DW_AT_low_pc"), entry.attributes.get("DW_AT_high_pc")
        if low is not None and high is not None:
            end = high.value if high.form.startswith("DW_FORM_addr") else low.value + high.value
            return [(low.value + self._bias, end + self._bias)]
        ranges = entry.attributes.get("DW_AT_ranges")
        if ranges is None or self._ranges is None or not self._may_read():
            return []
        listed = self._ranges.get_range_list_at_offset(ranges.value, cu=entry.cu)
        return [(start, end) for start, end, _ in self._absolute(entry, listed)]

    def sum_of(self, octets: bytes, frame_base: tuple[str, int] | None) -> tuple[str, int, bool] | None:
        """(base, offset, whether the sum is the value) of a location description; None: it is another."""
        if not octets:
            return None
        operation, operand = octets[0], octets[1:]
        if operation in _REG:
            return (REGISTERS[operation - _REG.start], 0, True) if not operand else None
        if operation == _ADDR and len(operand) == 8:
            return "", int.from_bytes(operand, "little") + self._bias, False
        if operation == _CALL_FRAME_CFA and not operand:
            return CFA, 0, False
        is_value = operand[-1:] == bytes([_STACK_VALUE])
        if is_value:
            operand = operand[:-1]
        if operation in _BREG or operation == _FBREG:
            base = (REGISTERS[operation - _BREG.start], 0) if operation in _BREG else frame_base
            offset = leb128(operand, signed=True)
            return (base[0], base[1] + offset, is_value) if base is not None and offset is not None else None
        constant = _constant(operation, operand) if is_value else None
        return ("", constant, True) if constant is not None else None

    def _of_list(self, entry: Any, location: Any) -> Iterator[tuple[int, int, list[int]]]:
        if self._locations is None or not self._may_read():
            return iter(())
        return self._absolute(entry, self._locations.get_location_list_at_offset(location.value, entry))

    def _absolute(self, entry: Any, listed: list[Any]) -> Iterator[tuple[int, int, list[int]]]:
        """(start, end, location description) of each entry of a list."""
        low = entry.cu.get_top_DIE().attributes.get("DW_AT_low_pc")
        base = low.value if low is not None else 0
        for each in listed:
            if hasattr(each, "base_address"):
                base = each.base_address
            elif hasattr(each, "begin_offset") and each.begin_offset >= 0:
                moved = self._bias + (0 if each.is_absolute else base)
                yield each.begin_offset + moved, each.end_offset + moved, getattr(each, "loc_expr", [])

    def _may_read(self) -> bool:
        self._left -= 1
        return self._left >= 0


def _constant(operation: int, operand: bytes) -> int | None:
    if operation in _LIT:
        return operation - _LIT.start if not operand else None
    if operation in _CONST:
        size, signed = _CONST[operation]
        return int.from_bytes(operand, "little", signed=signed) if len(operand) == size else None
    return leb128(operand, operation == _CONSTS) if operation in (_CONSTU, _CONSTS) else None


def leb128(octets: bytes, signed: bool) -> int | None:
    """The number (DWARF 5, section 7.6) that fills `octets`; None: they hold something else."""
    if not 0 < len(octets) <= 10 or any(not octet & 0x80 for octet in octets[:-1]) or octets[-1] & 0x80:
        return None
    value = sum((octet & 0x7F) << 7 * i for i, octet in enumerate(octets))
    return value - (1 << 7 * len(octets)) if signed and octets[-1] & 0x40 else value
