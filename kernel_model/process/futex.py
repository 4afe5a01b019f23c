"""futex (kernel/futex/): wait queues by word. A private word belongs to an address space, a shared one to its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.task.futex_wait import ANY, FutexWait, Key
from kernel_model.wait.queue import Blocked, Interruptible, WaitQueue
from pffemu.arch.paging import USER_END
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.mm.mm import Mm
    from kernel_model.sched.scheduler import Scheduler
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu

_FEW: Final = 64


def key_of(call: Call, address: int, private: bool, *, write: bool = False) -> Key:
    """get_futex_key. A shared word is brought in as for a store; `write`: it must be writable, too.

    Raises LinuxError EINVAL, EFAULT; Blocked.
    """
    if address % 4:
        raise LinuxError(Errno.EINVAL)
    if address > USER_END:
        raise LinuxError(Errno.EFAULT)
    if private:
        return call.mm, address, True
    try:
        call.memory.parts(address, 4, WRITE)
    except LinuxError:
        vma = call.mm.vmas.find(address)
        if write or vma is None or vma.file is None:  # a read-only anonymous page never changes
            raise
        call.memory.parts(address, 4, 0)
        return vma.file, vma.offset + address - vma.start, False
    return shared_key(call.mm, address)


def shared_key(mm: Mm, address: int) -> Key:
    """The key of a shared word that can be written. Raises LinuxError EFAULT."""
    vma = mm.vmas.find(address)
    if vma is None:
        raise LinuxError(Errno.EFAULT)
    if vma.shared and vma.file is not None:
        return vma.file, vma.offset + address - vma.start, False
    return mm, address, False


class FutexTable:
    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self._queues: dict[Key, WaitQueue] = {}
        self._look_at = _FEW  # number of queues at which empty ones are dropped

    def queue(self, key: Key) -> WaitQueue:
        """The queue of threads that wait for the word; made on first use."""
        if key not in self._queues:
            self._queues[key] = WaitQueue(f"futex {key[1]:#x}")
        return self._queues[key]

    def waiting(self, key: Key) -> list[Task]:
        """The threads that wait there, oldest first. One in futex_waitv is listed once for each of its words here."""
        queue = self._queues.get(key)
        return [] if queue is None else queue.tasks

    def wait(self, call: Call, key: Key, address: int, expected: int, bits: int, deadline: int | None) -> int:
        """Sleep if the word still is `expected`. Raises Blocked; LinuxError EAGAIN, EFAULT, ETIMEDOUT."""
        self.check_deadline(call, key)
        if call.memory.read_u32(address) != expected & 0xFFFF_FFFF:
            raise LinuxError(Errno.EAGAIN)
        why = f"futex {address:#x} (value {expected & 0xFFFF_FFFF})"
        sleep = Interruptible.ERESTARTSYS if deadline is None else Interruptible.ERESTARTNOHAND
        raise self.sleep(call, FutexWait(bits), [key], deadline, why, sleep)

    def check_deadline(self, call: Call, *keys: Key) -> None:
        """End a call that starts again because it timed out. Raises LinuxError ETIMEDOUT."""
        if call.pending.timed_out:
            self.drop_empty(*keys)
            raise LinuxError(Errno.ETIMEDOUT)

    def sleep(
        self, call: Call, wait: FutexWait, keys: list[Key], deadline: int | None, why: str, sleep: Interruptible
    ) -> Blocked:
        """The Blocked to raise for a sleep at all of `keys`. Raises LinuxError ETIMEDOUT.

        A timeout is late by the thread's timer slack, as futex_setup_timer has it. A thread that polls a lock with
        timeouts of a microsecond would else never let another one have it, as here nothing comes by chance.
        """
        if deadline is not None:
            deadline += call.cpu.profile.to_cycles(call.task.settings.timer_slack)
            if deadline <= call.cpu.clock:
                raise LinuxError(Errno.ETIMEDOUT)
        call.task.futex = wait
        if len(self._queues) >= self._look_at:  # sleeps that signals ended leave empty ones
            self.drop_empty(*[key for key in self._queues if key not in keys])
            self._look_at = max(_FEW, 2 * len(self._queues))
        queues = [self.queue(key) for key in keys]
        return Blocked(*queues, deadline=deadline, result=0, why=why, sleep=sleep)

    def wake(self, cpu: Cpu, key: Key, count: int, bits: int = ANY) -> int:
        """Wake up to `count` sleepers, at least one, oldest first; returns how many.

        Raises LinuxError EINVAL at a thread that waits for a lock with priority inheritance.
        """
        chosen: list[Task] = []
        error = None
        for task in self.waiting(key):
            if not task.futex.is_plain:
                error = LinuxError(Errno.EINVAL)
                break
            if task.futex.bits & bits:
                chosen.append(task)
                if len(chosen) >= count:
                    break
        self._wake(cpu, key, chosen)
        if error is not None:
            raise error
        return len(chosen)

    def requeue(self, cpu: Cpu, source: Key, target: Key, count: int, moved: int) -> int:
        """Wake up to `count` of `source`, and let up to `moved` others wait for `target`; returns the sum.

        Raises LinuxError EINVAL as `wake` does.
        """
        entries = self.waiting(source)[: count + moved]
        plain = next((i for i, task in enumerate(entries) if not task.futex.is_plain), len(entries))
        self._wake(cpu, source, entries[: min(count, plain)])
        for task in entries[count:plain]:
            self.move(task, source, target)
        self.drop_empty(source)
        if plain < len(entries):
            raise LinuxError(Errno.EINVAL)
        return len(entries)

    def _wake(self, cpu: Cpu, key: Key, chosen: list[Task]) -> None:
        """Wake `chosen`; each call returns the position, among its words, of the last one that was woken."""
        queue = self._queues.get(key)
        for task in dict.fromkeys(chosen):
            here = [i for i, other in enumerate(task.queues) if other is queue]
            if task.sleep is not None:
                task.sleep.answer(here[chosen.count(task) - 1])
            self.scheduler.wake(cpu, task)
        self.drop_empty(key)

    def move(self, task: Task, source: Key, target: Key) -> None:
        """Let `task` wait at `target` instead of `source`, behind the threads there."""
        old, new = self.queue(source), self.queue(target)
        if old is new:
            return
        old.tasks.remove(task)
        new.tasks.append(task)
        if task.sleep is not None:
            at = task.queues.index(old)
            task.sleep.queues = (*task.queues[:at], new, *task.queues[at + 1 :])

    def drop_empty(self, *keys: Key) -> None:
        """Drop the queues of `keys` that have no threads."""
        for key in keys:
            if key in self._queues and not self._queues[key].tasks:
                del self._queues[key]

    def locks_of(self, owner: Task) -> list[Key]:
        """The words of the priority-inheritance locks of `owner` that other threads wait for, oldest first."""
        return [
            key
            for key, queue in self._queues.items()
            if any(task.futex.lock is not None and task.futex.lock.owner is owner for task in queue.tasks)
        ]
