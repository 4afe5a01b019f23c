"""CLOCK_REALTIME in virtual time: it starts at a fixed date, so that no wall clock enters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu

EPOCH: Final = 1_735_689_600 * 10**9  # ns; 2025-01-01 UTC: CLOCK_REALTIME at reset


def realtime(cpu: Cpu) -> int:
    """Nanoseconds of CLOCK_REALTIME now."""
    return EPOCH + cpu.profile.to_ns(cpu.clock)
