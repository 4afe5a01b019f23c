"""Aims an instruction's memory operands, stack and branch at interesting addresses, by choosing register values.

It works from the decoded bytes, so that the effect of prefixes is taken into account.
"""

from __future__ import annotations

from random import Random
from typing import Any, Final

from iced_x86 import FlowControl, MemorySizeExt, Mnemonic, OpKind, Register, RegisterExt

from tests.oracle import layout, values
from tests.oracle.layout import GENERAL, Window

MASK: Final = (1 << 64) - 1
_NAME: Final = {
    Register.RAX: "rax", Register.RCX: "rcx", Register.RDX: "rdx", Register.RBX: "rbx", Register.RSP: "rsp",
    Register.RBP: "rbp", Register.RSI: "rsi", Register.RDI: "rdi", Register.R8: "r8", Register.R9: "r9",
    Register.R10: "r10", Register.R11: "r11", Register.R12: "r12", Register.R13: "r13", Register.R14: "r14",
    Register.R15: "r15",
}  # fmt: skip
_STRING_BASES: Final = {
    OpKind.MEMORY_SEG_RSI: ("rsi", 64), OpKind.MEMORY_SEG_ESI: ("rsi", 32), OpKind.MEMORY_ESRDI: ("rdi", 64),
    OpKind.MEMORY_ESEDI: ("rdi", 32), OpKind.MEMORY_SEG_RDI: ("rdi", 64), OpKind.MEMORY_SEG_EDI: ("rdi", 32),
}  # fmt: skip
_COUNTED: Final = frozenset((Mnemonic.LOOP, Mnemonic.LOOPE, Mnemonic.LOOPNE, Mnemonic.JCXZ, Mnemonic.JECXZ,
                             Mnemonic.JRCXZ))  # fmt: skip
_BIT_OFFSETS: Final = frozenset((Mnemonic.BT, Mnemonic.BTS, Mnemonic.BTR, Mnemonic.BTC))
_SEGMENT_BASES: Final = {Register.FS: layout.FS_BASE, Register.GS: layout.GS_BASE}
_ALIGNMENTS: Final = (1, 2, 4, 8, 16, 64)
_INDIRECT: Final = (FlowControl.INDIRECT_BRANCH, FlowControl.INDIRECT_CALL, FlowControl.RETURN)
_NEAR: Final = 128  # below the boundary
HIGHEST: Final = layout.MEMORY_SIZE - layout.MEMORY_BELOW


def window(random: Random) -> Window:
    return Window.PRESENT if random.random() < 0.35 else random.choice(list(Window))


