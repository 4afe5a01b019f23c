"""Instructions the machine executes in the engine's place, one file each: guards, then the manual's pseudo-code.

They are those of arch.own_instructions, which Unicorn does not know, and those of hw.careful. This file decodes them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache, partial
from importlib import import_module
from typing import Final, NamedTuple

from pffemu.arch import own_encodings
from pffemu.arch.own_instructions import OWN_INSTRUCTIONS
from pffemu.asm.scan import MEMORY, first, form_of
from pffemu.hw import careful
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import aligned
from pffemu.hw.trap import Trap

Execute = Callable[[Cpu, int], Trap | None]  # (core, length): a trap leaves the state untouched


class Found(NamedTuple):
    """A decoded instruction. `register`: the operand's number. `local`: it changes this core's own state only, so no
    other core can observe when. `then_ours`: the bytes behind it are an instruction of arch.own_instructions, too."""

    mnemonic: str
    execute: Execute
    length: int
    local: bool
    then_ours: bool
    register: int | None = None
    counts: bool = True  # the machine must count it; False: the engine has counted it
    traps: bool = False  # its exception is a trap: RIP is behind it


# these let the engine execute, and count, an instruction
_IN_THE_ENGINE: Final = frozenset({"aligned", "alone", "cmpxchg", "float_store", "mmx", "popf", "x87"})
_LOOKS_ITSELF: Final = frozenset(
    {"aligned", "cmpxchg", "nop", "umip", "x87"}
)  # these check operands themselves, or have none to check


@cache
def executor(name: str) -> Callable[..., Trap | None]:
    """The `execute` of the file that rows of arch.own_instructions and of hw.careful name; imported on first use."""
    execute: Callable[..., Trap | None] = import_module(f"{__name__}.{name}").execute
    return execute


def why(found: Found, trap: Trap) -> str:
    """The reason of the instruction's trap, for a message; empty when there is nothing to add."""
    row = OWN_INSTRUCTIONS.get(found.mnemonic)
    return row.reasons[trap.vector].what if row is not None and trap.vector in row.reasons else ""


@lru_cache(maxsize=4096)
def find(code: bytes, checks: int = 0) -> Found | None:
    """The instruction at the start of `code`; None: not one of these. `checks`: the core's checks (hw.careful)."""
    return own_instruction(code) or _careful_instruction(code, checks)


def _careful_instruction(code: bytes, checks: int) -> Found | None:
    row, instruction = careful.row(code, checks), first(code)
    if row is None or instruction is None:
        return None
    name, length = form_of(instruction.form).mnemonic, instruction.size
    if row.trap is not None:
        trap = row.trap
        return Found(name, lambda _cpu, _length: trap, length, True, False)
    execute: Execute = partial(executor(row.executor), code=code)
    accesses = instruction.key & MEMORY or (checks & careful.ALIGNMENT and form_of(instruction.form).accesses_memory)
    if accesses and row.executor not in _LOOKS_ITSELF:
        execute = partial(aligned.then, code=code, execute=execute)
    counts = row.executor not in _IN_THE_ENGINE
    return Found(name, execute, length, True, False, counts=counts, traps=row.executor == "int1")


def own_instruction(code: bytes) -> Found | None:
    """The instruction of arch.own_instructions at the start of `code`."""
    decoded = own_encodings.decoded(code)
    if decoded is None:
        return None
    row, length, register = decoded
    execute = executor(row.mnemonic)
    if register is not None:
        execute = partial(execute, register=register)
    then_ours = row.falls_through and own_encodings.decoded(code[length:]) is not None
    return Found(row.mnemonic, execute, length, row.local, then_ours, register)
