"""CPUID as this machine answers it (SDM vol. 2, CPUID): x86-64-v2, user interrupts, nothing Unicorn lacks.

No AVX (Unicorn has none), no RDRAND and RDSEED (host randomness), no XSAVE, no PKU (U3), no FSGSBASE.
"""

from __future__ import annotations

import struct
from typing import Final

from pffemu.arch.msrs import (
    CPUID_1_ECX_TSC_DEADLINE,
    CPUID_1_ECX_X2APIC,
    CPUID_7_0_EDX_UFAULT,
    CPUID_7_0_EDX_UINTR,
    CPUID_7_1_EDX_UIRET_UIF,
)
from pffemu.arch.paging import MAXPHYADDR

_VENDOR = struct.unpack("<3I", b"GenuineIntel")
_BRAND = b"pffemu user page-fault machine".ljust(48, b"\0")
_SIGNATURE = 0x000806F8  # family 6, model 143, stepping 8: the number of the first part with user interrupts

# leaf 1: SSE3 PCLMULQDQ SSSE3 CX16 SSE4.1 SSE4.2 POPCNT AES, x2APIC TSC-deadline
_LEAF1_ECX = 1 << 0 | 1 << 1 | 1 << 9 | 1 << 13 | 1 << 19 | 1 << 20 | 1 << 23 | 1 << 25
_LEAF1_ECX |= CPUID_1_ECX_X2APIC | CPUID_1_ECX_TSC_DEADLINE
# leaf 1: FPU DE PSE TSC MSR PAE CX8 APIC SEP PGE CMOV PAT CLFSH MMX FXSR SSE SSE2
_LEAF1_EDX = 0x0F8BA3FD & ~(1 << 28 | 1 << 27) & ~(1 << 7) & ~(1 << 12) & ~(1 << 14) & ~(1 << 17) | 1 << 16 | 1 << 19
_LEAF7_ECX = 1 << 2  # UMIP
_EXTENDED_ECX = 1 << 0  # LAHF/SAHF in 64-bit mode
_EXTENDED_EDX = 1 << 11 | 1 << 20 | 1 << 27 | 1 << 29  # SYSCALL NX RDTSCP LM

# the same features by their names in the instruction table (pffemu.asm.scan), with those of every x86-64 CPU
FEATURES: Final = frozenset({
    "INTEL8086", "INTEL186", "INTEL286", "INTEL386", "INTEL486", "X64", "CPUID", "FPU", "FPU287", "FPU387",
    "MULTIBYTENOP", "PAUSE", "RDPMC", "CX8", "CMOV", "CLFSH", "FXSR", "MMX", "MSR", "SEP", "SSE", "SSE2", "TSC",
    "SSE3", "SSSE3", "SSE4_1", "SSE4_2", "POPCNT", "PCLMULQDQ", "AES", "CMPXCHG16B", "UINTR", "SYSCALL", "RDTSCP",
})  # fmt: skip


def cpuid(
    leaf: int, subleaf: int, apic_id: int, flexible_uiret: bool, user_faults: bool = False
) -> tuple[int, int, int, int]:
    """(EAX, EBX, ECX, EDX); all zero for a leaf this machine does not have."""
    if leaf == 0:
        return 7, _VENDOR[0], _VENDOR[2], _VENDOR[1]
    if leaf == 1:
        return _SIGNATURE, apic_id << 24 | 8 << 8, _LEAF1_ECX, _LEAF1_EDX
    if leaf == 7 and subleaf == 0:
        # SDM enumeration.1
        return 1, 0, _LEAF7_ECX, CPUID_7_0_EDX_UINTR | (CPUID_7_0_EDX_UFAULT if user_faults else 0)
    if leaf == 7 and subleaf == 1:
        return 0, 0, 0, CPUID_7_1_EDX_UIRET_UIF if flexible_uiret else 0  # SDM enumeration.2
    if leaf == 0x8000_0000:
        return 0x8000_0008, 0, 0, 0
    if leaf == 0x8000_0001:
        return 0, 0, _EXTENDED_ECX, _EXTENDED_EDX
    if 0x8000_0002 <= leaf <= 0x8000_0004:
        a, b, c, d = struct.unpack_from("<4I", _BRAND, 16 * (leaf - 0x8000_0002))
        return a, b, c, d
    if leaf == 0x8000_0008:
        return 48 << 8 | MAXPHYADDR, 0, 0, 0
    return 0, 0, 0, 0
