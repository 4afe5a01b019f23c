"""Guest memory as a debugger reads it: no faults, no rights asked, nothing brought in."""

from __future__ import annotations

from kernel_model.mm import Mm
from pffemu.arch.paging import PAGE_SIZE
from pffemu.errors import UsageError
from pffemu.machine.machine import Machine
from pffemu.machine.memory import GuestMemory


def read(machine: Machine, mm: Mm, address: int, size: int) -> bytes:
    """Up to `size` bytes: it ends where nothing is. Anonymous memory nobody has touched is 0, unless userfaultfd's."""
    data = b""
    while size > 0:
        length = min(size, PAGE_SIZE - address % PAGE_SIZE)
        piece = read_present(machine, mm, address, length)
        if piece is None:
            vma = mm.vmas.find(address)
            if vma is None or vma.file is not None or vma.uffd is not None:
                break
            piece = bytes(length)
        data += piece
        address, size = address + length, size - length
    return data


def read_present(machine: Machine, mm: Mm, address: int, size: int) -> bytes | None:
    """None where a page is missing."""
    if address + size > 1 << 47:
        return None
    try:
        return GuestMemory(machine.ram, mm, machine.cpus).read(address, size)
    except UsageError:
        return None
