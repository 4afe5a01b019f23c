"""PAGEDROP r64: as PAGEOUT, also for a dirty page, whose content is lost (F3 0F C7 /3)."""

from __future__ import annotations

from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import pageout
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int, register: int) -> Trap | None:
    """`register`: the operand's number."""
    return pageout.execute(cpu, length, register, drop=True)
