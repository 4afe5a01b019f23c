"""Local APIC register offsets and fields (SDM vol. 3, "APIC"), and those of interrupt forwarding.

In x2APIC mode the register at xAPIC offset `o` is MSR 0x800 + (o >> 4), and the ICR is one 64-bit register.
The forwarding registers' offsets are pffemu's own, in a reserved range: neither xUI nor PFF-UINTR publishes any.
"""

from __future__ import annotations

from typing import Final

APIC_BASE: Final = 0xFEE0_0000
APIC_SIZE: Final = 0x1000
STRIDE: Final = 0x10
BANK: Final = 8 * STRIDE  # eight 32-bit registers: 256 bits, one a vector

ID: Final = 0x020  # xAPIC: id in 31:24; x2APIC: all 32 bits
VERSION: Final = 0x030
TPR: Final = 0x080
APR: Final = 0x090  # xAPIC only
PPR: Final = 0x0A0
EOI: Final = 0x0B0
RRD: Final = 0x0C0  # xAPIC only
LDR: Final = 0x0D0
DFR: Final = 0x0E0  # xAPIC only
SVR: Final = 0x0F0
ISR: Final = 0x100  # bank
TMR: Final = 0x180  # bank
IRR: Final = 0x200  # bank
ESR: Final = 0x280
LVT_CMCI: Final = 0x2F0
ICR: Final = 0x300
ICR_HIGH: Final = 0x310  # xAPIC only
LVT_TIMER: Final = 0x320
LVT_THERMAL: Final = 0x330
LVT_PERFORMANCE: Final = 0x340
LVT_LINT0: Final = 0x350
LVT_LINT1: Final = 0x360
LVT_ERROR: Final = 0x370
TIMER_INITIAL: Final = 0x380
TIMER_CURRENT: Final = 0x390
TIMER_DIVIDE: Final = 0x3E0
SELF_IPI: Final = 0x3F0  # x2APIC only

FORWARDING_ENABLED: Final = 0x600  # bank
FORWARDING_ACTIVE: Final = 0x680  # bank
VECTOR_MAP_INDEX: Final = 0x700  # vector whose user vector VECTOR_MAP_DATA reads and writes
VECTOR_MAP_DATA: Final = 0x710  # user vector, 0 to 63

# VERSION: integrated APIC, seven LVT entries (max entry 6), no EOI-broadcast suppression
VERSION_VALUE: Final = 0x14 | 6 << 16

SVR_ENABLE: Final = 1 << 8
SVR_FOCUS: Final = 1 << 9
SVR_MASK: Final = SVR_ENABLE | SVR_FOCUS | 0xFF

# ESR
ESR_SEND_ILLEGAL_VECTOR: Final = 1 << 5
ESR_RECEIVED_ILLEGAL_VECTOR: Final = 1 << 6
ESR_ILLEGAL_REGISTER: Final = 1 << 7

# ICR
ICR_VECTOR: Final = 0xFF
ICR_MODE_SHIFT: Final = 8  # three bits
ICR_LOGICAL: Final = 1 << 11
ICR_PENDING: Final = 1 << 12  # delivery status: xAPIC, read-only; always idle here
ICR_ASSERT: Final = 1 << 14
ICR_LEVEL: Final = 1 << 15
ICR_SHORTHAND_SHIFT: Final = 18  # two bits: none, self, all including self, all excluding self
ICR_LOW_MASK: Final = 0x000C_CFFF  # bits that a write to the low half sets
MODE_FIXED: Final = 0
MODE_LOWEST: Final = 1
MODE_SMI: Final = 2
MODE_NMI: Final = 4
MODE_INIT: Final = 5
MODE_STARTUP: Final = 6
MODE_EXTINT: Final = 7
BROADCAST_XAPIC: Final = 0xFF
BROADCAST_X2APIC: Final = 0xFFFF_FFFF

# LVT
LVT_MASKED: Final = 1 << 16
LVT_TIMER_MODE_SHIFT: Final = 17  # two bits
TIMER_ONE_SHOT: Final = 0
TIMER_PERIODIC: Final = 1
TIMER_TSC_DEADLINE: Final = 2

LOWEST_VECTOR: Final = 16  # 0 to 15 are illegal for interrupts
