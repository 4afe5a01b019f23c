"""Model-specific registers, CR4 and CPUID bits that this machine has (SDM vol. 4; vol. 3, user interrupts)."""

from __future__ import annotations

from typing import Final

IA32_UINTR_RR: Final = 0x985
IA32_UINTR_HANDLER: Final = 0x986
IA32_UINTR_STACKADJUST: Final = 0x987

X2APIC_BASE: Final = 0x800  # MSR of an APIC register = base + (xAPIC offset >> 4)

CR4_UINTR: Final = 1 << 25

CPUID_7_0_EDX_UINTR: Final = 1 << 5
CPUID_7_1_EDX_UIRET_UIF: Final = 1 << 17  # flexible UIRET
