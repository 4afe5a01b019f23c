"""Futexes of a thread that dies (kernel/futex/core.c, futex_cleanup): FUTEX_OWNER_DIED tells the next owner."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.mm import page_fault
from kernel_model.process.futex import shared_key
from kernel_model.process.futex_pi import OWNER_DIED, TID_MASK, WAITERS
from pffemu.arch import pagefault
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_P, PTE_W, USER_END, page_of
from pffemu.arch.registers import MASK64
from pffemu.errors import OutOfGuestMemory

if TYPE_CHECKING:
    from kernel_model.process.kernel import ProcessKernel
    from kernel_model.task.futex_wait import Key
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu

_LIMIT: Final = 2048  # ROBUST_LIST_LIMIT
_PI: Final = 1  # lowest bit of an entry: a futex with priority inheritance


def release(kernel: ProcessKernel, cpu: Cpu, task: Task) -> None:
    """Release the futexes of the thread's robust list, then its locks with priority inheritance."""
    _walk(kernel, cpu, task)
    for key in reversed(kernel.futexes.locks_of(task)):
        _pass_on(kernel, cpu, key)


def _pass_on(kernel: ProcessKernel, cpu: Cpu, key: Key) -> None:
    """exit_pi_state_list: the first thread that waits for the lock at `key` owns it now."""
    heir = next(task for task in kernel.futexes.waiting(key) if task.futex.lock is not None)
    assert heir.futex.lock is not None
    heir.futex.lock.owner = heir
    try:
        poke_u32(kernel, cpu, heir, heir.futex.address, OWNER_DIED | WAITERS | heir.tid)
    except LinuxError:
        if heir.sleep is not None:
            heir.sleep.answer(-Errno.EFAULT)
    kernel.scheduler.wake(cpu, heir)
    kernel.futexes.drop_empty(key)


def _walk(kernel: ProcessKernel, cpu: Cpu, task: Task) -> None:
    """exit_robust_list: release the list's futexes; the walk ends at an entry that cannot be read."""
    head, task.robust_list = task.robust_list, 0
    if not head:
        return
    try:
        entry, offset, pending = (_peek_u64(kernel, cpu, task, head + at) for at in (0, 8, 16))
        for _ in range(_LIMIT):
            if entry & ~_PI == head:
                break
            following = _peek_u64(kernel, cpu, task, entry & ~_PI)
            if entry & ~_PI != pending & ~_PI:
                _die(kernel, cpu, task, entry, offset)
            entry = following
        if pending & ~_PI:
            _die(kernel, cpu, task, pending, offset, pending=True)
    except LinuxError:
        return


def _die(kernel: ProcessKernel, cpu: Cpu, task: Task, entry: int, offset: int, *, pending: bool = False) -> None:
    """handle_futex_death: the word, if it is the thread's, gets FUTEX_OWNER_DIED, and one waiter wakes.

    `pending`: the thread was about to take or release it; a free word may have sleepers that were not woken.
    """
    address, inherits = (entry & ~_PI) + offset & MASK64, bool(entry & _PI)
    if address % 4:
        raise LinuxError(Errno.EINVAL)
    word = int.from_bytes(_peek(kernel, cpu, task, address, 4), "little")
    owner = word & TID_MASK
    if owner == task.tid:
        poke_u32(kernel, cpu, task, address, word & WAITERS | OWNER_DIED)
    if not inherits and ((owner == task.tid and word & WAITERS) or (pending and not owner)):
        with suppress(LinuxError):
            kernel.futexes.wake(cpu, shared_key(task.process.mm, address), 1)


def _peek_u64(kernel: ProcessKernel, cpu: Cpu, task: Task, address: int) -> int:
    return int.from_bytes(_peek(kernel, cpu, task, address, 8), "little")


def _peek(kernel: ProcessKernel, cpu: Cpu, task: Task, address: int, size: int) -> bytes:
    """A naturally aligned word. A page that only userfaultfd could supply is EFAULT: a dying thread cannot wait."""
    start = _frame(kernel, cpu, task, address, size, 0)
    return bytes(cpu.mmu.ram.octets[start : start + size])


def poke_u32(kernel: ProcessKernel, cpu: Cpu, task: Task, address: int, value: int) -> None:
    """Store to the thread's memory, whichever address space `cpu` has loaded. Raises LinuxError EFAULT."""
    start = _frame(kernel, cpu, task, address, 4, PTE_W)
    cpu.mmu.ram.store(start, value.to_bytes(4, "little"))


def _frame(kernel: ProcessKernel, cpu: Cpu, task: Task, address: int, size: int, needed: int) -> int:
    mm = task.process.mm
    if address > USER_END - size or address % PAGE_SIZE > PAGE_SIZE - size:
        raise LinuxError(Errno.EFAULT)
    for _ in range(3):
        entry = mm.pages.entry(page_of(address))
        if entry & PTE_P and entry & needed == needed:
            return (entry & PTE_ADDRESS) + address % PAGE_SIZE
        error_code = (pagefault.W if needed else 0) | (pagefault.P if entry & PTE_P else 0)
        try:
            if page_fault.handle(cpu, task, address, error_code, mm, may_wait=False) is not None:
                break
        except OutOfGuestMemory:
            break
    raise LinuxError(Errno.EFAULT)
