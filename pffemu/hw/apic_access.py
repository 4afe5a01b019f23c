"""The local APIC's registers as software sees them: the xAPIC page, and x2APIC mode's MSRs (SDM vol. 3, "APIC").

`read_register` and `write_register` implement offsets, reserved bits and side effects for both interfaces.
The page: naturally aligned 32-bit accesses at multiples of 16 bytes; any other access reads 0 and does nothing, and an
offset without a register also sets ESR's "illegal register address". The MSRs: #GP for those and for reserved bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pffemu.arch import apic_regs as reg
from pffemu.arch.exceptions import GP
from pffemu.arch.msrs import X2APIC_BASE
from pffemu.arch.uitt import USER_VECTORS
from pffemu.hw.trap import Trap

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu

_ALL: Final = 0xFFFF_FFFF
# bits that software may set; the others read 0, and are #GP in an x2APIC write
_LVT_BITS: Final = {
    reg.LVT_CMCI: 0x1_07FF,
    reg.LVT_THERMAL: 0x1_07FF,
    reg.LVT_PERFORMANCE: 0x1_07FF,
    reg.LVT_LINT0: 0x1_A7FF,
    reg.LVT_LINT1: 0x1_A7FF,
    reg.LVT_ERROR: 0x1_00FF,
}
_TIMER_BITS: Final = 0x7_00FF
_BOTH_WRITABLE: Final = {
    reg.TPR: 0xFF,
    reg.EOI: 0,
    reg.ESR: 0,
    reg.LVT_TIMER: _TIMER_BITS,
    reg.TIMER_INITIAL: _ALL,
    reg.TIMER_DIVIDE: 0xB,
    **_LVT_BITS,
    **{bank + i: _ALL for bank in (reg.FORWARDING_ENABLED, reg.FORWARDING_ACTIVE) for i in range(0, reg.BANK, 16)},
    reg.VECTOR_MAP_INDEX: 0xFF,
    reg.VECTOR_MAP_DATA: USER_VECTORS - 1,
}
_XAPIC_WRITABLE: Final = {
    **_BOTH_WRITABLE,
    reg.LDR: 0xFF00_0000,
    reg.DFR: _ALL,
    reg.SVR: reg.SVR_MASK,
    reg.ICR: reg.ICR_LOW_MASK,
    reg.ICR_HIGH: 0xFF00_0000,
}
_X2APIC_WRITABLE: Final = {
    **_BOTH_WRITABLE,
    reg.SVR: reg.SVR_ENABLE | 0xFF,
    reg.ICR: _ALL << 32 | reg.ICR_LOW_MASK,
    reg.SELF_IPI: 0xFF,
}
_XAPIC_ONLY: Final = (reg.APR, reg.RRD, reg.DFR, reg.ICR_HIGH)
_READ_ONLY: Final = (reg.ID, reg.VERSION, reg.PPR, reg.LDR, reg.TIMER_CURRENT, reg.APR, reg.RRD)


class ApicPage:
    """The xAPIC page of one core, as a device on its bus."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu

    def read(self, offset: int, size: int) -> int:
        apic = self._cpu.apic
        if not apic.enabled or apic.x2apic:
            return (1 << 8 * size) - 1  # no device answers: all ones
        if size != 4 or offset % reg.STRIDE:
            return 0
        value = read_register(self._cpu, offset)
        if value is None:
            apic.report(reg.ESR_ILLEGAL_REGISTER)
        return value or 0

    def write(self, offset: int, size: int, value: int) -> None:
        apic = self._cpu.apic
        if not apic.enabled or apic.x2apic or size != 4 or offset % reg.STRIDE:
            return
        allowed = _XAPIC_WRITABLE.get(offset)
        if allowed is not None:
            write_register(self._cpu, offset, value & allowed)
        elif read_register(self._cpu, offset) is None:
            apic.report(reg.ESR_ILLEGAL_REGISTER)


def rdmsr(cpu: Cpu, msr: int) -> int | Trap:
    """RDMSR of 0x800 to 0x8FF. #GP outside x2APIC mode, and where there is no readable register."""
    offset = msr - X2APIC_BASE << 4
    if not cpu.apic.x2apic or offset in (reg.EOI, reg.SELF_IPI):
        return Trap(GP)
    value = read_register(cpu, offset)
    return Trap(GP) if value is None else value


def wrmsr(cpu: Cpu, msr: int, value: int) -> Trap | None:
    """WRMSR to 0x800 to 0x8FF. #GP outside x2APIC mode, where there is no writable register, and for reserved bits."""
    offset = msr - X2APIC_BASE << 4
    allowed = _X2APIC_WRITABLE.get(offset)
    if not cpu.apic.x2apic or allowed is None or value & ~allowed:
        return Trap(GP)
    write_register(cpu, offset, value)
    return None


