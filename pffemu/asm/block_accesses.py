"""The loads and stores of a basic block as functions of the registers with which it begins.

What a register holds inside the block is followed through moves, address arithmetic, stack instructions and loads, so
that an interpreter of the steps finds every address without executing the block. Where that is not possible (an address
that depends on flags, a string instruction, an instruction that is not listed here), there is no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from capstone import x86 as cs_x86

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.asm.access_steps import ACCESSES, ZERO, Kind, Step
from pffemu.asm.block_values import RAX, RBP, RDX, RSP, Unknown, Value, Values
from pffemu.asm.disasm import capstone_instruction
from pffemu.asm.instruction import MemoryOperand
from pffemu.asm.memory_operands import EXCHANGES, bare_mnemonic, memory_operands


def accesses_of(code: bytes, address: int) -> list[Step] | None:
    """The steps of a block, in the order of its accesses; None: they are not known from its start."""
    block, offset = _Block(), 0
    try:
        while offset < len(code):
            insn = capstone_instruction(code[offset : offset + MAX_INSTRUCTION], address + offset)
            if insn is None:
                return None
            block.follow(insn)
            offset += insn.size
    except Unknown:
        return None
    return _needed(block.steps)


def _needed(steps: list[Step]) -> list[Step]:
    """Without results that no address depends on."""
    used: set[int] = set()
    kept: list[Step] = []
    for step in reversed(steps):
        if step.kind in ACCESSES:
            step = step if step.result in used else replace(step, result=-1)
        elif step.result not in used:
            continue
        used |= {step.base, step.index}
        kept.append(step)
    return kept[::-1]


class _Block(Values):
    """The instructions that are followed; each method takes one, and its memory operands."""

    # -- instructions -------------------------------------------------------------------------------------------

    def follow(self, insn: Any) -> None:
        name, self.rip = bare_mnemonic(insn.mnemonic), insn.address + insn.size
        if insn.addr_size != 8 or (insn.mnemonic.startswith("rep") and name != "ret"):
            raise Unknown
        memory = memory_operands(insn)
        own = _INSTRUCTIONS.get(name)
        if own is not None:
            own(self, insn, memory)
        elif name in _OTHERS or _is_vector(insn):
            self.access_all(memory)
            self._forget(insn, name)
        else:
            raise Unknown

    def _forget(self, insn: Any, name: str) -> None:
        for operand in insn.operands if name in EXCHANGES else insn.operands[:1]:
            if operand.type == cs_x86.X86_OP_REG:
                self.set(insn.reg_name(operand.reg), None)
        if name in _WIDE_RESULTS:
            self.registers[RAX] = self.registers[RDX] = None

    def only_access(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        self.access_all(memory)

    def move(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        target, source = insn.operands
        if target.type == cs_x86.X86_OP_MEM:
            value = self.operand(insn, source) if target.size == 8 else None
            self.access(memory[0], value)
        elif source.type == cs_x86.X86_OP_MEM:
            self.set(insn.reg_name(target.reg), self.load(memory[0], signed="s" in insn.mnemonic[3:]))
        else:
            value = self.operand(insn, source)
            if value is not None and insn.mnemonic.startswith(("movz", "movs")):
                value = self.extend(value, source.size, "s" in insn.mnemonic[3:])
            self.set(insn.reg_name(target.reg), value)

    def load_address(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        target, source = insn.operands
        mem = source.mem
        named = MemoryOperand(
            insn.reg_name(mem.base) if mem.base else None, insn.reg_name(mem.index) if mem.index else None,
            mem.scale, mem.disp, None, 8, True, False,
        )  # fmt: skip
        try:
            base, index, shift, displacement = self.place(named, insn.address + insn.size)
        except Unknown:
            self.set(insn.reg_name(target.reg), None)
            return
        value = Value(base, displacement) if index == ZERO else self.sum(base, index, shift, displacement)
        self.set(insn.reg_name(target.reg), value)

    def add(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        def added(one: Value, other: Value) -> Value:
            sign = -1 if insn.mnemonic.endswith("sub") else 1
            if other.word == ZERO:
                return Value(one.word, one.constant + sign * other.constant)
            if sign > 0:
                return self.sum(one.word, other.word, 0, one.constant + other.constant)
            return self.binary(Kind.DIFFERENCE, one, other)

        self._arithmetic(insn, memory, added)

    def combine(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        kind = _COMBINING[bare_mnemonic(insn.mnemonic)]
        operands = insn.operands
        if (
            kind is Kind.XOR
            and all(one.type == cs_x86.X86_OP_REG for one in operands)
            and operands[0].reg == operands[1].reg
        ):
            self.set(insn.reg_name(operands[0].reg), Value(ZERO))
            return
        self._arithmetic(insn, memory, lambda one, other: self.binary(kind, one, other))

    def multiply(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        operands = insn.operands
        if len(operands) == 1:
            self.access_all(memory)
            self._forget(insn, "mul")
            return
        source = operands[-2] if len(operands) == 3 else operands[0]
        one, other = (
            self.load(memory[0]) if factor.type == cs_x86.X86_OP_MEM else self.operand(insn, factor)
            for factor in (source, operands[-1])
        )
        known = one is not None and other is not None and operands[0].size >= 4
        self.set(insn.reg_name(operands[0].reg), self.binary(Kind.PRODUCT, one, other) if known else None)  # type: ignore[arg-type]

    def step(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        """INC, DEC"""
        by = 1 if bare_mnemonic(insn.mnemonic) == "inc" else -1
        self._unary(insn, memory, lambda value: Value(value.word, value.constant + by))

    def negate(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        """NEG, NOT"""
        less = 0 if bare_mnemonic(insn.mnemonic) == "neg" else 1
        self._unary(insn, memory, lambda value: self.plus(self.binary(Kind.DIFFERENCE, Value(ZERO), value), -less))

    def shift(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        name, operands = bare_mnemonic(insn.mnemonic), insn.operands
        constant = len(operands) < 2 or operands[1].type == cs_x86.X86_OP_IMM
        bits = 8 * operands[0].size
        count = (operands[1].imm if len(operands) > 1 and constant else 1) & (63 if bits == 64 else 31)

        def shifted(value: Value) -> Value:
            if name in ("shl", "sal"):
                return self.sum(ZERO, value.word, count, value.constant << count)
            if bits == 32:
                value = self.extend(value, 4, name == "sar")
            kind = Kind.SHIFT_RIGHT if name == "shr" else Kind.SHIFT_RIGHT_SIGNED
            return self.emit(Step(kind, self.word(value), shift=count))

        self._unary(insn, memory, shifted if constant else None)

    def sign_extend(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        """CDQE"""
        value = self.registers[RAX]
        self.registers[RAX] = None if value is None else self.extend(value, 4, True)

    def push(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        """PUSH, CALL"""
        pushes = bare_mnemonic(insn.mnemonic) == "push"
        if pushes and memory[-1].size != 8:
            raise Unknown
        value = self.operand(insn, insn.operands[0]) if pushes and len(memory) == 1 else None
        for operand in memory:
            self.access(operand, value if operand is memory[-1] else None)
        self.move_stack(-8)

    def pop(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        if memory[-1].size != 8:
            raise Unknown
        value = self.load(memory[-1])
        if len(memory) > 1:
            self.access(memory[0], value)
        self.move_stack(8)
        if len(memory) == 1:
            self.set(insn.reg_name(insn.operands[0].reg), value)

    def leave(self, insn: Any, memory: tuple[MemoryOperand, ...]) -> None:
        frame = self.registers[RBP]
        if frame is None or memory[0].size != 8:
            raise Unknown
        self.registers[RBP] = self.load(memory[0])
        self.registers[RSP] = self.plus(frame, 8)

    def _arithmetic(
        self, insn: Any, memory: tuple[MemoryOperand, ...], result: Callable[[Value, Value], Value]
    ) -> None:
        target, source = insn.operands
        if target.type == cs_x86.X86_OP_MEM:
            self.access_all(memory)
            return
        other = self.load(memory[0]) if memory else self.operand(insn, source)
        one = self.operand(insn, target)
        known = one is not None and other is not None and target.size >= 4
        self.set(insn.reg_name(target.reg), result(one, other) if known else None)  # type: ignore[arg-type]

    def _unary(self, insn: Any, memory: tuple[MemoryOperand, ...], result: Callable[[Value], Value] | None) -> None:
        target = insn.operands[0]
        if target.type == cs_x86.X86_OP_MEM:
            self.access_all(memory)
            return
        value = self.operand(insn, target) if target.size >= 4 else None
        self.set(insn.reg_name(target.reg), None if value is None or result is None else result(value))


def _is_vector(insn: Any) -> bool:
    """An SSE instruction without implicit operands, but not one that accesses memory byte by byte."""
    names = [insn.reg_name(operand.reg) for operand in insn.operands if operand.type == cs_x86.X86_OP_REG]
    return any(name.startswith("xmm") for name in names) and not insn.mnemonic.startswith(_NO_VECTORS)


_CONDITIONS: Final = ("a", "ae", "b", "be", "e", "g", "ge", "l", "le", "ne", "no", "np", "ns", "o", "p", "s")
_FORGETTING_NOTHING: Final = (
    "cmp", "test", "bt", "nop", "jmp", "ret", "syscall", "endbr64", "clc", "stc", "cmc",
    *("j" + c for c in _CONDITIONS),
)  # fmt: skip
# behind them their first operand is unknown, or both of an exchange; of _WIDE_RESULTS also RAX and RDX
_WIDE_RESULTS: Final = frozenset(("mul", "div", "idiv", "cdq", "cqo", "cwd", "cwde", "cbw", "cmpxchg"))
_OTHERS: Final = _WIDE_RESULTS | frozenset(
    ("adc", "sbb", "rol", "ror", "shld", "shrd", "bsf", "bsr", "popcnt", "bswap", "xadd", "xchg", "bts", "btr", "btc",
     *("set" + c for c in _CONDITIONS), *("cmov" + c for c in _CONDITIONS))
)  # fmt: skip
_NO_VECTORS: Final = ("v", "maskmov", "pcmpestr", "pcmpistr")
_COMBINING: Final = {"and": Kind.AND, "or": Kind.OR, "xor": Kind.XOR}
_INSTRUCTIONS: Final[dict[str, Callable[[_Block, Any, tuple[MemoryOperand, ...]], None]]] = {
    **dict.fromkeys(("mov", "movabs", "movzx", "movsx", "movsxd"), _Block.move),
    "lea": _Block.load_address,
    **dict.fromkeys(("add", "sub"), _Block.add),
    **dict.fromkeys(_COMBINING, _Block.combine),
    "imul": _Block.multiply,
    **dict.fromkeys(("inc", "dec"), _Block.step),
    **dict.fromkeys(("neg", "not"), _Block.negate),
    **dict.fromkeys(("shl", "sal", "shr", "sar"), _Block.shift),
    "cdqe": _Block.sign_extend,
    **dict.fromkeys(("push", "call"), _Block.push),
    "pop": _Block.pop,
    "leave": _Block.leave,
    **dict.fromkeys(_FORGETTING_NOTHING, _Block.only_access),
}
