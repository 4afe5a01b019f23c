"""Values of C variables in expressions: numbers as their types say, elements of arrays, fields of structs."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

from pffemu.arch.registers import MASK64
from pffemu.errors import UsageError
from pffemu.machine.elf_variables import Array, CType, Number, Struct, Variable
from pffemu.machine.memory import GuestMemory

_SHOWN: Final = 64  # characters


def value_of_variable(name: str, variable: Variable, memory: GuestMemory) -> Any:
    """A number, or what has elements or fields. Raises UsageError for a variable that the compiler has dropped."""
    if variable.address is None:
        raise UsageError(f"the compiler has dropped {name!r}", remedy="make it volatile, or not static")
    return _value(variable.type, variable.address, memory)


def _value(kind: CType, address: int, memory: GuestMemory) -> Any:
    match kind:
        case Number():
            data = memory.read(address & MASK64, kind.size)
            if kind.float and kind.size in (4, 8):
                return struct.unpack("<f" if kind.size == 4 else "<d", data)[0]
            return int.from_bytes(data, "little", signed=kind.signed)
        case Array():
            return Elements(kind, address, memory)
        case Struct():
            return Fields(kind, address, memory)


@dataclass(frozen=True, slots=True)
class Elements:
    """An array: `values[2]`. Chars compare with text, up to the array's end."""

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
        data = self.memory.read(self.address, self.kind.size * (self.kind.count or 0))
        return data.partition(b"\0")[0]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, bytes) and isinstance(self.kind.element, Number) and self.kind.size == 1:
            return self.text == other
        if isinstance(other, tuple) and self.kind.count is not None:
            return tuple(self.at(i) for i in range(self.kind.count)) == other
        if isinstance(other, int):
            return (self.address - other) & MASK64 == 0  # an array's name is its address
        return NotImplemented

    def __str__(self) -> str:
        if isinstance(self.kind.element, Number) and self.kind.size == 1:
            text = self.text
            return f"{repr(text[:_SHOWN])[1:]}{'...' if len(text) > _SHOWN else ''}"
        shown = ", ".join(str(self.at(i)) for i in range(min(self.kind.count or 0, 16)))
        return f"{{{shown}{', ...' if (self.kind.count or 0) > 16 else ''}}}"


@dataclass(frozen=True, slots=True)
class Fields:
    """A struct or union: `point.x`."""

    kind: Struct
    address: int
    memory: GuestMemory

    @property
    def FIELDS(self) -> tuple[str, ...]:
        return tuple(self.kind.fields)

    def __getattr__(self, name: str) -> Any:
        offset, kind = self.kind.fields[name]
        return _value(kind, self.address + offset, self.memory)

    def __str__(self) -> str:
        return "{" + ", ".join(f"{name} = {getattr(self, name)}" for name in self.kind.fields) + "}"
