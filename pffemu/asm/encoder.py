"""The encoder: one call of keystone turns a whole .text into bytes and gives the address of every statement.

keystone sees generated text only: labels are renamed (_s<number>), constants are literals, data is `.space`, other
sections are `.set` symbols behind the end of the code. A table of `.quad` at the end reports the label addresses,
because keystone has no symbol output (its sym_resolver is off by 4 and turns decimal literals into hex). Absolute
addresses are written with the pseudo index `riz`, the one form keystone does not turn into a wrong rip-relative one.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pffemu.asm.data_directives import PAGE, Alignment
from pffemu.asm.expressions import Anchor, Value, signed
from pffemu.asm.layout import Layout
from pffemu.asm.lint import INT32, is_branch
from pffemu.asm.operands import Immediate, Memory, Operand, Register
from pffemu.asm.source import blame
from pffemu.asm.written import Written
from pffemu.errors import AssemblyError, UnsupportedError

try:
    import keystone
except ImportError:  # no wheels beside x86-64
    keystone = None

SIZE_WORDS: Final = {1: "byte", 2: "word", 4: "dword", 8: "qword", 10: "xword", 16: "xmmword", 32: "ymmword"}
TABLE_ROW: Final = 64  # addresses per .quad line


@dataclass(frozen=True, slots=True)
class Encoded:
    """.text as keystone encoded it; data directives in it are still zero."""

    code: bytearray
    addresses: dict[Anchor, int]  # of every statement and of the sections outside .text
    ends: dict[int, int]  # of every .text statement


@dataclass(slots=True)
class _Text:
    """Input for keystone under construction."""

    layout: Layout
    starts: Mapping[str, int]  # of the other sections, counted from _data
    aliases: dict[tuple[Anchor, int], str] = field(default_factory=dict)

    def symbol(self, value: Value) -> str:
        if not value.anchors:
            return f"{value.constant:#x}"
        anchor = value.anchors[0][0]
        if isinstance(anchor, int) and value.constant == 0:
            return f"_s{anchor}"
        # keystone refuses `jmp label + 8`, but not the same sum behind a name
        return self.aliases.setdefault((anchor, value.constant), f"_a{len(self.aliases)}")

    def alias_lines(self) -> list[str]:
        lines = []
        for (anchor, constant), name in self.aliases.items():
            target, extra = (f"_s{anchor}", 0) if isinstance(anchor, int) else ("_data", self.starts[anchor])
            lines.append(f".set {name}, {target} + {constant + extra:#x}")
        return lines

    def instruction(self, written: Written) -> str:
        if written.fixed_bytes:
            return ".byte " + ", ".join(f"{byte:#x}" for byte in written.fixed_bytes)
        operands = ", ".join(self._operand(operand) for operand in written.operands)
        if written.mnemonic == "movsd" and not written.operands:
            operands = "dword ptr [rdi], dword ptr [rsi]"  # keystone knows the bare word as SSE only
        return f"{written.prefix} {written.mnemonic} {operands}".strip()

    def _operand(self, operand: Operand) -> str:
        if isinstance(operand, Register):
            return operand.name
        if isinstance(operand, Immediate):
            return self.symbol(operand.value)
        size = f"{SIZE_WORDS[operand.size]} ptr " if operand.size else ""
        segment = f"{operand.segment}:" if operand.segment else ""
        return f"{size}{segment}[{self._address(operand)}]"

    def _address(self, memory: Memory) -> str:
        value = memory.displacement if memory.displacement.anchors else Value(signed(memory.displacement.constant))
        absolute = memory.base is None and memory.index is None
        if absolute and value.constant not in INT32:
            return self.symbol(value)  # only a move of the accumulator gets here: it has a 64-bit form
        index = f"{memory.index}*{memory.scale}" if memory.index else ""
        registers = " + ".join(part for part in (memory.base, index) if part)
        return f"{registers or 'riz*1'} + {self.symbol(value)}"


def encode(layout: Layout, instructions: Mapping[int, Written], base: int) -> Encoded:
    """Assemble all of .text at `base`. An error names the line. Raises UnsupportedError without keystone."""
    if keystone is None:
        raise UnsupportedError(
            "keystone-engine is not installed, which assembles sources",
            remedy="pip install keystone-engine (there are wheels for x86-64 alone); ELF programs run without it",
        )
    if not layout.text:
        return Encoded(bytearray(), _data_addresses(layout, base), {})
    output = _run(_program(layout, instructions, base, frozenset()), base)
    if output is None:
        raise _culprit(layout, instructions, base)
    count = len(layout.text) + 2
    *places, end, data = struct.unpack(f"<{count}Q", output[-8 * count :])
    start = base % PAGE
    addresses = _data_addresses(layout, data)
    addresses.update(zip(layout.text, places, strict=True))
    ends = dict(zip(layout.text, [*places[1:], end], strict=True))
    return Encoded(bytearray(output[start : start + end - base]), addresses, ends)


def _data_addresses(layout: Layout, first: int) -> dict[Anchor, int]:
    starts = layout.section_starts(first)
    addresses: dict[Anchor, int] = dict(starts.items())
    for number, (section, offset) in layout.places.items():
        addresses[number] = starts[section] + offset
    return addresses


def _program(layout: Layout, instructions: Mapping[int, Written], base: int, dropped: frozenset[int]) -> list[str]:
    text = _Text(layout, layout.section_starts(0))
    lines = [f".space {base % PAGE}"] if base % PAGE else []
    for number in layout.text:
        lines.append(f"_s{number}:")
        if number in instructions:
            lines.append("nop" if number in dropped else text.instruction(instructions[number]))
        elif number in layout.data:
            lines += _reserve(layout, number)
    lines += ["_end:", ".p2align 12", "_data:", *text.alias_lines()]
    table = [*(f"_s{number}" for number in layout.text), "_end", "_data"]
    lines += [".quad " + ", ".join(table[row : row + TABLE_ROW]) for row in range(0, len(table), TABLE_ROW)]
    return lines


def _reserve(layout: Layout, number: int) -> list[str]:
    item = layout.data[number]
    if isinstance(item, Alignment):
        fill = "" if item.fill is None else f"{item.fill:#x}"
        most = "" if item.most is None else f", {item.most}"
        return [f".p2align {item.boundary.bit_length() - 1}" + (f", {fill}{most}" if fill or most else "")]
    return [f".space {item.size}"] if item.size else []


def _run(lines: Sequence[str], base: int) -> bytes | None:
    """keystone's bytes, or None for an error (or for the empty result it gives for some)."""
    try:
        return _assemble(lines, base) or None
    except keystone.KsError:
        return None


