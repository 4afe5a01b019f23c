"""Bare cores on one interconnect, without a kernel: what tests of interrupts need."""

from __future__ import annotations

from typing import Any

from pffemu.arch import apic_regs as reg
from pffemu.arch import msrs
from pffemu.arch.paging import PAGE_SIZE, PTE_A, PTE_D, PTE_P, PTE_U, PTE_W
from pffemu.events.bus import EventBus
from pffemu.hw.cpu import Cpu
from pffemu.hw.cpu_options import CpuOptions
from pffemu.hw.interconnect import Interconnect
from pffemu.hw.msrs import wrmsr
from pffemu.hw.ram import Ram
from pffemu.hw.uffd_regions import RegionTable

# the address space of `cores`: one page table, whose 512 pages start at MAPPED; page i is frame FRAMES + i
MAPPED = 0xFFFF_8000_0000_0000  # supervisor, writable
MAPPED_PAGES = 16
USER_PAGE = MAPPED + 12 * PAGE_SIZE  # user, writable
READ_ONLY_PAGE = MAPPED + 13 * PAGE_SIZE
MISSING_PAGE = MAPPED + 14 * PAGE_SIZE
FRAMES = 0x10_000


def cores(count: int = 1, *, x2apic: bool = True, **options: Any) -> list[Cpu]:
    """Software-enabled APICs, in x2APIC mode unless told otherwise; every event is in `cpu.bus.counts`."""
    ram, bus, interconnect = Ram(1 << 20), EventBus(), Interconnect()
    made = [Cpu(i, ram, RegionTable(), bus, CpuOptions(**options), interconnect) for i in range(count)]
    root = _page_tables(ram)
    for cpu in made:
        cpu.mmu.fill.root = root
        cpu.cr4_uintr = True
        cpu.apic.svr = reg.SVR_ENABLE | 0xFF
        if x2apic:
            assert wrmsr(cpu, msrs.IA32_APIC_BASE, apic_base(cpu) | msrs.APIC_BASE_EXTD) is None
    return made


def _page_tables(ram: Ram) -> int:
    root = 0x1000
    for level, table in enumerate((0x1000, 0x2000, 0x3000)):
        index = 256 if level == 0 else 0
        ram.words[table // 8 + index] = table + 0x1000 | PTE_P | PTE_W | PTE_U
    for i in range(MAPPED_PAGES):
        address = MAPPED + i * PAGE_SIZE
        flags = {USER_PAGE: PTE_P | PTE_W | PTE_U, READ_ONLY_PAGE: PTE_P, MISSING_PAGE: 0}.get(address, PTE_P | PTE_W)
        ram.words[0x4000 // 8 + i] = FRAMES + i * PAGE_SIZE | flags
    return root


def physical(address: int) -> int:
    """The physical address of a mapped `address`."""
    return FRAMES + address - MAPPED


def peek(cpu: Cpu, address: int, size: int) -> bytes:
    """Memory, read without checks of rights."""
    return bytes(cpu.mmu.ram.octets[physical(address) : physical(address) + size])


def poke(cpu: Cpu, address: int, data: bytes) -> None:
    cpu.mmu.ram.octets[physical(address) : physical(address) + len(data)] = data


def page_entry_flags(cpu: Cpu, address: int) -> int:
    """A and D of the page's entry."""
    return cpu.mmu.ram.words[0x4000 // 8 + (address - MAPPED) // PAGE_SIZE] & (PTE_A | PTE_D)


def apic_base(cpu: Cpu) -> int:
    """IA32_APIC_BASE in xAPIC mode."""
    return reg.APIC_BASE | msrs.APIC_BASE_EN | (msrs.APIC_BASE_BSP if cpu.index == 0 else 0)


def msr_of(offset: int) -> int:
    return msrs.X2APIC_BASE + (offset >> 4)


def run_arrivals(cpu: Cpu) -> None:
    """The core idles until every message on its way to it is there, and lets them in."""
    from pffemu.hw import interrupts

    if cpu.arrivals:
        cpu.wait_until(cpu.arrivals[-1].time)
    interrupts.collect(cpu)
