"""Instructions the machine executes in the engine's place, one file each: guards, then the manual's pseudo-code.

The UINTR instructions, which Unicorn does not know, and those of hw.careful. Here: which bytes are which.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final, NamedTuple

from pffemu.arch.exceptions import AC, GP, UD
from pffemu.asm.scan import MEMORY, first, form_of
from pffemu.hw import careful
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import (
    aligned,
    alone,
    clui,
    cmpxchg,
    enter,
    float_load,
    float_store,
    horizontal,
    int1,
    int_n,
    mmx,
    near_branch,
    nop,
    pcmpxstr,
    popf,
    segments,
    senduipi,
    settimer,
    sse_arithmetic,
    stui,
    testui,
    uiret,
    umip,
    unpack,
    x87,
)
from pffemu.hw.trap import Trap

Execute = Callable[[Cpu, int], Trap | None]  # (core, length): a trap leaves the state untouched


class Found(NamedTuple):
    """`register`: the operand's number. `local`: nothing but this core's own state changes, so no other core can tell
    when it happened. `then_ours`: the next instruction to run is one of these, too, as far as the bytes tell."""

    mnemonic: str
    execute: Execute
    length: int
    local: bool
    then_ours: bool
    register: int | None = None
    counts: bool = True  # the machine has to count it; the engine has counted what it ran
    traps: bool = False  # the exception it raises comes behind it


_BY_LAST_BYTE: Final[dict[int, tuple[str, Execute]]] = {
    0xEC: ("uiret", uiret.execute),
    0xED: ("testui", testui.execute),
    0xEE: ("clui", clui.execute),
    0xEF: ("stui", stui.execute),
}
_BY_EXTENSION: Final[dict[int, tuple[str, Callable[..., Trap | None]]]] = {  # ModRM bits 7:3
    0b11_100: ("settimer", partial(settimer.execute, periodic=False)),
    0b11_101: ("settimerp", partial(settimer.execute, periodic=True)),
    0b11_110: ("senduipi", senduipi.execute),
}
# by the name in a row of hw.careful
EXECUTORS: Final[dict[str, Callable[..., Trap | None]]] = {
    "aligned": aligned.execute,
    "alone": alone.execute,
    "cmpxchg": cmpxchg.execute,
    "enter": enter.execute,
    "float_load": float_load.execute,
    "float_store": float_store.execute,
    "horizontal": horizontal.execute,
    "int1": int1.execute,
    "int_n": int_n.execute,
    "mmx": mmx.execute,
    "near_branch": near_branch.execute,
    "nop": nop.execute,
    "pcmpxstr": pcmpxstr.execute,
    "popf": popf.execute,
    "segments": segments.execute,
    "sse_arithmetic": sse_arithmetic.execute,
    "system": umip.execute,
    "unpack": unpack.execute,
    "x87": x87.execute,
}
# these end with a run of the engine
_IN_THE_ENGINE: Final = frozenset({"aligned", "alone", "cmpxchg", "float_store", "mmx", "popf", "x87"})
_LOOKS_ITSELF: Final = frozenset({"aligned", "cmpxchg", "nop", "system", "x87"})  # at its operands, or never
_REPEAT: Final = b"\xf2\xf3"
_WITHOUT_MEANING: Final = b"\x66\x67\x26\x2e\x36\x3e\x64\x65"  # operand size, address size, segments
_NO_TIMER: Final = "the kernel has not enabled this thread's kernel-bypass timer"
_WHY: Final = {  # (mnemonic, vector) -> what the user should know
    ("uiret", GP): "UIRET to a RIP that is not canonical",
    ("uiret", AC): "UIRET from a misaligned stack, with RFLAGS.AC set",
    ("senduipi", GP): "SENDUIPI with an index or an entry that is not valid",
    ("senduipi", UD): "SENDUIPI by a thread that is registered nowhere as a sender",
    ("settimer", UD): _NO_TIMER,
    ("settimerp", UD): _NO_TIMER,
}


def why(found: Found, trap: Trap) -> str:
    """Words for the message about the instruction's trap; empty when there is nothing to add."""
    return _WHY.get((found.mnemonic, trap.vector), "")


@lru_cache(maxsize=4096)
def find(code: bytes, checks: int = 0) -> Found | None:
    """The instruction `code` starts with; None: not one of these. `checks`: what the core looks at (hw.careful)."""
    return user_interrupt_instruction(code) or _careful_instruction(code, checks)


def _careful_instruction(code: bytes, checks: int) -> Found | None:
    row, instruction = careful.row(code, checks), first(code)
    if row is None or instruction is None:
        return None
    name, length = form_of(instruction.form).mnemonic, instruction.size
    if row.trap is not None:
        trap = row.trap
        return Found(name, lambda _cpu, _length: trap, length, True, False)
    execute: Execute = partial(EXECUTORS[row.executor], code=code)
    accesses = instruction.key & MEMORY or (checks & careful.ALIGNMENT and form_of(instruction.form).accesses_memory)
    if accesses and row.executor not in _LOOKS_ITSELF:
        execute = partial(aligned.then, code=code, execute=execute)
    counts = row.executor not in _IN_THE_ENGINE
    return Found(name, execute, length, True, False, counts=counts, traps=row.executor == "int1")


def user_interrupt_instruction(code: bytes) -> Found | None:
    """F3 [REX] 0F 01 EC..EF, and F3 [REX] 0F C7 /4, /5, /6 with a register."""
    at, rex = _prefixes(code)
    if not at or len(code) < at + 3:
        return None
    opcode, last = code[at : at + 2], code[at + 2]
    if opcode == b"\x0f\xc7" and last >> 3 in _BY_EXTENSION:
        mnemonic, execute = _BY_EXTENSION[last >> 3]
        register = (rex & 1) << 3 | last & 7
        return Found(mnemonic, partial(execute, register=register), at + 3, False, _is_ours(code[at + 3 :]), register)
    if opcode != b"\x0f\x01" or last not in _BY_LAST_BYTE:
        return None
    mnemonic, plain = _BY_LAST_BYTE[last]
    return Found(mnemonic, plain, at + 3, True, mnemonic != "uiret" and _is_ours(code[at + 3 :]))


def _is_ours(code: bytes) -> bool:
    return user_interrupt_instruction(code) is not None


def _prefixes(code: bytes) -> tuple[int, int]:
    """(how many there are, REX or 0); 0 of them unless F3 is the mandatory one, and without a LOCK.

    The last of F2 and F3 counts, REX only as the very last; others mean nothing (SDM vol. 2, "instruction format").
    """
    mandatory = rex = 0
    for at, octet in enumerate(code):
        if octet & 0xF0 == 0x40:
            rex = octet
        elif octet in _REPEAT:
            mandatory, rex = octet, 0
        elif octet in _WITHOUT_MEANING:
            rex = 0
        else:
            return (at, rex) if mandatory == 0xF3 else (0, 0)
    return 0, 0
