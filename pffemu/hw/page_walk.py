"""The 4-level page walk (SDM vol. 3, 4.5 to 4.8), written once for the TLB, the frame push and the kernel model.

Plain functions over flat state: `ram` is guest RAM as signed 64-bit words, so that numba can compile them and Python
runs them unchanged. A table outside RAM reads as not present.
"""

from __future__ import annotations

from typing import Any, Final

from pffemu.arch.paging import (
    PTE_A,
    PTE_ADDRESS,
    PTE_D,
    PTE_P,
    PTE_PS,
    PTE_RESERVED,
    PTE_U,
    PTE_W,
    RESERVED_1G,
    RESERVED_2M,
)

# an access, as error-code bits W, U and I (arch.pagefault), without P and RSVD
WRITE: Final = 2
USER: Final = 4
FETCH: Final = 16
_P_FAULT: Final = 1
_RSVD_FAULT: Final = 8

OK: Final = -1  # the third result of `walk` when there is no fault


def reserved_bits(level: int, entry: int) -> int:
    """Bits of `entry` that must be zero at this level (3: PML4E ... 0: PTE)."""
    if level == 3:
        return PTE_RESERVED | PTE_PS
    if entry & PTE_PS == 0 or level == 0:
        return PTE_RESERVED
    return PTE_RESERVED | (RESERVED_1G if level == 2 else RESERVED_2M)


def walk(ram: Any, words: int, root: int, address: int, access: int, update: bool) -> tuple[int, int, int]:
    """Translate signed `address` for `access` (WRITE | USER | FETCH) under the page-table `root` (CR3).

    Returns (physical address of the 4 KiB page, entry, error code or OK). When granted, `entry` is the leaf with W and
    U as all levels together allow; when refused, the entry that refused. With `update`, sets A on the way and D on a
    write, as the CPU does; without, reads only.
    """
    table = (root & PTE_ADDRESS) >> 3
    writable = user = PTE_W | PTE_U
    no_execute = 0
    level = 3
    while True:
        index = table + ((address >> (12 + 9 * level)) & 511)
        entry = ram[index] if index < words else 0
        if entry & PTE_P == 0:
            return 0, entry, access
        if entry & reserved_bits(level, entry):
            return 0, entry, access | _P_FAULT | _RSVD_FAULT
        writable &= entry
        user &= entry
        no_execute |= entry < 0
        if level == 0 or entry & PTE_PS:
            break
        if update and entry & PTE_A == 0:
            ram[index] = entry | PTE_A
        table = (entry & PTE_ADDRESS) >> 3
        level -= 1
    if (
        (access & WRITE and writable & PTE_W == 0)
        or (access & USER and user & PTE_U == 0)
        or (access & FETCH and no_execute)
    ):
        return 0, entry, access | _P_FAULT
    if update:
        dirty = PTE_D if access & WRITE else 0
        if entry & (PTE_A | dirty) != PTE_A | dirty:
            entry |= PTE_A | dirty
            ram[index] = entry
    offset = (address >> 12) & ((1 << (9 * level)) - 1)
    frame = (entry & PTE_ADDRESS & ~((1 << (12 + 9 * level)) - 1)) | (offset << 12)
    return frame, (entry & ~(PTE_W | PTE_U)) | (writable & PTE_W) | (user & PTE_U), OK


def permissions(entry: int, access: int) -> int:
    """TLB permissions (1 read, 2 write, 4 execute) for the effective `entry` of a granted walk.

    Write is granted only once D is set, so that the first store comes back to set it; execute only to a fetch,
    because Unicorn tracks stores to pages it may execute (8 times slower).
    """
    if access & FETCH:
        return 5
    return 3 if entry & (PTE_W | PTE_D) == PTE_W | PTE_D else 1
