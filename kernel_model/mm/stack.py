"""Areas that grow down to hold an address below them (mm/mmap.c, expand_downwards)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.mm.vma import STACK_GAP
from pffemu.arch.paging import page_of

if TYPE_CHECKING:
    from kernel_model.mm.vma import Vma, VmaList

STACK_LIMIT: Final = 8 << 20  # bytes an area that grows down may reach: RLIMIT_STACK


def grow_stack(vmas: VmaList, address: int) -> Vma | None:
    """Grow an area down to hold `address`; None: no area may do so."""
    vma = stack_for(vmas, address)
    if vma is not None:
        vmas.move_start(vma, page_of(address))
    return vma


def stack_for(vmas: VmaList, address: int) -> Vma | None:
    """The area that may grow down to hold `address`."""
    vma = vmas.above(address)
    if vma is None or not vma.grows_down or vma.end - page_of(address) > STACK_LIMIT:
        return None
    below = vmas.below(address)
    if below is not None and below.prot and not below.grows_down and page_of(address) - below.end < STACK_GAP:
        return None
    return vma
