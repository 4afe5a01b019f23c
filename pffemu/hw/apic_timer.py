"""The local APIC's timer (SDM vol. 3, "APIC timer"): one-shot, periodic and TSC-deadline, on the core's virtual time.

It counts virtual cycles, divided as TIMER_DIVIDE says; the TSC is the core's clock. Several expiries before the core
takes the interrupt become one.
"""

from __future__ import annotations

from dataclasses import dataclass

from pffemu.arch import apic_regs as reg


@dataclass(slots=True)
class ApicTimer:
    """One core's timer. All times in virtual cycles of the core; `next_expiry` None: not running."""

    lvt: int = reg.LVT_MASKED
    initial: int = 0
    divide: int = 0  # the register: bits 3, 1, 0
    next_expiry: int | None = None

    @property
    def mode(self) -> int:
        return self.lvt >> reg.LVT_TIMER_MODE_SHIFT & 3

    @property
    def divisor(self) -> int:
        """Cycles per count: 2, 4, ... 128, 1 for the register's values 0 to 7."""
        return 1 << ((self.divide & 3 | self.divide >> 1 & 4) + 1 & 7)

    def due(self) -> int | None:
        """When the core must check the timer; None when it is stopped or masked."""
        return None if self.lvt & reg.LVT_MASKED else self.next_expiry

    def expire(self, now: int) -> bool:
        """Whether an interrupt is due at `now`; moves on to the next expiry."""
        if self.next_expiry is None or now < self.next_expiry:
            return False
        if self.mode == reg.TIMER_PERIODIC:
            period = self.initial * self.divisor
            self.next_expiry += ((now - self.next_expiry) // period + 1) * period
        else:
            self.next_expiry = None
        return not self.lvt & reg.LVT_MASKED

    def write_lvt(self, value: int, now: int) -> None:
        """Write the timer's LVT entry; a switch to or from TSC-deadline mode disarms the timer."""
        self.expire(now)  # an expiry while it was masked is lost
        before = self.mode
        self.lvt = value
        if (before == reg.TIMER_TSC_DEADLINE) != (self.mode == reg.TIMER_TSC_DEADLINE):
            self.next_expiry, self.initial = None, 0

    def write_initial(self, value: int, now: int) -> None:
        """Write the initial-count register: start, or with 0 stop; ignored in TSC-deadline mode."""
        if self.mode != reg.TIMER_TSC_DEADLINE:
            self.initial = value
            self.next_expiry = now + value * self.divisor if value else None

    def write_divide(self, value: int, now: int) -> None:
        """Write the divide register; the remaining count goes on at the new rate."""
        left = self.current(now)
        self.divide = value
        if self.next_expiry is not None and self.mode != reg.TIMER_TSC_DEADLINE:
            self.next_expiry = now + max(left, 1) * self.divisor

    def current(self, now: int) -> int:
        """The current-count register."""
        if self.next_expiry is None or self.mode == reg.TIMER_TSC_DEADLINE:
            return 0
        left = self.next_expiry - now
        if left <= 0 and self.mode == reg.TIMER_PERIODIC:
            left = left % (self.initial * self.divisor) or self.initial * self.divisor
        return max(0, -(-left // self.divisor))

    @property
    def tsc_deadline(self) -> int:
        """IA32_TSC_DEADLINE: 0 unless armed in that mode."""
        return self.next_expiry or 0 if self.mode == reg.TIMER_TSC_DEADLINE else 0

    def write_tsc_deadline(self, value: int) -> None:
        """Write IA32_TSC_DEADLINE: arm, or with 0 disarm; ignored in the other modes."""
        if self.mode == reg.TIMER_TSC_DEADLINE:
            self.next_expiry = value or None
