"""Interrupt forwarding (xUI): which vectors the running thread owns, as the local APIC is told at context switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pffemu.arch import apic_regs
from pffemu.arch.exceptions import PF
from pffemu.arch.msrs import APIC_BASE_EN, APIC_BASE_EXTD, IA32_APIC_BASE, X2APIC_BASE
from pffemu.events import ForwardingSwitched
from pffemu.hw.msrs import rdmsr, wrmsr

if TYPE_CHECKING:
    from kernel_model.task import Task
    from pffemu.hw.cpu import Cpu

_ACTIVE_MSR: Final = X2APIC_BASE + (apic_regs.FORWARDING_ACTIVE >> 4)  # vectors 0 to 31
_ENABLED_MSR: Final = X2APIC_BASE + (apic_regs.FORWARDING_ENABLED >> 4)
PAGE_FAULT: Final = 1 << PF
_SPURIOUS_VECTOR: Final = 0xFF  # SPURIOUS_APIC_VECTOR


def enable(cpu: Cpu, forward_page_faults: bool) -> None:
    """At boot: x2APIC mode, CR4.UINTR, and whether vector 14 may be forwarded on this core."""
    base = rdmsr(cpu, IA32_APIC_BASE)
    assert isinstance(base, int)
    wrmsr(cpu, IA32_APIC_BASE, base | APIC_BASE_EN | APIC_BASE_EXTD)
    wrmsr(cpu, X2APIC_BASE + (apic_regs.SVR >> 4), apic_regs.SVR_ENABLE | _SPURIOUS_VECTOR)
    cpu.cr4_uintr = True
    wrmsr(cpu, _ENABLED_MSR, PAGE_FAULT if forward_page_faults else 0)


def activate(cpu: Cpu, task: Task) -> None:
    """`task` runs next on `cpu`: its vectors are active, and no others."""
    _switch(cpu, PAGE_FAULT if task.forward_page_faults else 0)


def leave(cpu: Cpu, task: Task) -> None:
    """Nothing runs in ring 3 until the next `activate`: interrupts are the kernel's. Page faults there are none."""
    _switch(cpu, cpu.apic.forwarding_active & PAGE_FAULT if task.forward_page_faults else 0)


def _switch(cpu: Cpu, wanted: int) -> None:
    """Write the registers that change."""
    changed = cpu.apic.forwarding_active ^ wanted
    bank = 0
    while changed:
        if changed & 0xFFFF_FFFF:
            wrmsr(cpu, _ACTIVE_MSR + bank, wanted >> 32 * bank & 0xFFFF_FFFF)
            for vector in range(32):
                if changed >> vector & 1:
                    cpu.emit(ForwardingSwitched, 32 * bank + vector, wanted >> 32 * bank + vector & 1)
        changed >>= 32
        bank += 1
