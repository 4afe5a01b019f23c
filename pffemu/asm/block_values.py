"""What general registers hold inside a block, as words that an interpreter has plus constants, and its accesses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from capstone import x86 as cs_x86

from pffemu.arch.registers import MASK64
from pffemu.asm.access_steps import FS, GS, MOST_TEMPORARIES, TEMPORARIES, ZERO, Kind, Step
from pffemu.asm.instruction import MemoryOperand

RAX: Final = 0
RDX: Final = 2
RSP: Final = 4
RBP: Final = 5
_NUMBERED: Final = ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di")


@dataclass(frozen=True, slots=True)
class Value:
    """A word plus a constant."""

    word: int
    constant: int = 0


class Unknown(Exception):
    """The block has no answer."""


class Values:
    """What is known behind the instructions followed so far; an unknown register is None."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.rip = 0  # of the next instruction
        self.registers: list[Value | None] = [Value(number) for number in range(16)]
        self._next = TEMPORARIES
        self._short: set[int] = set()  # temporaries whose upper half is zero
        self._stores: list[tuple[Step, Value | None]] = []  # with what is stored

    def operand(self, insn: Any, operand: Any) -> Value | None:
        """An immediate or a register; of a low part of a register, all of it."""
        if operand.type == cs_x86.X86_OP_IMM:
            return Value(ZERO, operand.imm)
        number, _, high = _register(insn.reg_name(operand.reg))
        return None if number is None or high else self.registers[number]

    def set(self, name: str, value: Value | None) -> None:
        number, size, _ = _register(name)
        if number is None:
            return
        if size < 4:
            value = None
        elif size == 4 and value is not None:
            value = self.extend(value, 4, False)
        self.registers[number] = value

    def plus(self, value: Value, constant: int) -> Value:
        return Value(value.word, value.constant + constant)

    def move_stack(self, by: int) -> None:
        stack = self.registers[RSP]
        if stack is None:
            raise Unknown
        self.registers[RSP] = self.plus(stack, by)

    def emit(self, step: Step) -> Value:
        if self._next - TEMPORARIES >= MOST_TEMPORARIES:
            raise Unknown
        self.steps.append(replace(step, result=self._next, displacement=_signed(step.displacement)))
        self._next += 1
        return Value(self._next - 1)

    def word(self, value: Value) -> int:
        """A word that holds the value."""
        if _signed(value.constant) == 0:
            return value.word
        return self.emit(Step(Kind.SUM, value.word, displacement=value.constant)).word

    def sum(self, base: int, index: int, shift: int, displacement: int) -> Value:
        return self.emit(Step(Kind.SUM, base, index, shift, displacement))

    def binary(self, kind: Kind, one: Value, other: Value) -> Value:
        return self.emit(Step(kind, self.word(one), self.word(other)))

    def extend(self, value: Value, size: int, signed: bool) -> Value:
        if value.word == ZERO:
            constant = value.constant & ((1 << 8 * size) - 1)
            return Value(ZERO, constant - (1 << 8 * size) if signed and constant >> (8 * size - 1) else constant)
        if size == 4 and not signed and value.constant == 0 and value.word in self._short:
            return value
        extended = self.emit(Step(Kind.EXTEND, self.word(value), size=size, signed=signed))
        if not signed:
            self._short.add(extended.word)
        return extended

    # -- accesses -----------------------------------------------------------------------------------------------

    def place(self, operand: MemoryOperand, rip: int) -> tuple[int, int, int, int]:
        """Base, index, shift and displacement of an operand. Raises Unknown."""
        displacement = operand.displacement
        base = index = ZERO
        shift = operand.scale.bit_length() - 1
        if operand.base == "rip":
            displacement += rip
        elif operand.base is not None:
            value = self._full(operand.base)
            base, displacement = value.word, displacement + value.constant
        if operand.index is not None:
            value = self._full(operand.index)
            index, displacement = value.word, displacement + (value.constant << shift)
        if operand.segment is not None:
            segment = FS if operand.segment == "fs" else GS
            if base == ZERO:
                base = segment
            elif index == ZERO:
                index, shift = segment, 0
            else:
                base = self.sum(base, segment, 0, 0).word
        return base, index, shift, _signed(displacement)

    def _full(self, name: str) -> Value:
        number, size, _ = _register(name)
        value = None if number is None or size != 8 else self.registers[number]
        if value is None:
            raise Unknown
        return value

    def access_all(self, memory: tuple[MemoryOperand, ...]) -> None:
        for operand in memory:
            self.access(operand, None)

    def access(self, operand: MemoryOperand, stored: Value | None) -> None:
        if operand.bit_offset is not None or not 1 <= operand.size <= 16:
            raise Unknown
        kind = Kind.LOAD if not operand.write else Kind.UPDATE if operand.read else Kind.STORE
        base, index, shift, displacement = self.place(operand, self.rip)
        step = Step(kind, base, index, shift, displacement, operand.size)
        self.steps.append(step)
        if operand.write:
            self._stores.append((step, stored))

    def load(self, operand: MemoryOperand, signed: bool = False) -> Value | None:
        """A load's value; None: unknown, because a store before it in the block may have changed it."""
        self.access(operand, None)
        step = self.steps[-1]
        if step.size not in (1, 2, 4, 8):
            return None
        for store, stored in reversed(self._stores):
            same = (store.base, store.index, store.shift) == (step.base, step.index, step.shift)
            if same and store.displacement == step.displacement and store.size == step.size == 8:
                return stored
            if same and (
                store.displacement + store.size <= step.displacement
                or step.displacement + step.size <= store.displacement
            ):
                continue
            return None
        self.steps.pop()
        value = self.emit(replace(step, signed=signed))
        if step.size <= 4 and not signed:
            self._short.add(value.word)
        return value


def _register(name: str) -> tuple[int | None, int, bool]:
    """Number, bytes, and whether it is the second byte, of a general register; (None, 0, False) for another one."""
    return _REGISTERS.get(name, (None, 0, False))


def _names() -> dict[str, tuple[int | None, int, bool]]:
    names: dict[str, tuple[int | None, int, bool]] = {}
    for number, name in enumerate(_NUMBERED):
        low = name[0] + "l" if number < 4 else name + "l"
        names |= {"r" + name: (number, 8, False), "e" + name: (number, 4, False), name: (number, 2, False)}
        names[low] = (number, 1, False)
        if number < 4:
            names[name[0] + "h"] = (number, 1, True)
    for number in range(8, 16):
        for suffix, size in (("", 8), ("d", 4), ("w", 2), ("b", 1)):
            names[f"r{number}{suffix}"] = (number, size, False)
    return names


def _signed(value: int) -> int:
    value &= MASK64
    return value - (1 << 64) if value >> 63 else value


_REGISTERS: Final = _names()
