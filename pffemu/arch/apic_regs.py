"""Local APIC offsets of the interrupt-forwarding registers (xUI; PFF-UINTR uses vector 14).

The offsets are ours: neither xUI nor PFF-UINTR publishes any. They lie in a range the SDM leaves reserved.
"""

from __future__ import annotations

from typing import Final

APIC_BASE: Final = 0xFEE0_0000
APIC_SIZE: Final = 0x1000
STRIDE: Final = 0x10

FORWARDING_ENABLED: Final = 0x600  # 8 x 32 bits, one bit a vector
FORWARDING_ACTIVE: Final = 0x680  # 8 x 32 bits, one bit a vector
VECTOR_MAP_INDEX: Final = 0x700  # vector whose user vector VECTOR_MAP_DATA reads and writes
VECTOR_MAP_DATA: Final = 0x710  # user vector, 0 to 63
