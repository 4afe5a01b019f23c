"""Values of C variables in expressions: numbers as their types say, elements of arrays, fields of structs."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

from pffemu.arch.registers import MASK64
from pffemu.errors import UsageError
from pffemu.machine.elf_variables import Array, CType, Number, Struct, Variable
from pffemu.machine.memory import GuestMemory

T = TypeVar("T")
_SHOWN: Final = 64  # characters
_MOST_SHOWN: Final = 1000  # values in values
_LONGEST_TEXT: Final = 1 << 20  # bytes


def value_of_variable(name: str, variable: Variable, memory: GuestMemory) -> Any:
    """A number, or what has elements or fields. Raises UsageError for a variable that the compiler has dropped."""
    if not variable.is_known:
        raise UsageError(
            f"the compiler has dropped {name!r}", remedy="make it volatile, or not static; or build with -O0"
        )
    if variable.address is None:
        return _in_register(name, variable)
    return _value(variable.type, variable.address, memory)


def bytes_of_number(name: str, variable: Variable, value: int) -> tuple[int, bytes]:
    """(address, bytes) that give a C variable this value. Raises UsageError for what is no number of C."""
    kind = variable.type
    if variable.address is None and variable.is_known:
        raise UsageError(f"{name!r} has no address here", remedy="set its register, as in `set rax = 5`")
    if variable.address is None or not isinstance(kind, Number) or kind.float:
        raise UsageError(f"{name!r} is no whole number at an address", remedy="write its bytes, as in `set mem32[...]`")
    return variable.address, (value & (1 << 8 * kind.size) - 1).to_bytes(kind.size, "little")


def _in_register(name: str, variable: Variable) -> int | float:
    kind = variable.type
    if not isinstance(kind, Number) or kind.size > 8:
        raise UsageError(f"{name!r} is in a register, as no number", remedy="build with -O0")
    return _number(kind, ((variable.value or 0) & MASK64).to_bytes(8, "little")[: kind.size])


def _number(kind: Number, data: bytes) -> int | float:
    if kind.float and kind.size in (4, 8):
        return float(struct.unpack("<f" if kind.size == 4 else "<d", data)[0])
    return int.from_bytes(data, "little", signed=kind.signed)


def _value(kind: CType, address: int, memory: GuestMemory) -> Any:
    match kind:
        case Number():
            return _number(kind, memory.read(address & MASK64, kind.size))
        case Array():
            return Elements(kind, address, memory)
        case Struct():
            return Fields(kind, address, memory)


@dataclass(frozen=True, slots=True)
class Elements:
    """An array: `values[2]`. Chars compare with text, up to the array's end."""

    SHOWN: ClassVar = True
    kind: Array
    address: int
    memory: GuestMemory

    def at(self, index: int) -> Any:
        if self.kind.count is not None and not 0 <= index < self.kind.count:
            raise UsageError(f"element {index} of {self.kind.count}", remedy=f"use 0 to {self.kind.count - 1}")
        return _value(self.kind.element, self.address + index * self.kind.size, self.memory)

    @property
    def ADDRESS(self) -> int:
        """What the array's name is in arithmetic, which counts bytes."""
        return self.address

    @property
    def text(self) -> bytes:
        """The bytes up to the first NUL."""
        size = min(self.kind.size * (self.kind.count or 0), _LONGEST_TEXT)
        return self.memory.read(self.address, size).partition(b"\0")[0]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, bytes) and isinstance(self.kind.element, Number) and self.kind.size == 1:
            return self.text == other
        if isinstance(other, tuple) and self.kind.count is not None:
            return len(other) == self.kind.count and tuple(self.at(i) for i in range(len(other))) == other
        if isinstance(other, int):
            return (self.address - other) & MASK64 == 0  # an array's name is its address
        return NotImplemented

    def __str__(self) -> str:
        return _shown(self, [_MOST_SHOWN])


@dataclass(frozen=True, slots=True)
class Fields:
    """A struct or union: `point.x`; compares with its fields' values in their order, as in `point == (1, 2)`."""

    SHOWN: ClassVar = True
    kind: Struct
    address: int
    memory: GuestMemory

    @property
    def FIELDS(self) -> tuple[str, ...]:
        return tuple(self.kind.fields)

    def __getattr__(self, name: str) -> Any:
        offset, kind = self.kind.fields[name]
        return _value(kind, self.address + offset, self.memory)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple):
            return NotImplemented
        names = self.FIELDS
        return len(other) == len(names) and all(getattr(self, n) == each for n, each in zip(names, other, strict=True))

    def __str__(self) -> str:
        return _shown(self, [_MOST_SHOWN])


def _shown(value: Any, left: list[int]) -> str:
    """`value` as text, of at most `left` values: debug information can nest types in types to any number of them."""
    left[0] -= 1
    if left[0] < 0:
        return "..."
    if isinstance(value, Fields):
        return (
            "{"
            + ", ".join(f"{name} = {_shown(getattr(value, name), left)}" for name in _few(value.kind.fields, left))
            + "}"
        )
    if not isinstance(value, Elements):
        return str(value)
    if isinstance(value.kind.element, Number) and value.kind.size == 1:
        text = value.text
        return f"{repr(text[:_SHOWN])[1:]}{'...' if len(text) > _SHOWN else ''}"
    count = value.kind.count or 0
    shown = ", ".join(_shown(value.at(i), left) for i in _few(range(min(count, 16)), left))
    return f"{{{shown}{', ...' if count > 16 else ''}}}"


def _few(all_of_them: Iterable[T], left: list[int]) -> Iterator[T]:
    """The first ones, until no value is left to be shown."""
    return (each for each in all_of_them if left[0] >= 0)
