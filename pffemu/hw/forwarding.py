"""The forwarding decision: every condition for forwarding a page fault to ring 3, with its name in the trace."""

from __future__ import annotations

from typing import Final, NamedTuple

from pffemu.arch.exceptions import PF
from pffemu.arch.pagefault import RSVD, U
from pffemu.arch.rflags import IF
from pffemu.events.details import ConditionChecked
from pffemu.events.fields import Label
from pffemu.hw.cpu import Cpu
from pffemu.hw.mmu import UffdLookup
from pffemu.hw.trap import Trap


class Decision(NamedTuple):
    forward: bool
    reason: Label


FORWARD: Final = Decision(True, Label("all conditions hold"))
NOT_CPL3: Final = Decision(False, Label("CPL is not 3"))
NO_CR4: Final = Decision(False, Label("CR4.UINTR=0"))
NO_UIF: Final = Decision(False, Label("UIF=0"))
NO_IF: Final = Decision(False, Label("RFLAGS.IF=0"))
NOT_ENABLED: Final = Decision(False, Label("forwarding_enabled[14]=0"))
NOT_ACTIVE: Final = Decision(False, Label("forwarding_active[14]=0"))
RESERVED_BIT: Final = Decision(False, Label("reserved bit set"))
NO_REGION: Final = Decision(False, Label("no UFFD region of this address space"))
NOT_COVERED: Final = Decision(False, Label("region's mode does not cover this fault"))

CONDITIONS: Final = {  # condition, in the order of `decide` -> the decision when it does not hold
    Label("CPL = 3"): NOT_CPL3,
    Label("CR4.UINTR = 1"): NO_CR4,
    Label("UIF = 1"): NO_UIF,
    Label("RFLAGS.IF = 1"): NO_IF,
    Label("forwarding_enabled[14] = 1"): NOT_ENABLED,
    Label("forwarding_active[14] = 1"): NOT_ACTIVE,
    Label("no reserved bit"): RESERVED_BIT,
    Label("in a UFFD region of this address space"): NO_REGION,
    Label("the region's mode covers this fault"): NOT_COVERED,
}


def decide(cpu: Cpu, fault: Trap, rflags: int) -> Decision:
    """Forward the fault if every condition holds, else it is an ordinary #PF. Code is always 64-bit here."""
    if not fault.error_code & U:
        return NOT_CPL3
    if not cpu.cr4_uintr:
        return NO_CR4
    if not cpu.uintr.uif:
        return NO_UIF
    if not rflags & IF:
        return NO_IF
    if not cpu.apic.is_enabled(PF):
        return NOT_ENABLED
    if not cpu.apic.is_active(PF):
        return NOT_ACTIVE
    if fault.error_code & RSVD:
        return RESERVED_BIT
    if cpu.mmu.lookup is UffdLookup.RANGES:
        cpu.charge("cpu.region.compare")
    region = cpu.mmu.check_region(fault)
    if region.by_entry:
        cpu.charge("cpu.region.pte")
    if not region.inside:
        return NO_REGION
    return FORWARD if region.covered else NOT_COVERED


def tell(cpu: Cpu, decision: Decision) -> None:
    """Send the conditions of `decide` to the detail listeners, one by one, up to the one that decided."""
    for condition, refusal in CONDITIONS.items():
        cpu.detail(ConditionChecked, condition, int(decision is not refusal))
        if decision is refusal:
            return
