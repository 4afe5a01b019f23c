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
    decoded = senduipi.decode(code)
    if decoded is not None:
        return partial(senduipi.execute, register=decoded[0]), decoded[1]
    at = 2 if len(code) > 1 and code[1] & 0xF0 == 0x40 else 1
    if code[at : at + 2] != b"\x0f\x01" or len(code) < at + 3:
        return None
    execute = _BY_LAST_BYTE.get(code[at + 2])
    return (execute, at + 3) if execute is not None else None
