"""The system bus between local APICs: routing and timing of messages (SDM vol. 3, "issuing interprocessor interrupts").

A message arrives `cpu.ipi.flight` cycles after the sender's clock. The target takes it at its own clock or at the
arrival, whichever is later; an idle core wakes at the arrival. A core's message to itself arrives at once.
"""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from pffemu.arch import apic_regs as reg
from pffemu.events.hw import IpiSent

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu

NEVER: Final = 1 << 62  # virtual cycles


class Completion(Protocol):
    """A device whose `complete` is called when its message arrives."""

    def complete(self) -> None: ...


class Arrival(NamedTuple):
    """A message on its way to one core. `sequence` orders messages that arrive in the same cycle."""

    time: int
    sequence: int
    vector: int | None  # None: `device` raises no interrupt
    nmi: bool = False
    level: bool = False
    device: Completion | None = None


class Interconnect:
    """The bus. `sequence` counts actions that may wake a core: while it is unchanged, no new ones have come."""

    def __init__(self) -> None:
        self.cpus: list[Cpu] = []
        self.sequence = 0

    def send_to_id(self, sender: Cpu, vector: int, apic_id: int) -> None:
        """Send an ordinary IPI to a physical APIC id, as SENDUIPI does. An id that no core has: no effect."""
        if apic_id < len(self.cpus) and self.cpus[apic_id].apic.is_addressed(apic_id, False):
            self._deliver(
                sender, [self.cpus[apic_id]], vector
            )  # an id is the number of its core, so no other core has it
        else:
            self._deliver(sender, self._addressed(sender, apic_id, False), vector)

    def send_icr(self, sender: Cpu, icr: int) -> None:
        """Send what the 64-bit ICR asks for; its destination has the format of the sender's mode."""
        vector, mode = icr & reg.ICR_VECTOR, icr >> reg.ICR_MODE_SHIFT & 7
        if mode not in (reg.MODE_FIXED, reg.MODE_LOWEST, reg.MODE_NMI):
            return
        if mode != reg.MODE_NMI and vector < reg.LOWEST_VECTOR:
            sender.apic.report(reg.ESR_SEND_ILLEGAL_VECTOR)
            return
        shorthand = icr >> reg.ICR_SHORTHAND_SHIFT & 3
        if shorthand == 0:
            destination = icr >> 32 if sender.apic.x2apic else icr >> 56
            targets = self._addressed(sender, destination, bool(icr & reg.ICR_LOGICAL))
        else:
            targets = [cpu for cpu in self.cpus if (cpu is sender if shorthand == 1 else True) and cpu.apic.enabled]
            if shorthand == 3:
                targets.remove(sender)
        if mode == reg.MODE_LOWEST:  # software-disabled APICs take no part
            willing = sorted(targets, key=lambda cpu: (cpu.apic.ppr >> 4, cpu.index))
            targets = [cpu for cpu in willing if cpu.apic.software_enabled][:1]
        level = bool(icr & reg.ICR_LEVEL) and bool(icr & reg.ICR_ASSERT)
        self._deliver(sender, targets, vector, mode == reg.MODE_NMI, level)

    def send_self(self, sender: Cpu, vector: int) -> None:
        """Send an IPI to the sender itself (x2APIC's SELF IPI register)."""
        self._deliver(sender, [sender], vector)

    def signal_later(self, initiator: Cpu, apic_id: int, delay: int, vector: int | None, device: Completion) -> bool:
        """Let `device` complete, and raise `vector`, `delay` cycles after the initiator's clock.

        Returns False, without effect, when no core has this physical id.
        """
        for target in self.cpus:
            if target.apic.apic_id == apic_id:
                self.sequence += 1
                time = initiator.clock + delay
                insort(target.arrivals, Arrival(time, self.sequence, vector, device=device))
                target.event_at = min(target.event_at, time)
                return True
        return False

    def changed(self) -> None:
        """Note that a timer was armed, or another thing has changed that may wake an idle core."""
        self.sequence += 1

    def _addressed(self, sender: Cpu, destination: int, logical: bool) -> list[Cpu]:
        if sender.apic.x2apic:
            return [cpu for cpu in self.cpus if cpu.apic.is_addressed(destination, logical)]
        return [cpu for cpu in self.cpus if cpu.apic.is_addressed(destination & 0xFF, logical)]

    def _deliver(self, sender: Cpu, targets: list[Cpu], vector: int, nmi: bool = False, level: bool = False) -> None:
        for target in targets:
            self.sequence += 1
            time = sender.clock if target is sender else sender.clock + sender.cycles_of("cpu.ipi.flight")
            insort(target.arrivals, Arrival(time, self.sequence, vector, nmi, level))
            target.event_at = min(target.event_at, time)
            sender.emit(IpiSent, target.index, vector, time)
