"""Checks before keystone: what it would crash on, ignore, or encode as something else is refused with a remedy.

keystone 0.9.2 aborts the process (`mov ah, r8b`), segfaults (`.text`), ignores (`.error`) or silently truncates invalid
input. Directives are a whitelist, operands a grammar (operands.py); the other checks are here. What keystone encodes
wrongly without a pattern is caught afterwards (readback.py).
"""

from __future__ import annotations

from typing import Final

from pffemu.arch.own_instructions import OWN_INSTRUCTIONS
from pffemu.asm import registers
from pffemu.asm.expressions import Names, signed
from pffemu.asm.operands import Immediate, Memory, Operand, Register, parse_operands
from pffemu.asm.source import Statement
from pffemu.asm.written import BYTES, PREFIXES, STRING_MNEMONICS, Written, is_mnemonic
from pffemu.errors import AssemblyError

# directives of symbols, debugging information and unwinding: execution does not depend on them
_IGNORED: Final = """
    .globl .global .local .type .size .hidden .protected .internal .extern .file .ident .loc .version
    .addrsig .addrsig_sym .cv_loc .cv_file
"""
IGNORED_DIRECTIVES: Final = frozenset(_IGNORED.split())
DIRECTIVE_REMEDIES: Final = {
    ".att_syntax": "write Intel syntax: mov rax, [rbx]; gcc writes it with -masm=intel",
    ".org": "use .align or .skip",
    ".weak": "define the symbol, and write .globl",
    ".incbin": "use .include, or load the file separately",
    ".code32": "only 64-bit code is assembled",
    ".code16": "only 64-bit code is assembled",
}
NASM_WORDS: Final = {
    **{"section": ".section", "segment": ".section", "global": ".globl", "extern": "a label of the same source"},
    **{"db": ".byte or .ascii", "dw": ".word", "dd": ".long", "dq": ".quad", "times": ".skip", "align": ".align"},
    **{"resb": ".skip in .bss", "resw": ".skip in .bss", "resd": ".skip in .bss", "resq": ".skip in .bss"},
    **{"bits": "nothing: code is 64-bit", "default": "nothing: [label] is rip-relative", "equ": ".equ"},
}
LOOPS_AND_CALLS: Final = frozenset(("call", "loop", "loope", "loopne"))
REPEATED_BY_COMPARISON: Final = ("cmps", "scas")
STRING_REGISTERS: Final = frozenset(("al", "ax", "eax", "rax", "dx"))
STRING_ADDRESSES: Final = (("rdi", None), ("rsi", None))
INT32: Final = range(-(1 << 31), 1 << 31)


def check_directive(statement: Statement) -> None:
    """Refuse a directive that is neither data nor a section, unless it can be ignored."""
    word, rest = statement.word, statement.rest
    if word in IGNORED_DIRECTIVES or word.startswith(".cfi_") or (word == ".intel_syntax" and rest in ("", "noprefix")):
        return
    raise AssemblyError(f"unknown directive {word[:40]!r}", remedy=DIRECTIVE_REMEDIES.get(word, "remove the line"))


def check_word(statement: Statement) -> None:
    """Refuse words of NASM's dialect."""
    if statement.word in NASM_WORDS:
        raise AssemblyError(f"{statement.word!r} is NASM", remedy=f"write {NASM_WORDS[statement.word]}")


def check_semicolon(statement: Statement, names: Names) -> None:
    """Refuse `nop; ret`, which is two instructions to GNU as and one to NASM."""
    word, _, rest = statement.after_semicolon.partition(" ")
    if not is_mnemonic(word) and word not in PREFIXES:
        return
    try:
        parse_operands(rest, names)
    except AssemblyError:
        return
    what = f"';' starts a comment here, but {statement.after_semicolon!r} looks like a second instruction"
    raise AssemblyError(what, remedy="put it on its own line, or start the comment with '#'")


def check_instruction(written: Written) -> None:
    """Refuse a parsed instruction that must not reach keystone."""
    _check_prefix(written)
    if written.fixed_bytes:
        return
    own = OWN_INSTRUCTIONS.get(written.mnemonic)
    if own is not None or written.mnemonic in BYTES:
        remedy = f"give it {own.operands if own is not None else 'no operand'}"
        raise AssemblyError(f"wrong operands for {written.mnemonic}", remedy=remedy)
    if written.mnemonic == "iret":
        raise AssemblyError("keystone encodes iret as a 16-bit return", remedy="write iretq")
    if written.mnemonic in STRING_MNEMONICS or written.mnemonic == "xlatb":
        _check_string_operands(written)
    _check_high_bytes(written.operands)
    for operand in written.operands:
        if isinstance(operand, Memory):
            _check_address(written, operand)
        elif isinstance(operand, Immediate):
            _check_immediate(written, operand)


