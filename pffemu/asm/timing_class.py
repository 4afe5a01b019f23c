"""The timing class of an instruction, from its text; every machine profile gives each class a cost."""

from __future__ import annotations

from typing import Final

from pffemu.arch.encodings import ENDBR64
from pffemu.asm.scan import Scanned, branches_near, is_locked, is_prefixed, prefixes_at, repeats, scan

SIMPLE, LOAD, STORE, BRANCH, MULTIPLY, DIVIDE, VECTOR, ATOMIC, REP, PAUSE = TIMING_CLASSES = (
    "simple", "load", "store", "branch", "multiply", "divide", "vector", "atomic", "rep", "pause",
)  # fmt: skip

_BRANCHES: Final = ("j", "call", "ret", "loop")
_MULTIPLY: Final = frozenset({"mul", "imul"})
_DIVIDE: Final = frozenset({"div", "idiv"})
_ONLY_READ: Final = frozenset({"cmp", "test", "bt"})  # with memory as the first operand
_ONE_OPERAND_STORES: Final = frozenset({"inc", "dec", "neg", "not"})
_VECTOR_REGISTERS: Final = ("xmm", "st(", "mm")
_FREE: Final = frozenset({"syscall"})  # charged where the kernel takes it


def timing_classes(code: bytes) -> list[str]:
    """The class of every instruction in a basic block; empty for those that are charged elsewhere."""
    return [class_of(instruction, code) for instruction in scan(code)]


def class_of(instruction: Scanned, code: bytes) -> str:
    """The class of an instruction of the block `code`. Only the first one of each form and prefixes is disassembled."""
    offset = instruction.offset
    kind = instruction.key, prefixes_at(code, offset) if is_prefixed(code, offset) else b""
    found = _CLASSES.get(kind)
    if found is None:
        found = _CLASSES[kind] = timing_class(code[offset : offset + instruction.size])
    return found


_CLASSES: Final[dict[tuple[int, bytes], str]] = {}


def timing_class(code: bytes) -> str:
    """The class of one instruction. Memory comes first: `add rax, [rbx]` is a load, `add [rbx], rax` a store.

    A string instruction repeats behind F2 as behind F3, whatever its text says; nothing else does.
    """
    if repeats(code):
        return REP
    if is_locked(code):
        return ATOMIC
    if branches_near(code):
        return BRANCH
    if code == ENDBR64:
        return SIMPLE
    from pffemu.asm.disasm import mnemonic_and_operands  # capstone takes long to load, and few programs need it here

    mnemonic, operands = mnemonic_and_operands(code)
    mnemonic = mnemonic.rpartition(" ")[2]  # behind REP, BND, NOTRACK, XACQUIRE, XRELEASE
    if mnemonic in _FREE:
        return ""
    if mnemonic == "pause":
        return PAUSE
    memory = "[" in operands and mnemonic not in ("lea", "nop")
    if mnemonic == "xchg" and memory:
        return ATOMIC
    if mnemonic.startswith(_BRANCHES):
        return BRANCH
    if mnemonic in _DIVIDE:
        return DIVIDE
    if mnemonic in _MULTIPLY:
        return MULTIPLY
    if memory:
        return STORE if _stores(mnemonic, operands) else LOAD
    if mnemonic.startswith("push"):
        return STORE
    if mnemonic.startswith(("pop", "leave")) and not mnemonic.startswith("popcnt"):
        return LOAD
    return VECTOR if any(name in operands for name in _VECTOR_REGISTERS) else SIMPLE


def _stores(mnemonic: str, operands: str) -> bool:
    first, _, second = operands.partition(",")
    if mnemonic.startswith("push"):
        return True
    if not second:
        return mnemonic in _ONE_OPERAND_STORES or mnemonic.startswith(("set", "pop", "fst", "fist"))
    return "[" in first and mnemonic not in _ONLY_READ
