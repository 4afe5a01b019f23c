"""The x87 unit: its stack, its exceptions and its operations (SDM vol. 1, 8; vol. 2)."""

from __future__ import annotations

from typing import Final

from pffemu.arch.floats import BEFORE, C0, C1, C2, C3, DE, FLAGS, IE, OE, PE, SF, UE, with_summary
from pffemu.engine.float_registers import FloatRegisters
from pffemu.hw.floats import arithmetic as ieee
from pffemu.hw.floats.formats import F80, Format, Number, unpack
from pffemu.hw.floats.rounding import Rounded, Rounding

_PRECISIONS: Final = (24, 64, 53, 64)  # by PC
_PC_AT, _RC_AT = 8, 10
_RELATION: Final = {ieee.LESS: C0, ieee.EQUAL: C3, ieee.GREATER: 0, ieee.UNORDERED: C0 | C2 | C3}
CONDITIONS: Final = C0 | C2 | C3


class Given(Exception):
    """An unmasked exception: the instruction ends before it changes anything but the status word."""


class X87:
    """The unit during one instruction, which changes `registers`."""

    def __init__(self, registers: FloatRegisters) -> None:
        self.registers = registers
        self.faulted = False  # a stack fault
        fcw = registers["fcw"]
        self.unmasked = ~fcw & FLAGS
        self.mode = fcw >> _RC_AT & 3
        self.how = Rounding(self.mode, 0, False, self.unmasked)  # to 64 bits, regardless of PC
        self.controlled = self.how._replace(precision=_PRECISIONS[fcw >> _PC_AT & 3])

    # -- exceptions ---------------------------------------------------------------------------------------------

    def signal(self, flags: int, up: bool = False) -> None:
        """Raise `flags`; `up` is C1. Raises Given when one of them is unmasked and suppresses the result."""
        if flags & BEFORE & self.unmasked:
            flags, up = flags & BEFORE, up and self.faulted
        self.set(C1, C1 if up else 0)
        self.registers["fsw"] |= flags
        if flags & BEFORE & self.unmasked:
            raise Given

    def set(self, bits: int, value: int) -> None:
        """Set those bits of the status word to `value`."""
        self.registers["fsw"] = self.registers["fsw"] & ~bits | value

    def summarize(self) -> None:
        """Set ES and B by the flags and masks."""
        self.registers["fsw"] = with_summary(self.registers["fsw"], self.registers["fcw"])

    def stack_fault(self, overflow: bool = False) -> int:
        """Raise a stack fault; the default NaN, which is its result."""
        self.registers["fsw"] |= SF
        self.faulted = True
        self.signal(IE, overflow)
        return F80.indefinite

    # -- the stack ----------------------------------------------------------------------------------------------

    def number(self, register: int) -> Number | None:
        """ST(`register`); None: it is empty."""
        if self.registers.is_empty(register):
            return None
        return unpack(F80, self.registers.st(register))

    def push(self, bits: int) -> None:
        self.registers.top -= 1
        self.registers.set_st(0, bits)

    def has_room(self) -> bool:
        return self.registers.is_empty(-1)

    def pop(self) -> None:
        self.registers.empty(0)
        self.registers.top += 1

    # -- results ------------------------------------------------------------------------------------------------

    def put(self, register: int, result: Rounded) -> None:
        """Put a result into ST(`register`), with its exceptions."""
        self.signal(result.flags, result.up)
        self.registers.set_st(register, result.bits)

    def load(self, result: Rounded) -> None:
        """Push a loaded number, with its exceptions; a denormal one is pushed also where its exception is unmasked."""
        if not self.has_room():
            self.push(self.stack_fault(overflow=True))
            return
        self.signal(result.flags & ~DE)
        self.push(result.bits)
        self.signal(result.flags & DE)

    def store(self, format: Format) -> int:
        """ST(0) in another format, for memory. Raises Given when memory must not change."""
        number = self.number(0)
        if number is None:
            self.stack_fault()
            return format.indefinite
        result = ieee.convert(format, F80, number, self.how._replace(unmasked=self.unmasked & UE))
        return self.stored(result.bits, result.flags & ~DE, result.up)

    def stored(self, value: int, flags: int, up: bool) -> int:
        """`value`, for memory, with the exceptions of the store."""
        given = flags & (OE | UE) & self.unmasked
        self.signal(flags & ~PE if given else flags, up and not given)
        if given:
            raise Given
        return value

    def store_integer(self, width: int, mode: int) -> int:
        """ST(0) as a signed integer, for memory."""
        number = self.number(0)
        if number is None:
            self.stack_fault()
            return 1 << width - 1
        value, flags, up = ieee.to_integer(number, width, mode)
        return self.stored(value & (1 << width) - 1, flags, up)

    def combine(self, operation: str, target: int, a: Number | None, b: Number | None) -> None:
        """Addition, subtraction, multiplication, division; None: an empty register."""
        if a is None or b is None:
            self.registers.set_st(target, self.stack_fault())
            return
        if operation.endswith("r"):
            a, b = b, a
        function = _OPERATIONS[operation.removesuffix("r")]
        self.put(target, function(F80, a, b, self.controlled, ieee.larger_nan))

    def signal_comparison(self, a: Number | None, b: Number | None, signaling: bool) -> None:
        """Raise the exceptions of a comparison."""
        if a is None or b is None:
            self.stack_fault()
        else:
            self.signal(ieee.compare_flags(a, b, signaling))

    def examine(self) -> None:
        """FXAM."""
        bits = self.registers.st(0)
        number = unpack(F80, bits)
        conditions = _CLASSES[number.kind.name] | (C3 if number.denormal else 0)
        if self.registers.is_empty(0):
            conditions = C3 | C0
        self.set(CONDITIONS | C1, conditions | (C1 if bits >> 79 else 0))

    def exchange(self, other: int) -> None:
        """FXCH."""
        empty = [self.registers.is_empty(n) for n in (0, other)]
        bits = [self.registers.st(n) for n in (0, other)]
        if any(empty):
            nan = self.stack_fault()
            bits = [nan if missing else kept for missing, kept in zip(empty, bits, strict=True)]
        else:
            self.set(C1, 0)
        self.registers.set_st(0, bits[1])
        self.registers.set_st(other, bits[0])

    def copy(self, target: int, source: int) -> None:
        """ST(`target`) becomes ST(`source`)."""
        if self.registers.is_empty(source):
            self.registers.set_st(target, self.stack_fault())
            return
        self.set(C1, 0)
        self.registers.set_st(target, self.registers.st(source))

    def store_decimal(self) -> int:
        """FBSTP: ST(0) as 18 decimal digits and a sign."""
        number = self.number(0)
        if number is None:
            self.stack_fault()
            return _NO_DECIMAL
        value, flags, up = ieee.to_integer(number, 64, self.mode)
        if abs(value) >= 10**18:
            value, flags, up = 0, IE, False
        digits = int(str(abs(value)), 16)
        bits = _NO_DECIMAL if flags & IE else digits | number.sign << 79
        return self.stored(bits, flags, up)


_OPERATIONS: Final = {"add": ieee.add, "sub": ieee.subtract, "mul": ieee.multiply, "div": ieee.divide}
_CLASSES: Final = {
    "UNSUPPORTED": 0, "QUIET": C0, "SIGNALING": C0, "FINITE": C2, "INFINITE": C2 | C0, "ZERO": C3,
}  # fmt: skip
_NO_DECIMAL: Final = 0xFFFF_C000_0000_0000_0000


def relation(a: Number | None, b: Number | None) -> int:
    """C3, C2 and C0 as FCOM sets them; None: an empty register."""
    return CONDITIONS if a is None or b is None else _RELATION[ieee.compare(a, b)]


def from_decimal(bits: int) -> Rounded:
    """The number that FBLD loads."""
    digits = 0
    for at in range(68, -1, -4):
        digits = digits * 10 + (bits >> at & 15)
    sign = bits >> 79
    result = ieee.from_integer(F80, digits, Rounding())
    return Rounded(result.bits | sign << 79, 0)
