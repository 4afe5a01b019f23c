"""The UINTR instructions, one file each: guards first, then the manual's pseudo-code. Here: which bytes are which."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import clui, senduipi, stui, testui, uiret
from pffemu.hw.trap import Trap

Execute = Callable[[Cpu, int], Trap | None]  # (core, length): a trap leaves the state untouched

_BY_LAST_BYTE: Final[dict[int, Execute]] = {
    0xEC: uiret.execute,
    0xED: testui.execute,
    0xEE: clui.execute,
    0xEF: stui.execute,
}


def find(code: bytes) -> tuple[Execute, int] | None:
    """The instruction `code` starts with and its length; None: not one of these.

    F3 [REX] 0F 01 EC..EF, and F3 [REX] 0F C7 /6 with a register.
    """
    if code[:1] != b"\xf3":
        return None
    rex = code[1] if len(code) > 1 and code[1] & 0xF0 == 0x40 else 0
    at = 2 if rex else 1
    if len(code) < at + 3:
        return None
    opcode, last = code[at : at + 2], code[at + 2]
    if opcode == b"\x0f\xc7" and last & 0xF8 == 0xF0:
        return partial(senduipi.execute, register=(rex & 1) << 3 | last & 7), at + 3
    if opcode != b"\x0f\x01":
        return None
    execute = _BY_LAST_BYTE.get(last)
    return (execute, at + 3) if execute is not None else None
