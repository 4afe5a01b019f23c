"""Guest memory by virtual address, for tests and tools: without faults, A and D bits or checks of rights."""

from __future__ import annotations

import struct

from kernel_model.mm.mm import Mm
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_P, page_of
from pffemu.arch.registers import MASK64
from pffemu.errors import UsageError
from pffemu.hw.cpu import Cpu
from pffemu.hw.ram import Ram


class GuestMemory:
    """The loaded process's address space."""

    def __init__(self, ram: Ram, mm: Mm, cpus: list[Cpu]) -> None:
        self._ram, self._mm, self._cpus = ram, mm, cpus

    def read(self, address: int, size: int) -> bytes:
        """Raises UsageError where no page is present."""
        return b"".join(bytes(self._ram.octets[start:end]) for start, end in self._pieces(address, size))

    def write(self, address: int, data: bytes) -> None:
        """Writes even where the guest may only read, and into code; a shared private page is copied first.

        Raises UsageError where no page is present.
        """
        done, copied = 0, False
        self._pieces(address, len(data))
        for page in range(page_of(address), address + len(data), PAGE_SIZE):
            vma, entry = self._mm.vmas.find(page), self._mm.pages.entry(page)
            if vma is not None and self._mm.is_shared(vma, entry):
                copied |= self._mm.unshare(vma, page, entry)
        if copied:
            for cpu in self._cpus:
                cpu.flush_tlb(code=True)  # TLBs and translated code are of the frames before
        for start, end in self._pieces(address, len(data)):
            self._ram.store(start, data[done : done + end - start])
            done += end - start

    def read_u64(self, address: int) -> int:
        return int(struct.unpack("<Q", self.read(address, 8))[0])

    def write_u64(self, address: int, value: int) -> None:
        self.write(address, struct.pack("<Q", value & MASK64))

    def is_present(self, address: int) -> bool:
        return bool(self._mm.pages.entry(page_of(address)) & PTE_P)

    def _pieces(self, address: int, size: int) -> list[tuple[int, int]]:
        pieces = []
        while size > 0:
            entry = self._mm.pages.entry(page_of(address))
            if not entry & PTE_P:
                raise UsageError(f"no page is present at {address:#x}", remedy="let the guest touch it first")
            length = min(size, PAGE_SIZE - address % PAGE_SIZE)
            start = (entry & PTE_ADDRESS) + address % PAGE_SIZE
            pieces.append((start, start + length))
            address, size = address + length, size - length
        return pieces
