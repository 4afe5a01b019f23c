"""The local APIC's interrupt-forwarding registers (xUI, applied by PFF-UINTR to vector 14). Offsets: arch.apic_regs.

`forwarding_enabled[v]`: vector v may be forwarded on this core. `forwarding_active[v]`: it belongs to the thread that
runs now; the kernel switches it with the thread. The map says which user vector the handler sees (default: v mod 64).
Reached as xAPIC MMIO or as x2APIC MSRs; other APIC registers read 0 and ignore writes.
"""

from __future__ import annotations

from pffemu.arch import apic_regs as reg
from pffemu.arch.msrs import X2APIC_BASE

USER_VECTORS = 64
_BANK = 8 * reg.STRIDE  # eight 32-bit registers


class LocalApic:
    """One core's. The two bit sets are 256-bit integers, bit v for vector v."""

    def __init__(self) -> None:
        self.forwarding_enabled = 0
        self.forwarding_active = 0
        self.user_vector = [vector % USER_VECTORS for vector in range(256)]
        self._index = 0

    def is_enabled(self, vector: int) -> bool:
        return bool(self.forwarding_enabled >> vector & 1)

    def is_active(self, vector: int) -> bool:
        return bool(self.forwarding_active >> vector & 1)

    def read(self, offset: int, size: int) -> int:
        """32-bit load at xAPIC `offset`."""
        if size != 4 or offset % reg.STRIDE:
            return 0
        if reg.FORWARDING_ENABLED <= offset < reg.FORWARDING_ENABLED + _BANK:
            return self.forwarding_enabled >> _shift(offset - reg.FORWARDING_ENABLED) & 0xFFFF_FFFF
        if reg.FORWARDING_ACTIVE <= offset < reg.FORWARDING_ACTIVE + _BANK:
            return self.forwarding_active >> _shift(offset - reg.FORWARDING_ACTIVE) & 0xFFFF_FFFF
        if offset == reg.VECTOR_MAP_INDEX:
            return self._index
        return self.user_vector[self._index] if offset == reg.VECTOR_MAP_DATA else 0

    def write(self, offset: int, size: int, value: int) -> None:
        """32-bit store at xAPIC `offset`."""
        if size != 4 or offset % reg.STRIDE:
            return
        if reg.FORWARDING_ENABLED <= offset < reg.FORWARDING_ENABLED + _BANK:
            self.forwarding_enabled = _replaced(self.forwarding_enabled, offset - reg.FORWARDING_ENABLED, value)
        elif reg.FORWARDING_ACTIVE <= offset < reg.FORWARDING_ACTIVE + _BANK:
            self.forwarding_active = _replaced(self.forwarding_active, offset - reg.FORWARDING_ACTIVE, value)
        elif offset == reg.VECTOR_MAP_INDEX:
            self._index = value & 0xFF
        elif offset == reg.VECTOR_MAP_DATA:
            self.user_vector[self._index] = value % USER_VECTORS

    def rdmsr(self, msr: int) -> int:
        return self.read((msr - X2APIC_BASE) << 4, 4)

    def wrmsr(self, msr: int, value: int) -> None:
        self.write((msr - X2APIC_BASE) << 4, 4, value)


def _shift(offset: int) -> int:
    return offset // reg.STRIDE * 32


def _replaced(bits: int, offset: int, value: int) -> int:
    shift = _shift(offset)
    return bits & ~(0xFFFF_FFFF << shift) | (value & 0xFFFF_FFFF) << shift
