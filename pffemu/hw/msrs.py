"""RDMSR and WRMSR in ring 0 (SDM vol. 4): the value of each register, and every #GP.

The kernel model calls these; in ring 3 the instructions are #GP, whatever the register.
"""

from __future__ import annotations

from typing import Final

from pffemu.arch import apic_regs, msrs
from pffemu.arch.exceptions import GP
from pffemu.arch.paging import is_canonical
from pffemu.arch.registers import MASK64
from pffemu.arch.uitt import USER_VECTORS
from pffemu.arch.upid import ALIGNMENT as UPID_ALIGNMENT
from pffemu.hw import apic_access
from pffemu.hw.cpu import Cpu
from pffemu.hw.trap import Trap

_TT_RESERVED: Final = 0xE
_APIC_MODE: Final = msrs.APIC_BASE_EN | msrs.APIC_BASE_EXTD


def rdmsr(cpu: Cpu, msr: int) -> int | Trap:
    """The 64-bit value, or #GP for a register this machine does not have."""
    if msrs.X2APIC_BASE <= msr < msrs.X2APIC_END:
        return apic_access.rdmsr(cpu, msr)
    state = cpu.uintr
    match msr:
        case msrs.IA32_TSC:
            return cpu.clock
        case msrs.IA32_APIC_BASE:
            return _apic_base(cpu)
        case msrs.IA32_TSC_DEADLINE:
            return cpu.apic.timer.tsc_deadline
        case msrs.IA32_UINTR_RR:
            return state.uirr
        case msrs.IA32_UINTR_HANDLER:
            return state.handler
        case msrs.IA32_UINTR_STACKADJUST:
            return state.stackadjust
        case msrs.IA32_UINTR_MISC:
            return state.uittsz | state.uinv << msrs.MISC_UINV_SHIFT
        case msrs.IA32_UINTR_PD:
            return state.upidaddr
        case msrs.IA32_UINTR_TT:
            return state.uittaddr | (msrs.TT_ENABLE if state.uitt_enabled else 0)
        case msrs.IA32_UFAULT_HANDLER if cpu.options.user_faults:
            return cpu.user_faults.handler
        case msrs.KB_TIMER_CONFIG:
            return cpu.kb_timer.user_vector | (msrs.KB_TIMER_ENABLE if cpu.kb_timer.enabled else 0)
        case msrs.KB_TIMER_DEADLINE:
            return cpu.kb_timer.deadline
        case msrs.KB_TIMER_PERIOD:
            return cpu.kb_timer.period
    return Trap(GP)


def wrmsr(cpu: Cpu, msr: int, value: int) -> Trap | None:
    """Write the unsigned 64-bit `value`; #GP, without a change, for reserved bits and non-canonical addresses."""
    if not 0 <= value <= MASK64:
        raise ValueError(f"{value:#x} is not an unsigned 64-bit value")
    if msrs.X2APIC_BASE <= msr < msrs.X2APIC_END:
        return apic_access.wrmsr(cpu, msr, value)
    if msrs.IA32_UINTR_RR <= msr <= msrs.IA32_UINTR_TT:
        return _write_uintr(cpu, msr, value)
    match msr:
        case msrs.IA32_APIC_BASE:
            return _write_apic_base(cpu, value)
        case msrs.IA32_TSC_DEADLINE:
            cpu.apic.timer.write_tsc_deadline(value)
        case msrs.IA32_UFAULT_HANDLER if cpu.options.user_faults and is_canonical(value):
            cpu.user_faults.handler = value
        case msrs.KB_TIMER_CONFIG:
            if value & ~(msrs.KB_TIMER_ENABLE | USER_VECTORS - 1):
                return Trap(GP)
            cpu.kb_timer.enabled = bool(value & msrs.KB_TIMER_ENABLE)
            cpu.kb_timer.user_vector = value & USER_VECTORS - 1
        case msrs.KB_TIMER_DEADLINE:
            cpu.kb_timer.deadline = value
        case msrs.KB_TIMER_PERIOD:
            cpu.kb_timer.period = value
        case _:
            return Trap(GP)
    cpu.plan()
    return None


def _write_uintr(cpu: Cpu, msr: int, value: int) -> Trap | None:
    state = cpu.uintr
    # SDM wrmsr.1
    match msr:
        case msrs.IA32_UINTR_RR:
            state.uirr = value
        case msrs.IA32_UINTR_HANDLER if is_canonical(value):
            state.handler = value
        case msrs.IA32_UINTR_STACKADJUST if is_canonical(value):
            state.stackadjust = value
        case msrs.IA32_UINTR_MISC if not value >> msrs.MISC_UINV_SHIFT + 8:
            state.uittsz, state.uinv = value & 0xFFFF_FFFF, value >> msrs.MISC_UINV_SHIFT
        case msrs.IA32_UINTR_PD if is_canonical(value) and not value % UPID_ALIGNMENT:
            state.upidaddr = value
        case msrs.IA32_UINTR_TT if is_canonical(value) and not value & _TT_RESERVED:
            state.uittaddr, state.uitt_enabled = value & ~0xF, bool(value & msrs.TT_ENABLE)
        case _:
            return Trap(GP)
    return None


def _apic_base(cpu: Cpu) -> int:
    mode = (msrs.APIC_BASE_EN if cpu.apic.enabled else 0) | (msrs.APIC_BASE_EXTD if cpu.apic.x2apic else 0)
    return apic_regs.APIC_BASE | mode | (msrs.APIC_BASE_BSP if cpu.index == 0 else 0)


def _write_apic_base(cpu: Cpu, value: int) -> Trap | None:
    """IA32_APIC_BASE (SDM vol. 3, "x2APIC state transitions"). The page cannot be moved: #GP, on this machine only."""
    if (value ^ _apic_base(cpu)) & ~_APIC_MODE:
        return Trap(GP)
    apic = cpu.apic
    enabled, x2apic = bool(value & msrs.APIC_BASE_EN), bool(value & msrs.APIC_BASE_EXTD)
    if x2apic and not (enabled and apic.enabled):
        return Trap(GP)  # EXTD without EN, or straight from disabled
    if apic.x2apic and enabled and not x2apic:
        return Trap(GP)  # x2APIC mode can be left only by disabling the APIC
    if apic.enabled and not enabled:
        cpu.reset_apic()
    apic = cpu.apic
    apic.enabled, apic.x2apic = enabled, x2apic
    cpu.plan()
    return None
