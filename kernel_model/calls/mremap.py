"""mremap (mm/mremap.c): grow, shrink or move mappings, with their pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from kernel_model.abi import mman
from kernel_model.abi.uapi import PROT_EXEC, PROT_WRITE, Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.calls import mlock_limit
from kernel_model.calls.memory import free_range, refuse_low, unmap
from kernel_model.calls.populate import bring_in_late
from kernel_model.mm.vma import MMAP_MIN, Vma
from kernel_model.uffd.events import after_events, follow_move
from kernel_model.uffd.messages import Event
from pffemu.arch.paging import PAGE_SIZE, USER_END, pages_up

_FLAGS: Final = mman.MREMAP_MAYMOVE | mman.MREMAP_FIXED | mman.MREMAP_DONTUNMAP


@dataclass(slots=True)
class _Remap:
    """One mremap: its arguments, and the userfaultfd events of its steps."""

    call: Call
    old: int
    old_length: int
    new_length: int
    flags: int
    new: int
    early: list[Event]  # of mappings removed at the target
    moved: list[Event]
    late: list[Event]  # of mappings removed at the source

    @property
    def names_address(self) -> bool:
        return bool(self.flags & (mman.MREMAP_FIXED | mman.MREMAP_DONTUNMAP))


_MOVES_BELOW: Final = mman.MAX_MAP_COUNT - 3  # areas with which a move, which may split three times, is refused


def mremap(call: Call, old: int, old_length: int, new_length: int, flags: int, new: int) -> int:
    """Resize or move; returns the mapping's address."""
    remap = _Remap(call, old, pages_up(old_length), pages_up(new_length), flags, new, [], [], [])
    _check(remap)
    if _find(remap).sealed:
        raise LinuxError(Errno.EPERM)
    if flags & mman.MREMAP_FIXED and remap.old_length == remap.new_length:
        result = _move_areas(remap)
    else:
        result = _remap_area(remap)
    return after_events(call, [*remap.early, *remap.moved, *remap.late], result)


def _check(remap: _Remap) -> None:
    bad = (
        remap.flags & ~_FLAGS
        or (remap.flags & mman.MREMAP_FIXED and not remap.flags & mman.MREMAP_MAYMOVE)
        or (remap.flags & mman.MREMAP_DONTUNMAP and not remap.flags & mman.MREMAP_MAYMOVE)
        or (remap.flags & mman.MREMAP_DONTUNMAP and remap.old_length != remap.new_length)
        or remap.old % PAGE_SIZE
        or remap.old_length > USER_END
        or not 0 < remap.new_length <= USER_END
    )
    if bad:
        raise LinuxError(Errno.EINVAL)
    if remap.names_address and (
        remap.new > USER_END - remap.new_length
        or remap.new % PAGE_SIZE
        or (remap.old < remap.new + remap.new_length and remap.new < remap.old + remap.old_length)
    ):
        raise LinuxError(Errno.EINVAL)


def _find(remap: _Remap) -> Vma:
    vma = remap.call.mm.vmas.find(remap.old)
    if vma is None:
        raise LinuxError(Errno.EFAULT)
    return vma


def _remap_area(remap: _Remap) -> int:
    """Remap one area, or a part of it."""
    call, old, old_length, new_length = remap.call, remap.old, remap.old_length, remap.new_length
    vma = _find(remap)
    if old_length == 0 and not vma.shared:
        raise LinuxError(Errno.EINVAL)
    shrinks = new_length < old_length
    if shrinks and not remap.names_address:
        remap.late += unmap(call, old + new_length, old + old_length)
        return old
    if new_length == old_length and not remap.names_address:
        return old
    if min(old_length, new_length) > vma.end - old:
        raise LinuxError(Errno.EFAULT)
    if new_length > old_length:
        _check_growth(remap, vma)
    if remap.names_address:
        return _move_to(remap)
    if old_length and old + old_length == vma.end and _grow(remap, vma):
        return old
    if not remap.flags & mman.MREMAP_MAYMOVE:
        raise LinuxError(Errno.ENOMEM)
    return _move(remap, vma, free_range(call, new_length), old_length, new_length)


