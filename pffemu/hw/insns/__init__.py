"""The UINTR instructions, one file each: guards first, then the manual's pseudo-code. Here: which bytes are which."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from pffemu.arch.exceptions import GP, UD
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import clui, senduipi, settimer, stui, testui, uiret
from pffemu.hw.trap import Trap

Execute = Callable[[Cpu, int], Trap | None]  # (core, length): a trap leaves the state untouched


class Found(NamedTuple):
    """`local`: nothing but this core's own state changes, so no other core can tell when it happened."""

    execute: Execute
    length: int
    local: bool


_BY_LAST_BYTE: Final[dict[int, Execute]] = {
    0xEC: uiret.execute,
    0xED: testui.execute,
    0xEE: clui.execute,
    0xEF: stui.execute,
}
_BY_EXTENSION: Final[dict[int, Callable[..., Trap | None]]] = {  # ModRM bits 7:3
    0b11_100: partial(settimer.execute, periodic=False),
    0b11_101: partial(settimer.execute, periodic=True),
    0b11_110: senduipi.execute,
}


_WHY: Final = {  # (function, vector) -> what the user should know
    (uiret.execute, GP): "UIRET to a RIP that is not canonical",
    (senduipi.execute, GP): "SENDUIPI with an index or an entry that is not valid",
    (senduipi.execute, UD): "SENDUIPI by a thread that is registered nowhere as a sender",
    (settimer.execute, UD): "the kernel has not enabled this thread's kernel-bypass timer",
}


def why(found: Found, trap: Trap) -> str:
    """Words for the message about the instruction's trap; empty when there is nothing to add."""
    function = found.execute.func if isinstance(found.execute, partial) else found.execute
    return _WHY.get((function, trap.vector), "")


def find(code: bytes) -> Found | None:
    """The instruction `code` starts with; None: not one of these.

    F3 [REX] 0F 01 EC..EF, and F3 [REX] 0F C7 /4, /5, /6 with a register.
    """
    if code[:1] != b"\xf3":
        return None
    rex = code[1] if len(code) > 1 and code[1] & 0xF0 == 0x40 else 0
    at = 2 if rex else 1
    if len(code) < at + 3:
        return None
    opcode, last = code[at : at + 2], code[at + 2]
    if opcode == b"\x0f\xc7" and last >> 3 in _BY_EXTENSION:
        return Found(partial(_BY_EXTENSION[last >> 3], register=(rex & 1) << 3 | last & 7), at + 3, False)
    if opcode != b"\x0f\x01":
        return None
    execute = _BY_LAST_BYTE.get(last)
    return Found(execute, at + 3, True) if execute is not None else None