def _assemble(lines: Sequence[str], base: int) -> bytes:
    engine = keystone.Ks(keystone.KS_ARCH_X86, keystone.KS_MODE_64)
    code, _ = engine.asm("\n".join(lines) + "\n", base - base % PAGE, as_bytes=True)
    return code or b""


def _culprit(layout: Layout, instructions: Mapping[int, Written], base: int) -> AssemblyError:
    """keystone's errors carry no line: try each instruction alone, then find a jump or label that cannot reach."""
    for number, written in instructions.items():
        complaint = _complaint(layout, written, base)
        if complaint:
            error = AssemblyError(f"keystone: {complaint}", remedy=_remedy(written))
            return blame(error, layout.statements[number].place)
    suspects = [number for number, written in instructions.items() if _has_label(written)]
    low, high = 0, len(suspects)  # dropping the first `high` suspects is enough, dropping the first `low` is not
    while high - low > 1:
        middle = (low + high) // 2
        fits = _run(_program(layout, instructions, base, frozenset(suspects[:middle])), base) is not None
        low, high = (low, middle) if fits else (middle, high)
    what = "keystone cannot encode the program" if not suspects else "keystone: the target is out of reach"
    error = AssemblyError(what, remedy="loop and jrcxz reach 127 bytes, others 2 GiB: use jmp, or a register")
    return blame(error, layout.statements[suspects[high - 1] if suspects else layout.text[0]].place)


def _complaint(layout: Layout, written: Written, base: int) -> str:
    """keystone's error for one instruction with its labels right behind it; '' when it encodes it."""
    text = _Text(layout, layout.section_starts(0))
    line = text.instruction(written)
    used = {anchor for operand in written.operands for anchor, _ in _value(operand).anchors if isinstance(anchor, int)}
    stubs = [f"_s{anchor}:" for anchor in used]
    try:
        return (
            "" if _assemble([line, *stubs, "_data:", *text.alias_lines()], base) else "nothing encoded, no reason given"
        )
    except keystone.KsError as error:
        return str(error)


def _value(operand: Operand) -> Value:
    if isinstance(operand, Memory):
        return operand.displacement
    return operand.value if isinstance(operand, Immediate) else Value(0)


def _has_label(written: Written) -> bool:
    return any(_value(operand).anchors for operand in written.operands)


def _remedy(written: Written) -> str:
    memories = [operand for operand in written.operands if isinstance(operand, Memory)]
    if any(not memory.size for memory in memories):
        return "give the memory operand a size: dword ptr [...]"
    if is_branch(written.mnemonic):
        return "the target may be out of reach: jump through a register"
    if any(isinstance(operand, Immediate) for operand in written.operands):
        return "check the operand sizes; a 64-bit constant needs mov to a register first"
    return "check the operand sizes and their order, or write the encoding with .byte"
