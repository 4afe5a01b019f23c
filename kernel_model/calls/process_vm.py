"""process_vm_readv and process_vm_writev (mm/process_vm_access.c): copies to and from a process's memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from kernel_model.abi.files import IOV_MAX
from kernel_model.abi.uapi import PROT_READ, PROT_WRITE, Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.call.rights import check_trace
from kernel_model.calls.populate import bring_in
from kernel_model.wait.queue import Blocked
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, USER_END, page_of
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm

_INT64_MAX = (1 << 63) - 1
Ranges = list[tuple[int, int]]


def process_vm_readv(
    call: Call, pid: int, local: int, local_count: int, remote: int, remote_count: int, flags: int
) -> int:
    """Bytes read from the process; fewer than asked where its memory ends. Errors: EINVAL, EFAULT, ESRCH."""
    ours, theirs = _arguments(call, local, local_count, remote, remote_count, flags)
    mm = _memory_of(call, pid)
    return _transfer(call, mm, ours, theirs, writes=False)


def process_vm_writev(
    call: Call, pid: int, local: int, local_count: int, remote: int, remote_count: int, flags: int
) -> int:
    """Bytes written to the process."""
    ours, theirs = _arguments(call, local, local_count, remote, remote_count, flags)
    mm = _memory_of(call, pid)
    return _transfer(call, mm, ours, theirs, writes=True)


def _arguments(
    call: Call, local: int, local_count: int, remote: int, remote_count: int, flags: int
) -> tuple[Ranges, Ranges]:
    if flags:
        raise LinuxError(Errno.EINVAL)
    ours = _iovec(call, local, local_count)
    for address, length in ours:
        if address > USER_END or length > USER_END - address:
            raise LinuxError(Errno.EFAULT)
    return ours, _iovec(call, remote, remote_count)


def _iovec(call: Call, vector: int, count: int) -> Ranges:
    if count > IOV_MAX:
        raise LinuxError(Errno.EINVAL)
    words = struct.unpack(f"<{2 * count}Q", call.memory.read(vector, 16 * count))
    ranges = list(zip(words[::2], words[1::2], strict=True))
    if any(length > _INT64_MAX for _, length in ranges):
        raise LinuxError(Errno.EINVAL)
    return ranges


def _memory_of(call: Call, pid: int) -> Mm:
    process, task = call.kernel.processes.get(as_int(pid)), call.kernel.find_task(as_int(pid))
    if process is None and task is not None:
        process = task.process
    if process is None or not process.tasks:
        raise LinuxError(Errno.ESRCH)
    check_trace(call.task, process, real=True)
    return process.mm


def _transfer(call: Call, mm: Mm, ours: Ranges, theirs: Ranges, *, writes: bool) -> int:
    """Copy page by page until either side ends or faults; an error only if no byte was moved."""
    done, pins = 0, call.mm.frames.pins
    theirs_left, room = [list(r) for r in theirs if r[1]], sum(length for _, length in ours)
    cursor = _Cursor(ours)
    while theirs_left and done < room:
        address, length = theirs_left[0]
        size = min(length, PAGE_SIZE - address % PAGE_SIZE, cursor.contiguous())
        before = len(pins)
        try:
            if done + size <= call.pending.progress:  # copied before the call slept
                there = here = []
            else:
                there = _parts_of(call, mm, address, size, WRITE if writes else 0)
                here = call.memory.parts(cursor.address(), size, 0 if writes else WRITE)
        except Blocked:
            call.pending.progress = done
            raise
        except LinuxError:
            if done:
                return done
            raise
        _copy(call, *((here, there) if writes else (there, here)))
        del pins[before:]
        cursor.advance(size)
        done += size
        theirs_left[0] = [address + size, length - size]
        if length == size:
            theirs_left.pop(0)
    return done


def _parts_of(call: Call, mm: Mm, address: int, size: int, access: int) -> list[tuple[int, int]]:
    """(physical address, bytes) of a piece of one page of `mm`, brought in. Raises LinuxError EFAULT, Blocked."""
    if address + size > USER_END:
        raise LinuxError(Errno.EFAULT)
    vma = mm.vmas.find(address)
    if vma is not None and not vma.prot & (PROT_WRITE if access else PROT_READ):
        raise LinuxError(Errno.EFAULT)  # also where x86 would let ring 3 read, with PROT_WRITE alone
    if mm.maps_disk:
        mm.frames.pins.append((mm, page_of(address), page_of(address) + PAGE_SIZE))
    mm.settle()
    bring_in(call, page_of(address), access, mm)
    return [((mm.pages.entry(page_of(address)) & PTE_ADDRESS) + address % PAGE_SIZE, size)]


class _Cursor:
    """A position in a list of ranges."""

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = [[address, length] for address, length in ranges if length]

    def address(self) -> int:
        return self._ranges[0][0]

    def contiguous(self) -> int:
        return self._ranges[0][1]

    def advance(self, size: int) -> None:
        self._ranges[0][0] += size
        self._ranges[0][1] -= size
        if not self._ranges[0][1]:
            self._ranges.pop(0)


def _copy(call: Call, source: list[tuple[int, int]], target: list[tuple[int, int]]) -> None:
    octets = call.mm.ram.octets
    data = b"".join(bytes(octets[start : start + length]) for start, length in source)
    done = 0
    for start, length in target:
        call.mm.ram.store(start, data[done : done + length])
        done += length
