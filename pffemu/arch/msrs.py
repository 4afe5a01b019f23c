"""Model-specific registers, CR4 and CPUID bits that this machine has (SDM vol. 4; vol. 3, user interrupts)."""

from __future__ import annotations

from typing import Final

IA32_TSC: Final = 0x10
IA32_APIC_BASE: Final = 0x1B
APIC_BASE_BSP: Final = 1 << 8
APIC_BASE_EXTD: Final = 1 << 10  # x2APIC mode
APIC_BASE_EN: Final = 1 << 11

IA32_TSC_DEADLINE: Final = 0x6E0

X2APIC_BASE: Final = 0x800  # MSR of an APIC register = base + (xAPIC offset >> 4)
X2APIC_END: Final = 0x900

IA32_UINTR_RR: Final = 0x985
IA32_UINTR_HANDLER: Final = 0x986
IA32_UINTR_STACKADJUST: Final = 0x987
IA32_UINTR_MISC: Final = 0x988
IA32_UINTR_PD: Final = 0x989
IA32_UINTR_TT: Final = 0x98A

IA32_UFAULT_HANDLER: Final = 0x99E  # UserFault (KrakOS)

MISC_UINV_SHIFT: Final = 32  # UITTSZ in 31:0, UINV in 39:32
MISC_UIF: Final = 1 << 63  # in the XSAVE image only
TT_ENABLE: Final = 1 << 0  # SENDUIPI may be used; 3:1 reserved, 63:4 UITTADDR

# xUI's kernel-bypass timer. PFF-UINTR's gem5 has its timer block at these numbers; the layout is ours.
KB_TIMER_CONFIG: Final = 0x990  # user vector in 5:0, enable in bit 31
KB_TIMER_DEADLINE: Final = 0x991  # TSC of the next expiry; 0: not armed
KB_TIMER_PERIOD: Final = 0x992  # cycles; 0: one-shot
KB_TIMER_ENABLE: Final = 1 << 31

XSAVE_UINTR_COMPONENT: Final = 14  # IA32_XSS bit, supervisor state component
XSAVE_UINTR_SIZE: Final = 48  # bytes

CR4_TSD: Final = 1 << 2
CR4_UINTR: Final = 1 << 25
CR4_UFAULT: Final = 1 << 26  # UserFault (KrakOS)

CPUID_1_ECX_X2APIC: Final = 1 << 21
CPUID_1_ECX_TSC_DEADLINE: Final = 1 << 24
CPUID_7_0_EDX_UINTR: Final = 1 << 5
CPUID_7_0_EDX_UFAULT: Final = 1 << 6  # UserFault (KrakOS)
CPUID_7_1_EDX_UIRET_UIF: Final = 1 << 17  # flexible UIRET
