"""One core's local APIC: requested vectors, vectors in service, and priority (SDM vol. 3, "APIC").

Also the interrupt-forwarding registers (xUI; PFF-UINTR applies them to vector 14). `forwarding_enabled[v]`: vector v
may be forwarded on this core. `forwarding_active[v]`: it belongs to the running thread; the kernel switches it with the
thread. The map gives the user vector that the handler sees (default: v mod 64).
The registers that software sees are in hw.apic_access. Not modelled: SMI, INIT and start-up (the kernel model starts
cores), ExtINT, focus processor checking.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pffemu.arch import apic_regs as reg
from pffemu.arch.uitt import USER_VECTORS
from pffemu.hw.apic_timer import ApicTimer

_PLAIN_LVT = (
    reg.LVT_CMCI, reg.LVT_THERMAL, reg.LVT_PERFORMANCE, reg.LVT_LINT0, reg.LVT_LINT1, reg.LVT_ERROR
)  # fmt: skip


@dataclass(slots=True)
class LocalApic:
    """An APIC in reset state: xAPIC mode, software-disabled. Bit sets are 256-bit integers, bit v for vector v."""

    apic_id: int = 0
    enabled: bool = True  # IA32_APIC_BASE.EN
    x2apic: bool = False  # IA32_APIC_BASE.EXTD
    tpr: int = 0
    xapic_ldr: int = 0
    dfr: int = 0xFFFF_FFFF
    svr: int = 0xFF
    irr: int = 0
    isr: int = 0
    tmr: int = 0
    esr: int = 0
    errors: int = 0  # since the last write of ESR
    icr: int = 0
    nmi: bool = False  # pending
    lvt: dict[int, int] = field(default_factory=lambda: dict.fromkeys(_PLAIN_LVT, reg.LVT_MASKED))
    timer: ApicTimer = field(default_factory=ApicTimer)
    forwarding_enabled: int = 0
    forwarding_active: int = 0
    user_vector: list[int] = field(default_factory=lambda: [vector % USER_VECTORS for vector in range(256)])
    map_index: int = 0

    # -- identity ---------------------------------------------------------------------------------------------------

    @property
    def ndst(self) -> int:
        """The value of a UPID's NDST that reaches this core in the current mode."""
        return self.apic_id if self.x2apic else self.apic_id << 8 & 0xFF00

    @property
    def ldr(self) -> int:
        """The logical id: derived in x2APIC mode, written in xAPIC mode."""
        return self.apic_id >> 4 << 16 | 1 << (self.apic_id & 15) if self.x2apic else self.xapic_ldr

    def is_addressed(self, destination: int, logical: bool) -> bool:
        """Whether a message to `destination`, in the format of this APIC's mode, is for this APIC."""
        if not self.enabled:
            return False
        if self.x2apic:
            if destination == reg.BROADCAST_X2APIC:
                return True
            if not logical:
                return destination == self.apic_id
            return destination >> 16 == self.ldr >> 16 and destination & self.ldr & 0xFFFF != 0
        if not logical:
            return destination in (self.apic_id, reg.BROADCAST_XAPIC)
        own = self.xapic_ldr >> 24
        if self.dfr >> 28 == 0xF:  # flat
            return destination & own != 0
        return (destination >> 4 == 0xF or destination >> 4 == own >> 4) and destination & own & 0xF != 0

    # -- interrupts ---------------------------------------------------------------------------------------------------

    @property
    def software_enabled(self) -> bool:
        return self.enabled and bool(self.svr & reg.SVR_ENABLE)

    def request(self, vector: int, level: bool = False) -> None:
        """Set IRR[vector]: edge-triggered unless `level`. An illegal vector is an error instead."""
        if not self.software_enabled:
            return
        if vector < reg.LOWEST_VECTOR:
            self.report(reg.ESR_RECEIVED_ILLEGAL_VECTOR)
            return
        self.irr |= 1 << vector
        self.tmr = self.tmr | 1 << vector if level else self.tmr & ~(1 << vector)

    def report(self, error: int) -> None:
        """Set an ESR bit, and raise the error interrupt unless its LVT entry masks it."""
        self.errors |= error
        entry = self.lvt[reg.LVT_ERROR]
        if not entry & reg.LVT_MASKED and entry & 0xFF >= reg.LOWEST_VECTOR and self.software_enabled:
            self.irr |= 1 << (entry & 0xFF)

    @property
    def ppr(self) -> int:
        """Processor priority (SDM vol. 3, "task and processor priorities")."""
        in_service = max(0, self.isr.bit_length() - 1)
        return self.tpr if self.tpr >> 4 >= in_service >> 4 else in_service & 0xF0

    def deliverable(self) -> int | None:
        """The highest requested vector if its class is above PPR's, else None."""
        if not self.irr:
            return None
        vector = self.irr.bit_length() - 1
        return vector if vector >> 4 > self.ppr >> 4 else None

    def acknowledge(self) -> int:
        """Move the deliverable vector, which must exist, from IRR to ISR, and return it."""
        vector = self.irr.bit_length() - 1
        self.irr &= ~(1 << vector)
        self.isr |= 1 << vector
        return vector

    def eoi(self) -> None:
        """End of interrupt: clear the highest vector in ISR."""
        if self.isr:
            self.isr &= ~(1 << self.isr.bit_length() - 1)

    # -- forwarding ---------------------------------------------------------------------------------------------------

    def is_enabled(self, vector: int) -> bool:
        return bool(self.forwarding_enabled >> vector & 1)

    def is_active(self, vector: int) -> bool:
        return bool(self.forwarding_active >> vector & 1)
