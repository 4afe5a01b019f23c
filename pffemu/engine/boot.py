"""Boots a core's engine: from reset into ring 3, with a TLB grown to the size that guests need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import unicorn
import unicorn.x86_const as x86
from unicorn.unicorn_py3.unicorn import uclib

from pffemu.arch.registers import GENERAL, USER_CS
from pffemu.engine.engine_page import (
    ENGINE_PAGE,
    ENGINE_PAGE_PA,
    GDT_LIMIT,
    IRET_FRAME_AT,
    IRETQ_AT,
    TOUCH,
    TOUCH_AT,
    UNTIL,
    page_content,
)
from pffemu.engine.registers import RegisterFile
from pffemu.errors import EngineError

_TLB_SMALLEST: Final = 256  # entries of a new softmmu TLB
_TLB_LARGE: Final = 8192


def map_engine_page(uc: Any) -> None:
    uc.mem_map(ENGINE_PAGE_PA, 0x1000, unicorn.UC_PROT_ALL)
    uc.mem_write(ENGINE_PAGE_PA, page_content())


def enter_user_mode(uc: Any, registers: RegisterFile) -> None:
    """Enter ring 3 by an IRETQ: writing CS would not change the CPL. Raises EngineError."""
    uc.reg_write(x86.UC_X86_REG_GDTR, (0, ENGINE_PAGE, GDT_LIMIT, 0))
    registers["rsp"] = ENGINE_PAGE + IRET_FRAME_AT
    status = uclib.uc_emu_start(uc._uch, ENGINE_PAGE + IRETQ_AT, UNTIL, 0, 0)
    if status or registers["cs"] != USER_CS:
        raise EngineError("cannot enter ring 3", remedy="install unicorn 2.1.4")


def grow_tlb(uc: Any, registers: RegisterFile, flush: Callable[[], None]) -> None:
    """Grow Unicorn's softmmu TLB, which grows when flushed while full: touch a page an entry, flush, repeat."""
    entries = _TLB_SMALLEST
    while entries < _TLB_LARGE:
        registers["rcx"] = entries
        status = uclib.uc_emu_start(uc._uch, ENGINE_PAGE + TOUCH_AT, ENGINE_PAGE + TOUCH_AT + len(TOUCH), 0, 0)
        if status:
            raise EngineError("cannot touch pages", remedy="install unicorn 2.1.4")
        flush()
        entries *= 2


def leave(registers: RegisterFile, flush: Callable[[], None]) -> None:
    """Remove all traces of the boot."""
    for name in GENERAL:
        registers[name] = 0
    registers["rip"] = UNTIL
    registers["rflags"] = 0x202
    flush()
