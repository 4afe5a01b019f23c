"""4-level paging: entry bits and geometry (SDM vol. 3, 4.5), canonical addresses (vol. 1, 3.3.7.1)."""

from __future__ import annotations

from typing import Final

PAGE_SHIFT: Final = 12
PAGE_SIZE: Final = 1 << PAGE_SHIFT
PAGE_MASK: Final = ~(PAGE_SIZE - 1)

# entries are *signed* 64-bit integers, so that numba and Python agree; NX is the sign bit
PTE_P: Final = 1 << 0
PTE_W: Final = 1 << 1
PTE_U: Final = 1 << 2
PTE_A: Final = 1 << 5
PTE_D: Final = 1 << 6
PTE_PS: Final = 1 << 7
PTE_UFFD: Final = 1 << 58  # pff: the later TUM design marks userfaultfd PTEs here ("UPF bit")
PTE_NX: Final = -(1 << 63)

MAXPHYADDR: Final = 46
PTE_ADDRESS: Final = ((1 << 52) - 1) & ~0xFFF
PTE_RESERVED: Final = ((1 << 52) - 1) & ~((1 << MAXPHYADDR) - 1)
RESERVED_2M: Final = 0x1FE000  # bits 20:13 of a PDE that maps 2 MiB
RESERVED_1G: Final = 0x3FFFE000  # bits 29:13 of a PDPTE that maps 1 GiB

USER_END: Final = 0x7FFF_FFFF_F000  # Linux's TASK_SIZE: one guard page below the canonical hole


def is_canonical(address: int) -> bool:
    """True when bits 63:47 of the unsigned 64-bit `address` are all equal."""
    return address >> 47 in (0, 0x1FFFF)


def page_of(address: int) -> int:
    return address & PAGE_MASK


def pages_up(length: int) -> int:
    """`length` bytes rounded up to whole pages, in bytes."""
    return (length + PAGE_SIZE - 1) & PAGE_MASK