def _check_growth(remap: _Remap, vma: Vma) -> None:
    """Raises LinuxError EAGAIN (more would be locked than may be), ENOMEM (an obvious overcommit)."""
    mlock_limit.check_new(remap.call, remap.new_length - remap.old_length, locked=vma.locked)
    counted = vma.reserved and not vma.shared and vma.prot & PROT_WRITE
    if counted and remap.new_length - remap.old_length > remap.call.mm.ram.size:
        raise LinuxError(Errno.ENOMEM)


def _grow(remap: _Remap, vma: Vma) -> bool:
    """Extend in place; False when the range behind is not free."""
    end = remap.old + remap.new_length
    if end > USER_END or remap.call.mm.vmas.overlapping(vma.end, end):
        return False
    start = vma.end
    remap.call.mm.vmas.move_end(vma, end)
    if vma.locked:
        bring_in_late(remap.call, vma, start, end)
    remap.call.mm.vmas.merge(vma.start, end)
    return True


def _move_to(remap: _Remap) -> int:
    """MREMAP_FIXED, MREMAP_DONTUNMAP: move to `new`; DONTUNMAP takes another address if that is not free."""
    call, length, new = remap.call, remap.old_length, remap.new
    if len(call.mm.vmas) + 2 >= _MOVES_BELOW:
        raise LinuxError(Errno.ENOMEM)
    if remap.flags & mman.MREMAP_FIXED:
        refuse_low(call, new)
        remap.early += unmap(call, new, new + remap.new_length)
    elif not new or new < MMAP_MIN or call.mm.vmas.overlapping(new, new + remap.new_length):
        new = free_range(call, remap.new_length)
    if remap.new_length < length:
        remap.late += unmap(call, remap.old + remap.new_length, remap.old + length)
        length = remap.new_length
    return _move(remap, _find(remap), new, length, remap.new_length)


def _move_areas(remap: _Remap) -> int:
    """Move all areas of the range to a fixed address, with the gaps between them; sizes stay."""
    call, end = remap.call, remap.old + remap.old_length
    first = _find(remap)
    areas = call.mm.vmas.overlapping(remap.old, end)
    if len(areas) > 1 and any(vma.uffd is not None for vma in areas):
        raise LinuxError(Errno.EFAULT)
    if first.end >= end:
        return _remap_area(remap)
    refuse_low(call, remap.new)
    spans = [(max(vma.start, remap.old), min(vma.end, end)) for vma in areas]
    for low, high in spans:
        piece, target = replace(remap, old=low), remap.new + low - remap.old
        remap.early += unmap(call, target, target + high - low)
        _move(piece, _find(piece), target, high - low, high - low)
    return remap.new


def _move(remap: _Remap, vma: Vma, new: int, old_length: int, new_length: int) -> int:
    """Map the area at `new`, move its pages there, and unmap the old one unless it must stay."""
    call, mm, old = remap.call, remap.call.mm, remap.old
    if len(mm.vmas) >= _MOVES_BELOW:
        raise LinuxError(Errno.ENOMEM)
    stays = bool(remap.flags & mman.MREMAP_DONTUNMAP) or old_length == 0
    displaced = vma.displaced + new - old if vma.is_anonymous and vma.anon else 0
    moved = replace(
        vma, start=new, end=new + new_length, offset=vma.offset + old - vma.start, uffd=None, uffd_mode=0,
        displaced=displaced,
    )  # fmt: skip
    mm.map(moved)
    target = mm.vmas.find(new)
    assert target is not None
    remap.moved += follow_move(call, vma, mm.vmas.isolate(new, new + new_length)[0], old, new, old_length)
    target = mm.vmas.isolate(new, new + new_length)[0]
    mm.move_pages(vma, target, old, new, old_length)
    mm.vmas.merge(new, new + new_length)
    if not stays:
        remap.late += unmap(call, old, old + old_length)
    elif old_length:
        for part in mm.vmas.isolate(old, old + old_length):
            part.locked = False
        mm.vmas.merge(old, old + old_length)
    if moved.locked and new_length > old_length:
        bring_in_late(call, moved, new + old_length, new + new_length)
    if moved.prot & PROT_EXEC:
        mm.code_changed = True
    return new
