"""An instruction as written in the source: prefix, mnemonic, operands; and the spellings that keystone needs instead.

keystone reads some valid mnemonics wrongly: `pushf` and `popf` become 16-bit, a bare `movsd` is only known as SSE.
Instructions that keystone cannot spell at all (arch.own_instructions, endbr64, sysretq) are written as bytes.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final

import capstone
from capstone import x86 as cs_x86

from pffemu.arch.encodings import ENDBR64, REGISTERS_64
from pffemu.arch.own_encodings import encoded
from pffemu.arch.own_instructions import OWN_INSTRUCTIONS
from pffemu.asm.expressions import Names
from pffemu.asm.operands import Operand, Register, parse_operands
from pffemu.asm.registers import RESERVED
from pffemu.asm.source import Statement
from pffemu.errors import AssemblyError
from pffemu.nearest import closest

PREFIXES: Final = {"lock": "lock", "rep": "rep", "repe": "rep", "repz": "rep", "repne": "repne", "repnz": "repne"}
SPELLINGS: Final = {
    **{"pushf": "pushfq", "popf": "popfq", "retn": "ret", "xlat": "xlatb", "sal": "shl", "wait": "fwait"},
    **{"loopz": "loope", "loopnz": "loopne"},
}
# instructions that gcc writes, for old assemblers, as another one behind a repetition prefix
_REPEATED: Final = {("rep", "bsf"): ("", "tzcnt"), ("rep", "bsr"): ("", "lzcnt"), ("rep", "nop"): ("", "pause")}
BYTES: Final = {"endbr64": ENDBR64, "sysretq": b"\x48\x0f\x07"}
# prefixes that keystone reads as mnemonics: with operands behind them it never returns
FATAL: Final = frozenset(
    (*PREFIXES, "data16", "data32", "addr32", "rex64", "xacquire", "xrelease", "cs", "ds", "es", "ss")
)
STRING_STEMS: Final = ("movs", "cmps", "stos", "lods", "scas", "ins", "outs")
STRING_MNEMONICS: Final = frozenset(stem + width for stem in STRING_STEMS for width in "bwdq") - {"insq", "outsq"}

_CONDITION_SPELLINGS: Final = {
    **{"z": "e", "nz": "ne", "c": "b", "nae": "b", "nc": "ae", "nb": "ae", "na": "be", "nbe": "a"},
    **{"pe": "p", "po": "np", "nge": "l", "nl": "ge", "ng": "le", "nle": "g"},
}
# written -> the name capstone prints
SYNONYMS: Final = {
    **{stem + old: stem + new for stem in ("j", "set", "cmov") for old, new in _CONDITION_SPELLINGS.items()},
    **{"movabs": "mov", "fwait": "wait", "fucomip": "fucompi", "fcomip": "fcompi"},
    **{"icebp": "int1", "sysexit": "sysexitq"},
}
_COMPARISONS: Final = re.compile(r"v?cmp(eq|lt|le|unord|neq|nlt|nle|ord)[ps][sd]")
_ATT: Final = re.compile(r"(?<![\w.\]])%([a-z]\w*)|(?<![\w.\]])\$[-\w.]")  # %rax, $5
_MNEMONIC: Final = re.compile(r"[a-z][a-z0-9]*")


@dataclass(frozen=True, slots=True)
class Written:
    """A parsed instruction. `number`: that of its statement; `mnemonic`: as keystone spells it."""

    number: int
    prefix: str
    mnemonic: str
    operands: tuple[Operand, ...]

    @property
    def fixed_bytes(self) -> bytes:
        """The whole encoding of an instruction that keystone lacks, else empty."""
        own = OWN_INSTRUCTIONS.get(self.mnemonic)
        if own is None or own.extension is None:
            known = BYTES.get(self.mnemonic, b"") if own is None else encoded(own)
            return known if not self.operands else b""
        match self.operands:
            case (Register(name=name),) if name in REGISTERS_64:
                return encoded(own, REGISTERS_64.index(name))
        return b""


@functools.cache
def known_mnemonics() -> frozenset[str]:
    decoder = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
    names = {decoder.insn_name(number) for number in range(1, cs_x86.X86_INS_ENDING)}
    unlisted = ("faddp", "fstcw", "fstsw", "fstenv", "fsave", "finit", "fclex")
    return frozenset((*names, *unlisted, *SYNONYMS, *SPELLINGS, *BYTES, *OWN_INSTRUCTIONS)) - FATAL


def is_mnemonic(word: str) -> bool:
    return bool(_MNEMONIC.fullmatch(word)) and (word in known_mnemonics() or bool(_COMPARISONS.fullmatch(word)))


def canonical(mnemonic: str) -> str:
    """One name for all spellings of an instruction."""
    return SYNONYMS.get(mnemonic, mnemonic)


def read_instruction(number: int, statement: Statement, names: Names) -> Written:
    """Split and parse one instruction statement."""
    try:
        return _read(number, statement, names)
    except AssemblyError:
        if any(match[1] is None or match[1] in RESERVED for match in _ATT.finditer(statement.rest.lower())):
            remedy = "write Intel syntax, mov rax, [rbx + 8]; gcc and clang do with -masm=intel"
            raise AssemblyError("this is AT&T syntax", remedy=remedy) from None
        raise


def _read(number: int, statement: Statement, names: Names) -> Written:
    prefix, word, rest = "", statement.word, statement.rest
    if word in PREFIXES:
        if not rest:
            raise AssemblyError(f"{word!r} alone on its line", remedy=f"write it before the instruction: {word} movsb")
        prefix = PREFIXES[word]
        word, *remaining = rest.split(None, 1)
        word, rest = word.lower(), "".join(remaining)
    if not is_mnemonic(word):
        raise unknown_mnemonic(word)
    operands = parse_operands(rest, names)
    prefix, word = _REPEATED.get((prefix, word), (prefix, word))
    if word == "movsx" and len(operands) == 2 and getattr(operands[1], "size", 0) == 4:
        word = "movsxd"  # as GNU as reads it
    return Written(number, prefix, SPELLINGS.get(word, word), operands)


def unknown_mnemonic(word: str) -> AssemblyError:
    close = closest(word, sorted(known_mnemonics()))
    guess = f"did you mean {close!r}?" if close else "write its encoding with .byte"
    return AssemblyError(f"unknown instruction {word[:40]!r}", remedy=guess)
