"""copy_from_user and copy_to_user: supervisor accesses to user memory, with their page faults.

A page the kernel cannot bring in is EFAULT; one that userfaultfd must bring in puts the thread to sleep, and the
system call starts again. Such faults are never forwarded: the access is not made at CPL 3.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Final, TypeVar

from kernel_model.abi.files import PATH_MAX
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.mm import page_fault
from kernel_model.wait.queue import Blocked, Interruptible
from pffemu.arch.paging import PAGE_SIZE, PTE_A, PTE_D, PTE_P, PTE_U, PTE_W, USER_END, page_of
from pffemu.errors import OutOfGuestMemory
from pffemu.hw.fill import CODE
from pffemu.hw.page_walk import WRITE
from pffemu.hw.trap import Trap

if TYPE_CHECKING:
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu

_TABLE_SPAN: Final = 512 * PAGE_SIZE  # bytes one page table maps
_GRANTED: Final = PTE_P | PTE_U | PTE_A  # in an entry that a load does not change
_STORED: Final = PTE_W | PTE_D  # besides, in one that a store does not change

Struct = TypeVar("Struct", bound=ctypes.LittleEndianStructure)


class UserMemory:
    """User memory as the kernel reaches it on behalf of one thread on one core. Raises LinuxError EFAULT, Blocked."""

    def __init__(self, cpu: Cpu, task: Task) -> None:
        self._cpu, self._task = cpu, task

    def read(self, address: int, size: int, per_byte: str = "kernel.user_byte") -> bytes:
        """`size` bytes at `address`. `per_byte`: the cost charged for each."""
        self._cpu.charge("kernel.copy_from_user")
        self._cpu.charge(per_byte, size)
        octets = self._cpu.mmu.ram.octets
        if 0 < size <= PAGE_SIZE - address % PAGE_SIZE and address < USER_END:
            start = self._bring_in(address, 0)
            return bytes(octets[start : start + size])
        return b"".join(octets[start : start + length] for start, length in self.parts(address, size, 0))

    def write(self, address: int, data: bytes) -> None:
        """Writes all of `data` or, when it faults, nothing."""
        self._cpu.charge("kernel.copy_to_user")
        self._cpu.charge("kernel.user_byte", len(data))
        ram, done, size = self._cpu.mmu.ram, 0, len(data)
        if 0 < size <= PAGE_SIZE - address % PAGE_SIZE and address < USER_END:
            start = self._bring_in(address, WRITE)
            ram.octets[start : start + size] = data
            if ram.frames[start // PAGE_SIZE] & CODE:
                ram.forget_code(start // PAGE_SIZE)
            return
        for start, length in self.parts(address, size, WRITE):
            ram.store(start, data[done : done + length])
            done += length

    def read_path(self, address: int) -> bytes:
        """The string at `address` without its NUL. Raises LinuxError EFAULT, ENAMETOOLONG."""
        text = bytearray()
        while len(text) < PATH_MAX:
            size = PAGE_SIZE - address % PAGE_SIZE
            piece = self.read(address, size)
            end = piece.find(b"\0")
            text += piece if end < 0 else piece[:end]
            if end >= 0 and len(text) < PATH_MAX:
                return bytes(text)
            address += size
        raise LinuxError(Errno.ENAMETOOLONG)

    def read_string(self, address: int, limit: int) -> bytes:
        """The string at `address` without its NUL. Raises LinuxError EFAULT, E2BIG (longer than `limit`)."""
        text = bytearray()
        while len(text) <= limit:
            size = PAGE_SIZE - address % PAGE_SIZE
            piece, end, _ = self.read(address, size).partition(b"\0")
            text += piece
            if end:
                return bytes(text)
            address += size
        raise LinuxError(Errno.E2BIG)

    def read_struct(self, kind: type[Struct], address: int) -> Struct:
        return kind.from_buffer_copy(self.read(address, ctypes.sizeof(kind)))

    def write_struct(self, address: int, value: ctypes.LittleEndianStructure) -> None:
        self.write(address, bytes(value))

    def read_u32(self, address: int) -> int:
        return int.from_bytes(self.read(address, 4), "little")

    def write_u32(self, address: int, value: int) -> None:
        self.write(address, value.to_bytes(4, "little"))

    def fault_in_writable(self, address: int) -> None:
        """Bring in the aligned word at `address` for a store (Linux: fault_in_user_writeable).

        A page that only userfaultfd could bring in is EFAULT: the kernel holds a lock and cannot wait.
        """
        if address > USER_END - 4:
            raise LinuxError(Errno.EFAULT)
        self._bring_in(address, WRITE, may_wait=False)

    def parts(self, address: int, size: int, access: int) -> list[tuple[int, int]]:
        """(physical address, bytes) per page of [address, address + size), all brought in."""
        if address < 0 or size < 0 or address > USER_END or size > USER_END - address:
            raise LinuxError(Errno.EFAULT)
        parts: list[tuple[int, int]] = []
        end = address + size
        self._pin(address, end)
        while address < end:
            length = min(end - address, PAGE_SIZE - address % PAGE_SIZE)
            parts.append((self._bring_in(address, access), length))
            address += length
            if address < end:
                address += self._ready(address, end, access, parts)
        return parts

    def reach(self, address: int, size: int, access: int) -> int:
        """How many of the first `size` bytes at `address` can be accessed, all brought in. Raises Blocked."""
        if address < 0 or address >= USER_END:
            return 0
        start, end = address, min(address + size, USER_END)
        self._pin(address, end)
        while address < end:
            try:
                self._bring_in(address, access)
            except LinuxError:
                break
            except OutOfGuestMemory:
                if address == start:
                    raise
                break  # the page cache cannot hold all of it at once
            address = min(end, address + PAGE_SIZE - address % PAGE_SIZE)
            if address < end:
                address += self._ready(address, end, access, [])
        return address - start

    def _pin(self, start: int, end: int) -> None:
        """Keep the pages of [start, end) that belong to files on disk until the call ends or sleeps."""
        mm = self._task.process.mm
        if mm.maps_disk:
            mm.frames.pins.append((mm, page_of(start), end))

    def _ready(self, address: int, end: int, access: int, parts: list[tuple[int, int]]) -> int:
        """Add to `parts` the pages from `address` on that a walk would grant without a change; their bytes.

        They lie in one page table with the page before them, which the caller has brought in.
        """
        if address % _TABLE_SPAN == 0:
            return 0
        bits = _GRANTED | (_STORED if access & WRITE else 0)
        done = 0
        for start, length in self._task.process.mm.pages.ready(address, end, bits):
            length = min(length, end - address - done)
            parts.append((start, length))
            done += length
        return done

    def _bring_in(self, address: int, access: int, *, may_wait: bool = True) -> int:
        if self._task.process.mm.stale:
            self._cpu.mmu.flush()  # this call removed pages
        while True:
            start = self._cpu.mmu.translate(address, access)
            if not isinstance(start, Trap):
                return start
            try:
                bad = page_fault.handle(self._cpu, self._task, address, start.error_code, may_wait=may_wait)
            except Blocked as blocked:
                blocked.sleep = Interruptible.NO
                page_fault.wait(self._task, address, start.error_code, by_kernel=True)
                raise
            if bad is not None:
                raise LinuxError(Errno.EFAULT)
