"""mseal (mm/mseal.c): areas that can be neither removed nor moved, and whose rights stay."""

from __future__ import annotations

from typing import Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call
from pffemu.arch.paging import PAGE_SIZE, pages_up

_U64: Final = 1 << 64


def mseal(call: Call, address: int, length: int, flags: int) -> int:
    """Seal [address, address + length), for good. Errors: EINVAL, ENOMEM (a hole; nothing is sealed then)."""
    size = pages_up(length) % _U64
    if flags or address % PAGE_SIZE or (length and not size) or address + size >= _U64:
        raise LinuxError(Errno.EINVAL)
    end, mm = address + size, call.mm
    if mm.vmas.contiguous_end(address, end) < end:
        raise LinuxError(Errno.ENOMEM)
    if size:
        for vma in mm.vmas.isolate(address, end):
            vma.sealed = True
        mm.vmas.merge(address, end)
    return 0
