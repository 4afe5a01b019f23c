"""SETTIMERP r64: arm the thread's kernel-bypass timer periodically, as SETTIMER does once (F3 0F C7 /5)."""

from __future__ import annotations

from pffemu.hw.cpu import Cpu
from pffemu.hw.insns import settimer
from pffemu.hw.trap import Trap


def execute(cpu: Cpu, length: int, register: int) -> Trap | None:
    return settimer.execute(cpu, length, register, periodic=True)
