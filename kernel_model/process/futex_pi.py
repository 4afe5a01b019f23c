"""Futexes with priority inheritance (kernel/futex/pi.c, requeue.c): locks whose word holds the owner's thread id.

Every thread has the same priority here, so that inheritance has no effect; only the lock's ownership is modelled. It
passes straight to the first thread that waits, at FUTEX_UNLOCK_PI or when the owner dies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.task.futex_wait import FutexWait, Key, PiState
from kernel_model.wait.queue import Interruptible
from pffemu.arch.paging import page_of

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.process.kernel import ProcessKernel
    from kernel_model.task.task import Task

WAITERS, OWNER_DIED, TID_MASK = 1 << 31, 1 << 30, (1 << 30) - 1
_SLEEP: Final = Interruptible.ERESTARTNOINTR


def lock(call: Call, key: Key, address: int, deadline: int | None, *, trial: bool = False) -> int:
    """futex_lock_pi. `trial`: do not wait.

    Raises Blocked; LinuxError EAGAIN, EDEADLK, EFAULT, EINVAL, ESRCH, ETIMEDOUT.
    """
    call.kernel.futexes.check_deadline(call, key)
    state = _take(call, key, address, call.task, contended=False)
    if state is None:
        return 0
    if trial:
        raise LinuxError(Errno.EAGAIN)
    if _waits_for(state.owner, call.task):
        raise LinuxError(Errno.EDEADLK)
    why = f"the lock at {address:#x}, which thread {state.owner.tid} owns"
    wait = FutexWait(lock=state, address=address)
    raise call.kernel.futexes.sleep(call, wait, [key], deadline, why, _SLEEP)


def _take(call: Call, key: Key, address: int, task: Task, *, contended: bool) -> PiState | None:
    """futex_lock_pi_atomic: make `task` the owner and return None, or return the lock it must wait for.

    `contended`: other threads will wait for it. Raises LinuxError EDEADLK, EINVAL, ESRCH, EFAULT.
    """
    call.memory.fault_in_writable(address)
    word = call.memory.read_u32(address)
    if word & TID_MASK == task.tid:
        raise LinuxError(Errno.EDEADLK)
    waiting = call.kernel.futexes.waiting(key)
    if waiting:
        return _existing(word, waiting[0].futex.lock)
    if not word & TID_MASK:
        call.memory.write_u32(address, word & OWNER_DIED | task.tid | (WAITERS if contended else 0))
        return None
    call.memory.write_u32(address, word | WAITERS)
    owner = _thread(call.kernel, word & TID_MASK)
    if owner is None:
        raise LinuxError(Errno.ESRCH)
    return PiState(owner, call.kernel.futexes.queue(key))


def _existing(word: int, state: PiState | None) -> PiState:
    """attach_to_pi_state: user space must not have changed the word meanwhile. Raises LinuxError EINVAL."""
    if state is None:
        raise LinuxError(Errno.EINVAL)
    released = word & OWNER_DIED and not word & TID_MASK
    if not released and word & TID_MASK != state.owner.tid:
        raise LinuxError(Errno.EINVAL)
    return state


def _thread(kernel: ProcessKernel, tid: int) -> Task | None:
    return next((task for process in kernel.processes.values() for task in process.tasks if task.tid == tid), None)


def _waits_for(task: Task, other: Task) -> bool:
    """Whether `task` is `other`, or waits for it through a chain of lock owners (rt_mutex_adjust_prio_chain)."""
    while task is not other:
        state = task.futex.lock
        if state is None or state.queue not in task.queues:
            return False
        task = state.owner
    return True


def unlock(call: Call, key: Key, address: int, word: int) -> int:
    """futex_unlock_pi; `word`: the value read at `address`. Raises LinuxError EINVAL, EFAULT."""
    futexes, waiting = call.kernel.futexes, call.kernel.futexes.waiting(key)
    state = waiting[0].futex.lock if waiting else None
    if waiting and (state is None or state.owner is not call.task):
        raise LinuxError(Errno.EINVAL)
    call.memory.fault_in_writable(address)
    if state is None:
        call.memory.write_u32(address, 0)
        return 0
    heir = next(task for task in waiting if task.futex.lock is state)
    call.memory.write_u32(address, WAITERS | heir.tid)
    state.owner = heir
    futexes.scheduler.wake(call.cpu, heir)
    futexes.drop_empty(key)
    return 0


def wait_requeue(
    call: Call, keys: tuple[Key, Key], addresses: tuple[int, int], value: int, deadline: int | None
) -> int:
    """futex_wait_requeue_pi: sleep until FUTEX_CMP_REQUEUE_PI, and then until the thread has the lock.

    Raises Blocked; LinuxError EAGAIN, EFAULT, EINVAL, ETIMEDOUT.
    """
    call.kernel.futexes.check_deadline(call, *keys)
    if call.memory.read_u32(addresses[0]) != value & 0xFFFF_FFFF:
        raise LinuxError(Errno.EAGAIN)
    if keys[0] == keys[1]:
        raise LinuxError(Errno.EINVAL)
    why = f"futex {addresses[0]:#x} (value {value & 0xFFFF_FFFF}), then the lock at {addresses[1]:#x}"
    wait = FutexWait(target=keys[1], address=addresses[1])
    raise call.kernel.futexes.sleep(call, wait, [keys[0]], deadline, why, _SLEEP)


def requeue(call: Call, keys: tuple[Key, Key], address: int, moved: int) -> int:
    """futex_requeue with requeue_pi: the first thread takes the lock at `address` if it is free; the others wait.

    `moved`: how many beside the first. Raises LinuxError EINVAL, EDEADLK, EFAULT, ESRCH.
    """
    futexes = call.kernel.futexes
    if not call.mm.is_ready(page_of(address), 0):
        call.memory.fault_in_writable(address)  # the word is read whether or not a thread waits
    waiting = list(futexes.waiting(keys[0]))
    if not waiting:
        return 0
    first, done = waiting[0], 0
    _check_target(first, keys[1])
    state = _take(call, keys[1], address, first, contended=moved > 0)
    if state is None:
        state = PiState(waiting.pop(0), futexes.queue(keys[1]))
        futexes.scheduler.wake(call.cpu, first)
        done = 1
    try:
        for task in waiting[: moved + 1 - done]:
            _check_target(task, keys[1])
            if _waits_for(state.owner, task):
                raise LinuxError(Errno.EDEADLK)
            futexes.move(task, *keys)
            task.futex.lock, task.futex.target = state, None
            if task.sleep is not None:
                task.sleep.interruptible = Interruptible.EAGAIN
            done += 1
    finally:
        futexes.drop_empty(*keys)
    return done


def _check_target(task: Task, target: Key) -> None:
    if task.futex.target is None or task.futex.target != target:
        raise LinuxError(Errno.EINVAL)
