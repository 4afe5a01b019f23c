"""Pane: everything that decides whether a core's next fault or interrupt goes to ring 3."""

from __future__ import annotations

from rich.text import Text

from pffemu.arch.exceptions import PF
from pffemu.debug.panes import NAME, QUIET
from pffemu.hw.cpu import Cpu
from pffemu.machine.symbols import SymbolTable


def uintr(cpu: Cpu, symbols: SymbolTable) -> Text:
    state, apic = cpu.uintr, cpu.apic
    adjust = f"load {state.stackadjust & ~1:#x}" if state.stackadjust & 1 else f"subtract {state.stackadjust}"
    rows = (  # what matters most to a fault comes first: a small pane ends early
        ("#PF goes to", _fault_goes_to(cpu), ""),
        ("UIF", str(int(state.uif)), "ring 3 takes faults and interrupts" if state.uif else "held back"),
        ("UIHANDLER", f"{state.handler:#x}", symbols.describe(state.handler) if state.handler else "none"),
        ("UISTACKADJUST", f"{state.stackadjust:#x}", adjust),
        ("UIRR", f"{state.uirr:#x}", _bits(state.uirr)),
        ("forwarding_enabled", f"{apic.forwarding_enabled:#x}", _bits(apic.forwarding_enabled)),
        ("forwarding_active", f"{apic.forwarding_active:#x}", _bits(apic.forwarding_active)),
        ("CR4.UINTR", str(int(cpu.cr4_uintr)), ""),
        ("UINV", f"{state.uinv:#x}", ""),
        ("UPIDADDR", f"{state.upidaddr:#x}", ""),
        ("UITTADDR", f"{state.uittaddr:#x}", f"{state.uittsz + 1} entries" if state.uitt_enabled else "off"),
        ("IRR", f"{apic.irr:#x}", _bits(apic.irr)),
        ("ISR", f"{apic.isr:#x}", _bits(apic.isr)),
    )
    text = Text()
    for name, value, note in rows:
        text.append(f"{name:<19}", NAME).append(value).append(f"  {note}" if note else "", QUIET).append("\n")
    return text


def _fault_goes_to(cpu: Cpu) -> str:
    """Where a fault in a region of this address space goes, by hw.forwarding's conditions that need no address."""
    missing = [
        name
        for name, holds in (
            ("CR4.UINTR", cpu.cr4_uintr),
            ("UIF", cpu.uintr.uif),
            ("forwarding_enabled[14]", cpu.apic.is_enabled(PF)),
            ("forwarding_active[14]", cpu.apic.is_active(PF)),
        )
        if not holds
    ]
    if missing:
        return f"the kernel ({missing[0]}=0)"
    return f"ring 3, user vector {cpu.apic.user_vector[PF]}"


def _bits(value: int) -> str:
    return ", ".join(str(bit) for bit in range(value.bit_length()) if value >> bit & 1)