def _check_prefix(written: Written) -> None:
    if written.prefix.startswith("rep") and written.mnemonic not in STRING_MNEMONICS:
        raise AssemblyError(f"{written.prefix} before {written.mnemonic}", remedy="rep belongs to string instructions")
    if written.prefix == "repne" and not written.mnemonic.startswith(REPEATED_BY_COMPARISON):
        raise AssemblyError(f"repne before {written.mnemonic}", remedy="write rep; only cmps and scas compare")
    if written.prefix == "lock" and not any(isinstance(operand, Memory) for operand in written.operands):
        raise AssemblyError("lock without a memory operand", remedy="drop the prefix")


def _check_string_operands(written: Written) -> None:
    """Refuse operands of string instructions, which keystone ignores. movsd, cmpsd with an XMM register are SSE's."""
    if any(isinstance(operand, Register) and operand.name not in STRING_REGISTERS for operand in written.operands):
        return
    for operand in written.operands:
        if isinstance(operand, Memory) and (operand.base, operand.index) not in STRING_ADDRESSES:
            what = f"the memory operands of {written.mnemonic} are fixed"
            raise AssemblyError(what, remedy="leave them out, and load rdi and rsi (xlatb: rbx)")


def _check_high_bytes(operands: tuple[Operand, ...]) -> None:
    """Refuse AH to DH beside a register that needs REX: keystone aborts the process on these."""
    names = [operand.name for operand in operands if isinstance(operand, Register)]
    high = [name for name in names if name in registers.HIGH_BYTES]
    rex = [name for name in names if name in registers.NEED_REX]
    for operand in operands:
        if isinstance(operand, Memory):
            rex += [name for name in (operand.base, operand.index) if name in registers.ADDRESSES_NEED_REX]
            rex += ["qword ptr"] if operand.size == 8 else []
    if high and rex:
        what = f"{high[0]} and {rex[0]} cannot be in one instruction"
        raise AssemblyError(what, remedy="move the byte through al first")


def _check_address(written: Written, operand: Memory) -> None:
    number = operand.displacement.constant
    if operand.displacement.anchors:
        _check_label(operand)
        return
    if signed(number) in INT32 or (operand.base is None and operand.index is None and is_accumulator_move(written)):
        return
    if operand.base or operand.index:
        what = f"displacement {number:#x} does not fit in 32 signed bits"
        raise AssemblyError(what, remedy="add it to the register first")
    what = f"address {number:#x} does not fit in 32 signed bits; keystone would truncate and sign-extend it"
    raise AssemblyError(what, remedy=f"mov rcx, {number:#x} first, then use [rcx]")


def is_accumulator_move(written: Written) -> bool:
    """Whether it is mov al/ax/eax/rax with an absolute address, whose encoding holds all 64 bits of it."""
    names = [operand.name for operand in written.operands if isinstance(operand, Register)]
    accumulator = len(names) == 1 and names[0] in ("al", "ax", "eax", "rax")
    return accumulator and len(written.operands) == 2 and written.mnemonic in ("mov", "movabs")


def _check_label(operand: Memory | Immediate) -> None:
    anchors = operand.displacement.anchors if isinstance(operand, Memory) else operand.value.anchors
    if len(anchors) > 1 or anchors[0][1] != 1:
        what = "an instruction operand can hold one label plus a number"
        raise AssemblyError(what, remedy="put the expression into .quad, or compute it at run time")


def _check_immediate(written: Written, operand: Immediate) -> None:
    if operand.value.anchors:
        _check_label(operand)
        if not operand.offset and not is_branch(written.mnemonic) and written.mnemonic != "movabs":
            what = "a bare label is an address to NASM and a memory access to GNU as"
            raise AssemblyError(what, remedy="write lea reg, [rip + label], movabs reg, label, or [label]")
    if written.mnemonic == "push" and not operand.value.anchors:
        number = operand.value.constant
        if signed(number) not in INT32:
            what = f"push {number:#x} does not fit in 32 signed bits; keystone would push 16 bits"
            raise AssemblyError(what, remedy=f"mov rax, {number:#x} and push rax")


def is_branch(mnemonic: str) -> bool:
    return mnemonic in LOOPS_AND_CALLS or mnemonic.startswith("j")
