"""The check after keystone: every instruction is decoded again and compared with the source.

keystone truncates (`mov al, 300`), changes widths (`push 0xffff` pushes -1) and addresses without an error. A line
whose bytes do not mean what was written is refused. Equivalent spellings (jz/je, xchg in either order) pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from capstone import x86 as cs_x86

from pffemu.asm.disasm import capstone_instruction, decode
from pffemu.asm.expressions import Anchor
from pffemu.asm.lint import is_branch
from pffemu.asm.memory_operands import BIT_TESTS, NO_ACCESS, SEGMENT_PREFIXES, SIZES, bare_mnemonic
from pffemu.asm.operands import Immediate, Memory, Operand, Register
from pffemu.asm.written import PREFIXES, STRING_MNEMONICS, Written, canonical
from pffemu.errors import AssemblyError

WORD64: Final = 1 << 64
SHIFTS: Final = frozenset(("shl", "shr", "sar", "rol", "ror", "rcl", "rcr"))
BYTE_COUNTS: Final = SHIFTS | BIT_TESTS | {"shld", "shrd", "rorx", "int", "in", "out", "xabort"}
COMMUTING: Final = frozenset(("xchg", "test"))
WAITING: Final = {name: "fn" + name[1:] for name in ("finit", "fsave", "fstenv", "fstcw", "fstsw", "fclex")}
PREDICATES: Final = ("eq", "lt", "le", "unord", "neq", "nlt", "nle", "ord")
VECTOR: Final = ("mm", "xm", "ym")
TOP: Final = Register("st(0)", 10)
IMPLIED_XMM0: Final = frozenset(("pblendvb", "blendvps", "blendvpd", "sha256rnds2"))


def check(written: Written, code: bytes, address: int, addresses: Mapping[Anchor, int]) -> None:
    """Raises AssemblyError when `code` is not the written instruction."""
    if written.fixed_bytes:
        return
    mnemonic = written.mnemonic
    if mnemonic in WAITING and code[:1] == b"\x9b":
        mnemonic, code, address = WAITING[mnemonic], code[1:], address + 1
    insn = capstone_instruction(code, address)
    if insn is None or insn.size != len(code):
        raise _mismatch(f"the bytes {code.hex()}, which are not an instruction")
    problem = _prefix_problem(written, insn) or _mnemonic_problem(written, mnemonic, insn)
    if problem:
        raise _mismatch(decoded_text(code, address), problem)
    problems = [_operands_problem(written, pairs, insn, addresses) for pairs in _pairings(written, insn)]
    if "" not in problems:
        raise _mismatch(decoded_text(code, address), problems[0] if problems else "another number of operands")


def decoded_text(code: bytes, address: int) -> str:
    instruction = decode(code, address)
    return repr(instruction.text) if instruction else code.hex()


def _mismatch(what: str, problem: str = "") -> AssemblyError:
    detail = f" ({problem})" if problem else ""
    return AssemblyError(
        f"keystone encoded this as {what}{detail}", remedy="write another form, or the bytes with .byte"
    )


def _prefix_problem(written: Written, insn: Any) -> str:
    first = insn.mnemonic.split()[0]
    prefix = PREFIXES.get(first, "")
    if prefix != written.prefix:
        return f"prefix {prefix or 'none'}, not {written.prefix or 'none'}"
    segments = {operand.segment for operand in written.operands if isinstance(operand, Memory) and operand.segment}
    encoded = SEGMENT_PREFIXES.get(insn.prefix[1])
    return "" if segments == ({encoded} if encoded else set()) else f"segment {encoded or 'none'}"


def _mnemonic_problem(written: Written, mnemonic: str, insn: Any) -> str:
    name, expected = canonical(bare_mnemonic(insn.mnemonic)), canonical(mnemonic)
    if name == expected or (expected, name) == ("movsx", "movsxd"):
        return ""
    stem, kind = expected[:-2], expected[-2:]
    if stem.endswith("cmp") and name.startswith(stem) and name.endswith(kind):  # cmpps a, b, 0 is cmpeqps a, b
        last = written.operands[-1]
        predicate = name[len(stem) : -2]
        if isinstance(last, Immediate) and last.value.constant < 8 and PREDICATES[last.value.constant] == predicate:
            return ""
    return f"{name}, not {expected}"


def _pairings(written: Written, insn: Any) -> list[list[tuple[Operand, Any]]]:
    """Written operands next to decoded ones, in every order that means the same."""
    mine, decoded = list(written.operands), list(insn.operands)
    name = written.mnemonic
    if (name in STRING_MNEMONICS or name == "movsd") and not mine:
        return [[]]
    if name[0] == "f" and not any(isinstance(operand, Memory) for operand in mine):
        mine, decoded = _x87_operands(mine, decoded, insn)
    elif name in SHIFTS and len(mine) == 1 and len(decoded) == 2 and decoded[1].imm == 1:
        decoded.pop()
    elif name == "imul" and len(mine) == 2 and len(decoded) == 3:
        mine.insert(1, mine[0])
    elif name in IMPLIED_XMM0:
        mine, decoded = mine[:2], decoded[:2]
    elif len(mine) == len(decoded) + 1 and "cmp" in name:
        mine.pop()  # the predicate is part of the decoded name
    if len(mine) != len(decoded):
        return []
    straight = list(zip(mine, decoded, strict=True))
    return [straight, list(zip(mine[::-1], decoded, strict=True))] if name in COMMUTING else [straight]


def _x87_operands(mine: list[Operand], decoded: list[Any], insn: Any) -> tuple[list[Operand], list[Any]]:
    """Both lists without an implied st(0), which capstone omits and sources may omit."""
    if len(decoded) == 2 and insn.reg_name(decoded[0].reg) == "st(0)":
        decoded = decoded[1:]
    if len(mine) == 2 and mine[0] == TOP:
        mine = mine[1:]
    if len(mine) == 2 and mine[1] == TOP and insn.mnemonic.endswith("p"):
        mine = mine[:1]
    if not mine and len(decoded) == 1 and insn.reg_name(decoded[0].reg) == "st(1)":
        decoded = []  # `fxch` alone means st(1)
    return mine, decoded


def _operands_problem(
    written: Written, pairs: list[tuple[Operand, Any]], insn: Any, addresses: Mapping[Anchor, int]
) -> str:
    for position, (operand, decoded) in enumerate(pairs):
        match operand:
            case Register():
                same = decoded.type == cs_x86.X86_OP_REG and insn.reg_name(decoded.reg) == operand.name
                problem = "" if same else f"operand {position + 1} is not {operand.name}"
            case Immediate():
                problem = _immediate_problem(written, position, operand.value.at(addresses), decoded, pairs)
            case Memory():
                problem = _memory_problem(operand, decoded, insn, addresses)
        if problem:
            return problem
    return ""


def _immediate_problem(
    written: Written, position: int, number: int, decoded: Any, pairs: Sequence[tuple[Operand, Any]]
) -> str:
    if decoded.type != cs_x86.X86_OP_IMM:
        return f"operand {position + 1} is not a constant"
    bits = 64 if is_branch(written.mnemonic) else _immediate_bits(written, position, pairs)
    if not -(1 << (bits - 1)) <= number < 1 << bits:
        return f"{number:#x} does not fit in {bits} bits"
    if (decoded.imm - number) % (1 << bits) == 0:
        return ""
    became = f"{decoded.imm % (1 << bits):#x}"
    return f"{number:#x} became {became}" + (": out of reach" if is_branch(written.mnemonic) else "")


def _immediate_bits(written: Written, position: int, pairs: Sequence[tuple[Operand, Any]]) -> int:
    if written.mnemonic in ("push", "ret", "retf", "retfq"):
        return 64 if written.mnemonic == "push" else 16
    if written.mnemonic == "enter":
        return 8 if position else 16
    vector = any(isinstance(operand, Register) and operand.name[:2] in VECTOR for operand, _ in pairs)
    if written.mnemonic in BYTE_COUNTS or vector or position == 0:
        return 8
    return int(pairs[0][1].size) * 8


def _memory_problem(operand: Memory, decoded: Any, insn: Any, addresses: Mapping[Anchor, int]) -> str:
    if decoded.type != cs_x86.X86_OP_MEM:
        return "the memory operand became something else"
    name = bare_mnemonic(insn.mnemonic)
    size = SIZES.get(name, decoded.size)
    if operand.size and size and name not in NO_ACCESS and operand.size != size:
        return f"a memory operand of {size} bytes, not {operand.size}"
    expected = _registers((operand.base, 1), (operand.index, operand.scale))
    memory = decoded.mem
    actual = _registers((insn.reg_name(memory.base), 1), (insn.reg_name(memory.index), memory.scale))
    if expected != actual:
        return "other address registers"
    displacement = memory.disp + (insn.address + insn.size if operand.relative else 0)
    if (displacement - operand.displacement.at(addresses)) % WORD64:
        return f"the displacement became {memory.disp:#x}"
    return ""


def _registers(*terms: tuple[str | None, int]) -> dict[str, int]:
    """Multiples of each register; capstone writes riz when there is no index."""
    sums = dict[str, int]()
    for name, scale in terms:
        if name and name not in ("riz", "eiz"):
            sums[name] = sums.get(name, 0) + scale
    return sums
