"""The operand grammar: operands are parsed into values, and keystone only sees text generated from these.

    operand  = [size ["ptr"]] memory | register | "offset" ["flat:"] expression | ["short"] expression
    memory   = [segment ":"] [expression] "[" [segment ":"] ["rel"] term {("+" | "-") term} "]" | segment ":" expression
    term     = register | register "*" scale | scale "*" register | expression

`ptr` may be missing (NASM). `[label]` means `[rip + label]`. AVX-512's `{k1}{z}` and far pointers are not supported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from pffemu.asm import registers
from pffemu.asm.expressions import BINDING, Cursor, Names, Token, Value, parse_expression, tokenize
from pffemu.errors import AssemblyError

SIZE_WORDS: Final = {
    **{"byte": 1, "word": 2, "dword": 4, "qword": 8, "mmword": 8, "tbyte": 10, "xword": 10},
    **{"xmmword": 16, "oword": 16, "ymmword": 32},
}
MEMORY_LIKE: Final = "write [base + index*scale + displacement]"
SCALES: Final = (1, 2, 4, 8)
OPERATORS: Final = frozenset((*BINDING, "~"))


@dataclass(frozen=True, slots=True)
class Register:
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Immediate:
    value: Value
    offset: bool = False  # written with `offset`: the address of a label is meant


@dataclass(frozen=True, slots=True)
class Memory:
    """An address. `relative`: the displacement is a label, reached through rip (base is then "rip")."""

    size: int  # 0: not written
    segment: str | None  # fs or gs
    base: str | None
    index: str | None
    scale: int
    displacement: Value

    @property
    def relative(self) -> bool:
        return self.base == "rip" and bool(self.displacement.anchors)


Operand: TypeAlias = Register | Immediate | Memory


def parse_operands(text: str, names: Names) -> tuple[Operand, ...]:
    """The operand list of one instruction."""
    tokens = tokenize(text)
    if not tokens:
        return ()
    cursor = Cursor(tokens)
    operands = [_parse_operand(cursor, names)]
    while cursor.peek() == ",":
        cursor.take()
        operands.append(_parse_operand(cursor, names))
    if cursor.peek():
        raise AssemblyError(f"{cursor.peek()!r} does not belong here", remedy="separate operands with commas")
    return tuple(operands)


def _parse_operand(cursor: Cursor, names: Names) -> Operand:
    word = cursor.peek()
    if word in SIZE_WORDS and _starts_operand(cursor.peek(1)):
        cursor.take()
        if cursor.peek() == "ptr":
            cursor.take()
        operand = _parse_plain(cursor, names, SIZE_WORDS[word])
        if not isinstance(operand, Memory):
            raise AssemblyError(f"{word!r} before something that is not a memory operand", remedy=f"drop {word!r}")
        return operand
    if word == "[" and cursor.peek(1) in SIZE_WORDS and cursor.peek(2) == "ptr":  # as gcc: call [QWORD PTR [rax]]
        cursor.take()
        operand = _parse_operand(cursor, names)
        cursor.expect("]", MEMORY_LIKE)
        return operand
    if word in ("offset", "short") and _starts_operand(cursor.peek(1)):
        cursor.take()
        if cursor.peek() == "flat" and cursor.peek(1) == ":":
            cursor.take(), cursor.take()
        return Immediate(parse_expression(cursor, names), offset=word == "offset")
    return _parse_plain(cursor, names, 0)


def _starts_operand(following: str) -> bool:
    """Whether `byte`, `offset` ... is a keyword here and not a label."""
    return following not in ("", ",", "+", "-", ")", "]")


def _parse_plain(cursor: Cursor, names: Names, size: int) -> Operand:
    word = cursor.peek()
    if word in registers.SEGMENTS and cursor.peek(1) == ":":
        cursor.take(), cursor.take()
        return _parse_memory(cursor, names, size, word)
    if word == "[":
        return _parse_memory(cursor, names, size, "")
    if word in registers.RESERVED:
        return _parse_register(cursor)
    value = parse_expression(cursor, names)
    if cursor.peek() == "[":
        return _parse_memory(cursor, names, size, "", value)
    if size:
        raise AssemblyError("a size word needs a memory operand in brackets", remedy=MEMORY_LIKE)
    return Immediate(value)


def _parse_register(cursor: Cursor) -> Register:
    name = cursor.take().text.lower()
    if name == "st":
        name = "st(0)"
        if cursor.peek() == "(":
            name = f"st({cursor.peek(1)})"
            cursor.take(), cursor.take()
            cursor.expect(")", "x87 registers are st(0) to st(7)")
    if name not in registers.SIZES:
        raise AssemblyError(f"{name!r} cannot be used as an operand", remedy="use a register this CPU has (no AVX-512)")
    return Register(name, registers.SIZES[name])


def _parse_memory(cursor: Cursor, names: Names, size: int, segment: str, before: Value | None = None) -> Memory:
    if cursor.peek() != "[":  # fs:0x28
        return _finish(size, segment, [], parse_expression(cursor, names))
    cursor.take()
    if cursor.peek() in registers.SEGMENTS and cursor.peek(1) == ":" and not segment:
        segment = cursor.take().text.lower()
        cursor.take()
    relative = cursor.peek() == "rel" and _starts_operand(cursor.peek(1))
    if relative:
        cursor.take()
    parts, rest = _split_terms(cursor)
    displacement = _displacement(rest, names).plus(before or Value(0))
    scaled = [_scaled_register(part, names) for part in parts]
    return _finish(size, segment, [("rip", 1), *scaled] if relative else scaled, displacement)


def _split_terms(cursor: Cursor) -> tuple[list[list[Token]], list[Token]]:
    """Tokens up to the closing bracket: the terms that contain a register, and the others as one expression."""
    with_register, rest, term = list[list[Token]](), list[Token](), list[Token]()
    depth = 0

    def finish_term() -> None:
        if any(token.text.lower() in registers.RESERVED for token in term):
            if term[0].text == "-":
                raise AssemblyError("a register cannot be subtracted in an address", remedy=MEMORY_LIKE)
            with_register.append([token for token in term if token.text != "+"])
        else:
            rest.extend(term)

    while cursor.peek() != "]" or depth:
        if cursor.position == len(cursor.tokens) or cursor.peek() in ("[", ",", ":"):
            raise AssemblyError("the bracket '[' is not closed", remedy="add the missing ']'")
        token = cursor.take()
        depth += (token.text == "(") - (token.text == ")")
        if token.text in "+-" and not depth and term and term[-1].text not in OPERATORS:
            finish_term()
            term = []
        term.append(token)
    cursor.take()
    if not term:
        raise AssemblyError("empty address", remedy=MEMORY_LIKE)
    finish_term()
    return with_register, rest


def _displacement(tokens: list[Token], names: Names) -> Value:
    if not tokens:
        return Value(0)
    cursor = Cursor(tokens)
    value = parse_expression(cursor, names)
    if cursor.peek():
        raise AssemblyError(f"{cursor.peek()!r} does not belong in an address", remedy=MEMORY_LIKE)
    return value


def _scaled_register(term: list[Token], names: Names) -> tuple[str, int]:
    words = [token.text.lower() for token in term]
    if len(words) == 1:
        return words[0], 1
    if words[0] in registers.RESERVED and words[1] == "*":
        name, factor = words[0], term[2:]
    elif words[-1] in registers.RESERVED and words[-2] == "*":
        name, factor = words[-1], term[:-2]
    else:
        raise AssemblyError(f"cannot read the address part {' '.join(words)!r}", remedy=MEMORY_LIKE)
    scale = _displacement(factor, names)
    if scale.anchors or scale.constant not in SCALES:
        raise AssemblyError(f"{name} cannot be scaled by {scale.constant}", remedy="scale by 1, 2, 4 or 8")
    return name, -scale.constant  # negative: this one asked to be the index


def _finish(size: int, segment: str, scaled: list[tuple[str, int]], displacement: Value) -> Memory:
    """Base, index and scale from the registers, in the order an encoder needs them."""
    used_segment = segment if segment in ("fs", "gs") else None  # the others start at 0 in 64-bit mode
    if not scaled:
        base = "rip" if displacement.anchors else None
        return Memory(size, used_segment, base, None, 1, displacement)
    if scaled == [("rip", 1)]:
        return Memory(size, used_segment, "rip", None, 1, displacement)
    _check_address_registers([name for name, _ in scaled])
    if len(scaled) > 2 or (len(scaled) == 2 and all(scale < -1 for _, scale in scaled)):
        raise AssemblyError("too many registers in the address", remedy=MEMORY_LIKE)
    if len(scaled) == 1:
        name, scale = scaled[0]
        if scale > 0:
            return Memory(size, used_segment, name, None, 1, displacement)
        return Memory(size, used_segment, None, _index(name), -scale, displacement)
    (base, base_scale), (index, index_scale) = sorted(scaled, key=lambda entry: -entry[1])
    if index in ("rsp", "esp") and index_scale in (1, -1):  # [rax + rsp]: only the other order exists
        base, index = index, base
        index_scale = base_scale
    return Memory(size, used_segment, base, _index(index), abs(index_scale), displacement)


def _index(name: str) -> str:
    if name in ("rsp", "esp"):
        raise AssemblyError(f"{name} cannot be an index", remedy="make it the base, without a scale")
    return name


def _check_address_registers(names: list[str]) -> None:
    for name in names:
        if name not in registers.ADDRESS_REGISTERS:
            raise AssemblyError(f"{name!r} cannot be part of an address", remedy="use 64-bit general registers")
    if len({registers.SIZES[name] for name in names}) > 1:
        raise AssemblyError("the address mixes 32-bit and 64-bit registers", remedy="use the same width for both")
