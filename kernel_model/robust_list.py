"""Robust futexes of a thread that dies (kernel/futex/core.c, exit_robust_list): their next owner learns of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model import page_fault
from kernel_model.futex import key_of
from kernel_model.uapi import Errno, LinuxError
from kernel_model.wait_queue import Blocked
from pffemu.arch import pagefault
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_P, PTE_W, USER_END, page_of
from pffemu.errors import OutOfGuestMemory

if TYPE_CHECKING:
    from kernel_model.kernel import Kernel
    from kernel_model.task import Task
    from pffemu.hw.cpu import Cpu

_LIMIT: Final = 2048  # ROBUST_LIST_LIMIT
_WAITERS, _OWNER_DIED, _TID_MASK = 1 << 31, 1 << 30, (1 << 30) - 1
_PI: Final = 1  # lowest bit of an entry: a futex with priority inheritance


def release(kernel: Kernel, cpu: Cpu, task: Task) -> None:
    """Walk the thread's list; a list that cannot be read ends there."""
    head, task.robust_list = task.robust_list, 0
    if not head:
        return
    try:
        entry, offset, pending = (_peek_u64(kernel, cpu, task, head + at) for at in (0, 8, 16))
        for _ in range(_LIMIT):
            if entry & ~_PI == head:
                break
            following = _peek_u64(kernel, cpu, task, entry & ~_PI)
            if entry != pending:
                _die(kernel, cpu, task, (entry & ~_PI) + offset)
            entry = following
        if pending & ~_PI:
            _die(kernel, cpu, task, (pending & ~_PI) + offset)
    except LinuxError:
        return


def _die(kernel: Kernel, cpu: Cpu, task: Task, address: int) -> None:
    """handle_futex_death: the word, if it is the thread's, gets FUTEX_OWNER_DIED, and one waiter wakes."""
    address &= (1 << 64) - 1
    if address % 4:
        raise LinuxError(Errno.EINVAL)
    word = int.from_bytes(_peek(kernel, cpu, task, address, 4), "little")
    if word & _TID_MASK != task.tid:
        return
    poke_u32(kernel, cpu, task, address, word & _WAITERS | _OWNER_DIED)
    if word & _WAITERS:
        kernel.futexes.wake(cpu, key_of(task.process.mm, address, private=False), 1)


def _peek_u64(kernel: Kernel, cpu: Cpu, task: Task, address: int) -> int:
    return int.from_bytes(_peek(kernel, cpu, task, address, 8), "little")


def _peek(kernel: Kernel, cpu: Cpu, task: Task, address: int, size: int) -> bytes:
    """A naturally aligned word. A page that only userfaultfd can bring in is a bad one: nobody waits at a death."""
    start = _frame(kernel, cpu, task, address, size, 0)
    return bytes(cpu.mmu.ram.octets[start : start + size])


def poke_u32(kernel: Kernel, cpu: Cpu, task: Task, address: int, value: int) -> None:
    """Store to the thread's memory, whichever address space `cpu` has loaded. Raises LinuxError EFAULT."""
    start = _frame(kernel, cpu, task, address, 4, PTE_W)
    cpu.mmu.ram.octets[start : start + 4] = value.to_bytes(4, "little")


def _frame(kernel: Kernel, cpu: Cpu, task: Task, address: int, size: int, needed: int) -> int:
    mm = task.process.mm
    if address > USER_END - size or address % PAGE_SIZE > PAGE_SIZE - size:
        raise LinuxError(Errno.EFAULT)
    for _ in range(3):
        entry = mm.pages.entry(page_of(address))
        if entry & PTE_P and entry & needed == needed:
            return (entry & PTE_ADDRESS) + address % PAGE_SIZE
        error_code = (pagefault.W if needed else 0) | (pagefault.P if entry & PTE_P else 0)
        try:
            if page_fault.handle(cpu, task, address, error_code, mm) is not None:
                break
        except (Blocked, OutOfGuestMemory):
            break
    raise LinuxError(Errno.EFAULT)
