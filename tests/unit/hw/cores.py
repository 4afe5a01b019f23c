"""Bare cores on one interconnect, without a kernel: what tests of interrupts need."""

from __future__ import annotations

from typing import Any

from pffemu.arch import apic_regs as reg
from pffemu.arch import msrs
from pffemu.events import EventBus
from pffemu.hw.cpu import Cpu, CpuOptions
from pffemu.hw.interconnect import Interconnect
from pffemu.hw.msrs import wrmsr
from pffemu.hw.ram import Ram
from pffemu.hw.uffd_regions import RegionTable


def cores(count: int = 1, *, x2apic: bool = True, **options: Any) -> list[Cpu]:
    """Software-enabled APICs, in x2APIC mode unless told otherwise; every event is in `cpu.bus.counts`."""
    ram, bus, interconnect = Ram(1 << 20), EventBus(), Interconnect()
    made = [Cpu(i, ram, RegionTable(), bus, CpuOptions(**options), interconnect) for i in range(count)]
    for cpu in made:
        cpu.apic.svr = reg.SVR_ENABLE | 0xFF
        if x2apic:
            assert wrmsr(cpu, msrs.IA32_APIC_BASE, apic_base(cpu) | msrs.APIC_BASE_EXTD) is None
    return made


def apic_base(cpu: Cpu) -> int:
    """IA32_APIC_BASE in xAPIC mode."""
    return reg.APIC_BASE | msrs.APIC_BASE_EN | (msrs.APIC_BASE_BSP if cpu.index == 0 else 0)


def msr_of(offset: int) -> int:
    return msrs.X2APIC_BASE + (offset >> 4)