class Aim:
    """Registers and memory of a case; `code` may get another displacement."""

    def __init__(self, random: Random, where: Window, slot_start: int, *, fixed: bool) -> None:
        """`fixed`: explicit memory operands stay as they are, behind RBX and RBP."""
        self.random, self.window, self.slot_start, self.fixed = random, where, slot_start, fixed
        self.code = bytearray()
        self.registers = {name: values.number(random) for name in GENERAL}
        for name in GENERAL:
            if random.random() < 0.15:
                self.registers[name] = self._place(8)
        self.registers["rsp"] = self.registers["rbp"] = 0
        for name in ("rsp", "rbp"):
            self.registers[name] = where.boundary + random.choice((0, 8, 16, 64, random.randrange(-120, 500, 8)))
            if random.random() < 0.05:
                self.registers[name] += random.randrange(8)
        if fixed:
            self.registers["rbx"] = where.boundary + 16 * random.randrange(-2, 7)
        self.memory = bytearray(random.randbytes(layout.MEMORY_SIZE))
        if random.random() < 0.5:
            at = random.randrange(0, layout.MEMORY_SIZE - 32, 16)
            self.memory[at : at + 32] = values.sse(random) + values.sse(random)

    def take(self, instruction: Any, offsets: Any, address: int) -> None:
        """Aim one more instruction, whose bytes are the last of `code` and start at `address`."""
        if instruction.is_invalid:
            return
        counted = instruction.has_rep_prefix or instruction.has_repne_prefix or instruction.mnemonic in _COUNTED
        if counted and self.random.random() < 0.95:
            high = 0 if self.random.random() < 0.9 else self.random.getrandbits(16) << 48
            self.registers["rcx"] = high | self.random.choice((0, 1, 2, 3, 5, 17))
        for i in range(instruction.op_count):
            kind = instruction.op_kind(i)
            if kind in _STRING_BASES:
                name, bits = _STRING_BASES[kind]
                segment = 0 if kind in (OpKind.MEMORY_ESRDI, OpKind.MEMORY_ESEDI) else self._segment(instruction)
                size = max(1, MemorySizeExt.size(instruction.memory_size))
                self.registers[name] = self._widen(self._place(size) - segment, bits)
            elif kind == OpKind.MEMORY and not self.fixed:
                self._aim_memory(instruction, offsets, address)
            elif kind == OpKind.NEAR_BRANCH64:
                self._aim_branch(instruction, offsets, address)
        if instruction.flow_control in _INDIRECT:
            self._aim_indirect(instruction)

    def _aim_memory(self, instruction: Any, offsets: Any, address: int) -> None:
        size = max(1, MemorySizeExt.size(instruction.memory_size))
        place = self._place(size)
        if is_far_bit(instruction):
            offset = RegisterExt.full_register(instruction.op1_register)
            if self.random.random() < 0.8 and offset in _NAME:
                self.registers[_NAME[offset]] = self.random.randrange(-600, 600) & MASK
        base, index = instruction.memory_base, instruction.memory_index
        target = place - self._segment(instruction)
        bits = 32 if RegisterExt.size(base or index) == 4 and (base or index) else 64
        if base in (Register.RIP, Register.EIP):
            self._displace(offsets, target - address - instruction.len)
            return
        if not base:
            if index in _BY_REGISTER:
                self.registers[_BY_REGISTER[index]] = self._widen(self.random.randrange(0x1000), bits)
                target -= self.registers[_BY_REGISTER[index]] * instruction.memory_index_scale
            self._displace(offsets, target)
            return
        name, other, scale = _BY_REGISTER.get(base), _BY_REGISTER.get(index), instruction.memory_index_scale
        if name is None:
            return
        displacement = instruction.memory_displacement
        if other == name:
            small = self.random.randrange(0x1000)
            self.registers[name] = self._widen(small, bits)
            if offsets.displacement_size == 4:
                self._displace(offsets, target - small * (1 + scale))
            return
        if index == Register.AL:
            displacement += self.registers["rax"] & 0xFF
        elif other is not None:
            if other in ("rsp", "rbp") or self.random.random() < 0.7:
                self.registers[other] = self.random.randrange(-0x1000, 0x1000) & MASK
            displacement += self.registers[other] * scale
        self.registers[name] = self._widen(target - displacement, bits)

    def _widen(self, value: int, bits: int) -> int:
        """What a register holds whose lower `bits` are the address."""
        value &= (1 << bits) - 1
        if bits == 32 and self.random.random() < 0.5:
            value |= self.random.getrandbits(32) << 32
        return value

    def _place(self, size: int) -> int:
        """An address for an operand of so many bytes."""
        random, boundary = self.random, self.window.boundary
        choice = random.random()
        if choice < 0.02:
            return random.choice((1 << 47, (1 << 47) - size + 1, MASK << 47 & MASK, random.getrandbits(64), 0))
        if choice < 0.25 and size > 1:
            return boundary - random.randrange(1, size)
        if choice < 0.35:
            return boundary - size
        if choice < 0.45:
            return boundary
        alignment = random.choice(_ALIGNMENTS) if choice < 0.65 else max(1, size & -size)
        return boundary + random.randrange(-_NEAR, HIGHEST - min(size, 512)) & -alignment

    def _segment(self, instruction: Any) -> int:
        return _SEGMENT_BASES.get(instruction.memory_segment, 0)

    def _displace(self, offsets: Any, displacement: int) -> None:
        if offsets.has_displacement and offsets.displacement_size in (4, 8):
            size = offsets.displacement_size
            at = len(self.code) - self._length + offsets.displacement_offset
            self.code[at : at + size] = (displacement & (1 << 8 * size) - 1).to_bytes(size, "little")

    def append(self, code: bytes) -> None:
        """The instruction that `take` aims next."""
        self.code += code
        self._length = len(code)

    def _aim_branch(self, instruction: Any, offsets: Any, address: int) -> None:
        """Never into the case itself, which could go round for ever."""
        start = self.slot_start + layout.CODE_AT
        inside = start - 1 <= instruction.near_branch_target < address + 24
        size = offsets.immediate_size
        if size not in (1, 2, 4) or not (inside or size != 1):
            return
        target = self.slot_start + self.random.choice((8, 16, layout.CODE_AT + 130, layout.CODE_AT + 140))
        if size == 4 and self.random.random() < 0.1:
            target = self.random.choice((self.window.boundary, 0x4000_0000, 0x1000))
        displacement = target - address - instruction.len
        at = len(self.code) - self._length + offsets.immediate_offset
        self.code[at : at + size] = (displacement & (1 << 8 * size) - 1).to_bytes(size, "little")

    def _aim_indirect(self, instruction: Any) -> None:
        target = self.slot_start + self.random.choice((8, 16, layout.CODE_AT + 130, layout.CODE_AT + 140))
        choice = self.random.random()
        if choice < 0.1:
            target = self.random.choice((1 << 47, (1 << 47) - 1, 1 << 63, MASK, 0, self.window.boundary))
        if choice > 0.95:
            return
        octets = target.to_bytes(8, "little")
        if instruction.op_count and instruction.op0_kind == OpKind.REGISTER:
            name = _BY_REGISTER.get(RegisterExt.full_register(instruction.op0_register))
            if name is not None:
                self.registers[name] = target
            return
        for at in range(0, layout.MEMORY_SIZE - 7, 8):
            self.memory[at : at + 8] = octets


_BY_REGISTER: Final = {**_NAME, **{number: _NAME[RegisterExt.full_register(number)] for number in range(
    Register.EAX, Register.R15D + 1)}}  # fmt: skip


def is_far_bit(instruction: Any) -> bool:
    """A bit of memory whose number a register holds: it may lie anywhere, in the driver's own memory, too."""
    by_register = instruction.op1_kind == OpKind.REGISTER
    return instruction.mnemonic in _BIT_OFFSETS and by_register and instruction.op0_kind == OpKind.MEMORY


def operand_address(registers: tuple[int, ...], instruction: Any) -> int | None:
    """Where the memory operand lies, for an instruction that starts with these; None without one."""
    if instruction.is_invalid or all(instruction.op_kind(i) != OpKind.MEMORY for i in range(instruction.op_count)):
        return None
    values_of = dict(zip(GENERAL, registers, strict=True))
    address = instruction.memory_displacement
    base, index = instruction.memory_base, instruction.memory_index
    if base in _BY_REGISTER:
        address += values_of[_BY_REGISTER[base]]
    if index in _BY_REGISTER:
        address += values_of[_BY_REGISTER[index]] * instruction.memory_index_scale
    narrow = (base or index) and RegisterExt.size(base or index) == 4
    address &= (1 << 32) - 1 if narrow else MASK
    return address + _SEGMENT_BASES.get(instruction.memory_segment, 0) & MASK
