"""The value of a watched place, read without faults, checks of rights or page-ins."""

from __future__ import annotations

from kernel_model.mm.mm import Mm
from pffemu.errors import UsageError
from pffemu.machine.machine import Machine
from pffemu.machine.memory import GuestMemory


def read_present(machine: Machine, mm: Mm, address: int, size: int) -> bytes | None:
    """The bytes; None where a page is missing."""
    if address + size > 1 << 47:
        return None
    try:
        return GuestMemory(machine.ram, mm, machine.cpus).read(address, size)
    except UsageError:
        return None
