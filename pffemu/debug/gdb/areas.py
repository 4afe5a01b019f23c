"""The area of memory around an address, mapped or free, for lldb's qMemoryRegionInfo."""

from __future__ import annotations

from kernel_model.abi.uapi import PROT_EXEC, PROT_READ, PROT_WRITE
from kernel_model.files.proc.maps import name_of
from kernel_model.task.task import Process
from pffemu.arch.paging import USER_END
from pffemu.debug.gdb.target import Area

_LETTERS = (("r", PROT_READ), ("w", PROT_WRITE), ("x", PROT_EXEC))


def area_at(process: Process, address: int) -> Area:
    """Behind user space: one free area up to the end of all addresses."""
    areas = list(process.mm.vmas)
    start, end = (0, USER_END) if address < USER_END else (USER_END, 1 << 64)
    for vma in areas:
        if vma.start <= address < vma.end:
            rights = "".join(letter for letter, bit in _LETTERS if vma.prot & bit)
            return Area(vma.start, vma.end, rights, name_of(process, vma))
        if vma.end <= address:
            start = max(start, vma.end)
        else:
            end = min(end, vma.start)
    return Area(start, end, None)
