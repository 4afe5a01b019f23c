"""Variables of a program that lie at fixed addresses, with their C types: DWARF (DWARF 5, section 4.1 and 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pffemu.machine.elf_lines import damaged, debug_information

_MOST: Final = 300_000  # entries of .debug_info that are looked at
_DEEPEST: Final = 64  # types inside types
_LARGEST_NUMBER: Final = 32  # bytes
_LARGEST_ARRAY: Final = 1 << 40  # bytes; a file may claim more, but no machine has it
_ADDRESS: Final = 0x03  # DW_OP_addr
_SIGNED: Final = (0x05, 0x06)  # DW_ATE_signed, signed_char
_FLOAT: Final = 0x04


@dataclass(frozen=True, slots=True)
class Number:
    """A number, truth value, enumeration or pointer of `size` bytes."""

    size: int
    signed: bool = False
    float: bool = False


@dataclass(frozen=True, slots=True)
class Array:
    """`count` elements; None: not known. `size`: bytes of one element."""

    element: CType
    count: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct or union: its fields by name, each with its offset in bytes. Bit-fields are left out."""

    fields: Mapping[str, tuple[int, CType]]
    size: int


CType = Number | Array | Struct


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable at an address, or with a value in a register or nowhere; neither: the compiler has dropped it."""

    address: int | None
    type: CType
    value: int | None = None  # its bytes, little-endian

    @property
    def is_known(self) -> bool:
        return self.address is not None or self.value is not None


def read_variables(data: bytes, name: str, bias: int = 0) -> dict[str, Variable]:
    """Variables of an ELF file built with -g, by name; those of its first units where it is very large.

    Names are the source's; of two static ones with the same name the first counts. Raises ElfError for damaged tables.
    """
    with damaged("debug information", name):
        dwarf = debug_information(data)
        return _read(dwarf, bias) if dwarf is not None else {}


def _read(dwarf: Any, bias: int) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    seen = 0
    for unit in dwarf.iter_CUs():
        types: dict[int, CType | None] = {}
        for entry in unit.iter_DIEs():
            seen += 1
            if seen > _MOST:
                return found
            if entry.tag != "DW_TAG_variable" or "DW_AT_declaration" in entry.attributes:
                continue
            origin = entry.get_DIE_from_attribute("DW_AT_specification") if _has(entry, "specification") else entry
            name = text_of(origin, "name")
            kind = type_of(origin, types, 0) if name else None
            at = fixed_address(entry, bias)
            if kind is None or (at is None and _local(entry)):
                continue
            if name not in found or found[name].address is None:
                found[name] = Variable(at, kind)
    return found


def _has(entry: Any, attribute: str) -> bool:
    return f"DW_AT_{attribute}" in entry.attributes


def text_of(entry: Any, attribute: str) -> str:
    value = entry.attributes.get(f"DW_AT_{attribute}")
    return value.value.decode("utf-8", "replace") if value is not None else ""


def number_of(entry: Any, attribute: str) -> int | None:
    value = entry.attributes.get(f"DW_AT_{attribute}")
    return value.value if value is not None and isinstance(value.value, int) else None


def fixed_address(entry: Any, bias: int) -> int | None:
    """The fixed address; None for a variable in a register, on a stack, of a thread, or dropped."""
    location = entry.attributes.get("DW_AT_location")
    octets = location.value if location is not None else None
    if not isinstance(octets, list) or len(octets) != 9 or octets[0] != _ADDRESS:
        return None
    return int.from_bytes(bytes(octets[1:]), "little") + bias


def _local(entry: Any) -> bool:
    """Whether it is not of the file: a function's own variable, or one that lies elsewhere."""
    parent = entry.get_parent()
    return _has(entry, "location") or parent is None or parent.tag != "DW_TAG_compile_unit"


def type_of(entry: Any, known: dict[int, CType | None], depth: int) -> CType | None:
    """The type that the entry refers to; None for one that has no value (void, a function, one declared only)."""
    if not _has(entry, "type") or depth > _DEEPEST:
        return None
    target = entry.get_DIE_from_attribute("DW_AT_type")
    if target.offset not in known:
        known[target.offset] = None  # of a type that refers to itself
        known[target.offset] = _made(target, known, depth + 1)
    return known[target.offset]


def _made(entry: Any, known: dict[int, CType | None], depth: int) -> CType | None:
    size = number_of(entry, "byte_size")
    match entry.tag.removeprefix("DW_TAG_"):
        case "base_type":
            encoding = number_of(entry, "encoding")
            return _sized(size, encoding in _SIGNED, encoding == _FLOAT)
        case "enumeration_type":
            underlying = type_of(entry, known, depth)
            return underlying or _sized(size)
        case "pointer_type" | "reference_type":
            return _sized(size or 8)
        case "typedef" | "const_type" | "volatile_type" | "restrict_type" | "atomic_type":
            return type_of(entry, known, depth)
        case "array_type":
            return _array(entry, known, depth)
        case "structure_type" | "union_type" | "class_type":
            fields = {
                text_of(child, "name"): (number_of(child, "data_member_location") or 0, kind)
                for child in entry.iter_children()
                if child.tag == "DW_TAG_member"
                and not _has(child, "bit_size")
                and (kind := type_of(child, known, depth)) is not None
            }
            return Struct(fields, size or 0)
    return None


def _sized(size: int | None, signed: bool = False, float: bool = False) -> Number | None:
    return Number(size, signed, float) if size is not None and 1 <= size <= _LARGEST_NUMBER else None


def _array(entry: Any, known: dict[int, CType | None], depth: int) -> CType | None:
    kind = type_of(entry, known, depth)
    counts = []
    for child in entry.iter_children():
        if child.tag == "DW_TAG_subrange_type":
            bound, count = number_of(child, "upper_bound"), number_of(child, "count")
            counts.append(count if count is not None else bound + 1 if bound is not None else None)
    for count in reversed(counts):
        if kind is not None:
            fits = count is not None and 0 <= count * max(1, size_of(kind)) <= _LARGEST_ARRAY
            kind = Array(kind, count if fits else None, size_of(kind))
    return kind


def size_of(kind: CType) -> int:
    """Bytes; 0 for an array whose number of elements is not known."""
    return kind.size * (kind.count or 0) if isinstance(kind, Array) else kind.size
