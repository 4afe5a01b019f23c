"""futex (kernel/futex/): wait queues by word. A private word belongs to an address space, a shared one to its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.uapi import Errno, LinuxError
from kernel_model.wait_queue import Blocked, Interruptible, WaitQueue
from pffemu.arch.paging import USER_END

if TYPE_CHECKING:
    from kernel_model.mm import Mm
    from kernel_model.scheduler import Scheduler
    from kernel_model.syscall import Call
    from kernel_model.vma import Mappable
    from pffemu.hw.cpu import Cpu

ANY: Final = 0xFFFF_FFFF  # FUTEX_BITSET_MATCH_ANY
Key = tuple["Mm | Mappable", int, bool]  # the bool: private


def key_of(mm: Mm, address: int, private: bool) -> Key:
    """get_futex_key. Raises LinuxError EINVAL, EFAULT."""
    if address % 4:
        raise LinuxError(Errno.EINVAL)
    if address > USER_END - 4:
        raise LinuxError(Errno.EFAULT)
    if private:
        return mm, address, True
    vma = mm.vmas.find(address)
    if vma is None:
        raise LinuxError(Errno.EFAULT)
    if vma.shared and vma.file is not None:
        return vma.file, vma.offset + address - vma.start, False
    return mm, address, False


class FutexTable:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._queues: dict[Key, WaitQueue] = {}

    def wait(self, call: Call, key: Key, address: int, expected: int, bits: int, deadline: int | None) -> int:
        """Sleep if the word still is `expected`. Raises Blocked; LinuxError EAGAIN, EFAULT, ETIMEDOUT."""
        if call.task.timed_out:
            raise LinuxError(Errno.ETIMEDOUT)
        if call.memory.read_u32(address) != expected & 0xFFFF_FFFF:
            raise LinuxError(Errno.EAGAIN)
        if deadline is not None and deadline <= call.cpu.clock:
            raise LinuxError(Errno.ETIMEDOUT)
        call.task.futex_bits = bits
        queue = self._queues.setdefault(key, WaitQueue(f"futex {address:#x}"))
        why = f"futex {address:#x} (value {expected & 0xFFFF_FFFF})"
        sleep = Interruptible.ERESTARTSYS if deadline is None else Interruptible.ERESTARTNOHAND
        raise Blocked(queue, deadline=deadline, result=0, why=why, sleep=sleep)

    def wake(self, cpu: Cpu, key: Key, count: int, bits: int = ANY) -> int:
        """Wake up to `count` sleepers, at least one, first come first; how many."""
        queue = self._queues.get(key)
        if queue is None:
            return 0
        woken = [task for task in queue.tasks if task.futex_bits & bits][: max(count, 1)]
        for task in woken:
            self._scheduler.wake(cpu, task)
        self._drop_empty(key)
        return len(woken)

    def requeue(self, cpu: Cpu, source: Key, target: Key, count: int, moved: int) -> tuple[int, int]:
        """Wake up to `count` of `source`, and let up to `moved` of the others wait for `target`; how many of both."""
        queue = self._queues.get(source)
        if queue is None:
            return 0, 0
        woken = queue.tasks[:count]
        for task in woken:
            self._scheduler.wake(cpu, task)
        rest = queue.tasks[:moved]
        if source != target and rest:
            other = self._queues.setdefault(target, WaitQueue(f"futex {target[1]:#x}"))
            for task in rest:
                queue.tasks.remove(task)
                other.tasks.append(task)
                task.queues = (other,)
        self._drop_empty(source)
        return len(woken), len(rest)

    def _drop_empty(self, key: Key) -> None:
        if not self._queues[key].tasks:
            del self._queues[key]