def read_register(cpu: Cpu, offset: int) -> int | None:
    """The register at xAPIC `offset` as the current mode shows it, without side effects; None: there is none."""
    apic = cpu.apic
    for bank, bits in (
        (reg.ISR, apic.isr),
        (reg.TMR, apic.tmr),
        (reg.IRR, apic.irr),
        (reg.FORWARDING_ENABLED, apic.forwarding_enabled),
        (reg.FORWARDING_ACTIVE, apic.forwarding_active),
    ):
        if bank <= offset < bank + reg.BANK:
            return bits >> (offset - bank) * 2 & _ALL
    if apic.x2apic and offset in _XAPIC_ONLY:
        return None
    if offset in apic.lvt:
        return apic.lvt[offset]
    match offset:
        case reg.ID:
            return apic.apic_id if apic.x2apic else apic.apic_id << 24 & _ALL
        case reg.VERSION:
            return reg.VERSION_VALUE
        case reg.TPR:
            return apic.tpr
        case reg.PPR:
            return apic.ppr
        case reg.APR | reg.RRD | reg.EOI:
            return 0
        case reg.LDR:
            return apic.ldr
        case reg.DFR:
            return apic.dfr
        case reg.SVR:
            return apic.svr
        case reg.ESR:
            return apic.esr
        case reg.ICR:
            return apic.icr if apic.x2apic else apic.icr & _ALL
        case reg.ICR_HIGH:
            return apic.icr >> 32
        case reg.VECTOR_MAP_INDEX:
            return apic.map_index
        case reg.VECTOR_MAP_DATA:
            return apic.user_vector[apic.map_index]
    return _read_timer(cpu, offset)


def _read_timer(cpu: Cpu, offset: int) -> int | None:
    timer = cpu.apic.timer
    match offset:
        case reg.LVT_TIMER:
            return timer.lvt
        case reg.TIMER_INITIAL:
            return timer.initial
        case reg.TIMER_CURRENT:
            return timer.current(cpu.clock)
        case reg.TIMER_DIVIDE:
            return timer.divide
    return None


def write_register(cpu: Cpu, offset: int, value: int) -> None:
    """Write `value`, which has allowed bits only, to a writable register of the current mode, with its side effects."""
    apic = cpu.apic
    for name, bank in (("forwarding_enabled", reg.FORWARDING_ENABLED), ("forwarding_active", reg.FORWARDING_ACTIVE)):
        if bank <= offset < bank + reg.BANK:
            shift = (offset - bank) * 2
            setattr(apic, name, getattr(apic, name) & ~(_ALL << shift) | value << shift)
            return
    if offset in apic.lvt:
        apic.lvt[offset] = value if apic.software_enabled else value | reg.LVT_MASKED
        return
    match offset:
        case reg.TPR:
            apic.tpr = value
        case reg.EOI:
            apic.eoi()
        case reg.LDR:
            apic.xapic_ldr = value
        case reg.DFR:
            apic.dfr = value | 0x0FFF_FFFF
        case reg.SVR:
            _write_svr(cpu, value)
        case reg.ESR:
            apic.esr, apic.errors = apic.errors, 0
        case reg.ICR:
            apic.icr = value if apic.x2apic else apic.icr & ~_ALL | value
            cpu.interconnect.send_icr(cpu, apic.icr)
        case reg.ICR_HIGH:
            apic.icr = apic.icr & _ALL | value << 32
        case reg.SELF_IPI:
            if value < reg.LOWEST_VECTOR:
                apic.report(reg.ESR_SEND_ILLEGAL_VECTOR)
            else:
                cpu.interconnect.send_self(cpu, value)
        case reg.VECTOR_MAP_INDEX:
            apic.map_index = value
        case reg.VECTOR_MAP_DATA:
            apic.user_vector[apic.map_index] = value
        case _:
            _write_timer(cpu, offset, value)
    cpu.plan()


def _write_timer(cpu: Cpu, offset: int, value: int) -> None:
    timer = cpu.apic.timer
    match offset:
        case reg.LVT_TIMER:
            timer.write_lvt(value if cpu.apic.software_enabled else value | reg.LVT_MASKED, cpu.clock)
        case reg.TIMER_INITIAL:
            timer.write_initial(value, cpu.clock)
        case reg.TIMER_DIVIDE:
            timer.write_divide(value, cpu.clock)


def _write_svr(cpu: Cpu, value: int) -> None:
    """Write the spurious-interrupt vector register: software-disabling masks every LVT entry."""
    apic = cpu.apic
    apic.svr = value
    if not value & reg.SVR_ENABLE:
        apic.timer.write_lvt(apic.timer.lvt | reg.LVT_MASKED, cpu.clock)
        for offset in apic.lvt:
            apic.lvt[offset] |= reg.LVT_MASKED
