"""UIRET: return from a user-interrupt handler (SDM vol. 2, UIRET). The handler has already popped the vector word.

Not modelled: CET shadow stacks, address monitoring.
"""

from __future__ import annotations

import struct
from typing import Final

from pffemu.arch.exceptions import AC, GP, SS, UD
from pffemu.arch.paging import is_canonical
from pffemu.arch.registers import MASK64
from pffemu.arch.rflags import AC as AC_FLAG
from pffemu.arch.rflags import ALWAYS_ONE, UIRET_MASK
from pffemu.events.faults import FORWARDED
from pffemu.events.fields import Label
from pffemu.events.hw import Resumed, Uiret
from pffemu.hw.careful import ALIGNMENT
from pffemu.hw.cpu import Cpu
from pffemu.hw.page_walk import USER
from pffemu.hw.trap import Trap

_FRAME: Final = struct.Struct("<3Q")
_WORD: Final = 8  # bytes


def execute(cpu: Cpu, _length: int) -> Trap | None:
    # SDM uiret.1
    if not cpu.cr4_uintr:
        return Trap(UD)
    _, rsp, rflags = cpu.rip_rsp_rflags.read()
    # SDM uiret.2
    frame = popped(cpu, rsp, rflags)
    if isinstance(frame, Trap):
        return frame
    new_rip, new_rflags, new_rsp = frame
    # SDM uiret.3
    if not is_canonical(new_rip):
        return Trap(GP)
    # SDM uiret.4
    cpu.rip_rsp_rflags.write(new_rip, new_rsp, rflags & ~UIRET_MASK | new_rflags & UIRET_MASK)
    # SDM uiret.5
    cpu.uintr.uif = not cpu.options.flexible_uiret or bool(new_rflags & ALWAYS_ONE)
    cpu.charge("cpu.uintr.uiret")
    returned(cpu, new_rip, rflags, new_rflags, int(cpu.uintr.uif), FORWARDED)
    return None


def returned(cpu: Cpu, rip: int, before: int, rflags: int, flag: int, path: Label) -> None:
    """The end of UIRET and UFRET, once registers and the flag are written. `before`: RFLAGS in the handler.

    `flag`: UIF or UFF. `path`: how the path of a fault begins that the handler may have resolved.
    """
    cpu.left_block()
    if (before ^ rflags) & AC_FLAG:
        cpu.check(ALIGNMENT, bool(rflags & AC_FLAG))
    fault, path = cpu.bus.faults.end_at(cpu.tid, rip, path)
    cpu.emit(Uiret, rip, flag, fault)
    if fault:
        cpu.charge("cpu.tlb_miss")  # the access that faulted is repeated
        cpu.emit(Resumed, rip, fault, path)


def popped(cpu: Cpu, rsp: int, rflags: int) -> list[int] | Trap:
    """RIP, RFLAGS and RSP from the stack, or the trap of the first word that cannot be popped.

    A list: to mypyc a Trap would be a tuple of three numbers, too.
    """
    frame = cpu.mmu.load(rsp, _FRAME.size, USER)
    if isinstance(frame, Trap) or (rsp % _WORD and rflags & AC_FLAG):
        frame = _pop(cpu, rsp, bool(rflags & AC_FLAG))
        if isinstance(frame, Trap):
            return frame
    return list(_FRAME.unpack(frame))


def _pop(cpu: Cpu, rsp: int, aligned: bool) -> bytes | Trap:
    """The frame, popped word by word, or the trap of the first word that cannot be popped.

    Every byte of a word must have a canonical address (#SS); then `aligned` (RFLAGS.AC is set; Linux sets CR0.AM) is
    checked before the page.
    """
    frame = b""
    for address in range(rsp, rsp + _FRAME.size, _WORD):
        first, last = address & MASK64, address + _WORD - 1 & MASK64
        if not is_canonical(first) or not is_canonical(last):
            return Trap(SS)
        if aligned and first % _WORD:
            return Trap(AC)
        word = cpu.mmu.load(first, _WORD, USER)
        if isinstance(word, Trap):
            return word
        frame += word
    return frame
