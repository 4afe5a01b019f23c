"""futex WAIT and WAKE (kernel/futex/): queues by user address within one address space."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.uapi import Errno, LinuxError
from kernel_model.wait_queue import Blocked, WaitQueue

if TYPE_CHECKING:
    from kernel_model.mm import Mm
    from kernel_model.scheduler import Scheduler
    from kernel_model.syscall import Call
    from pffemu.hw.cpu import Cpu


class FutexTable:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._queues: dict[tuple[Mm, int], WaitQueue] = {}

    def wait(self, call: Call, address: int, expected: int, deadline: int | None) -> int:
        """Sleep if the word still is `expected`. Raises Blocked; LinuxError EAGAIN, EINVAL, EFAULT, ETIMEDOUT."""
        if address % 4:
            raise LinuxError(Errno.EINVAL)
        if call.task.timed_out:
            raise LinuxError(Errno.ETIMEDOUT)
        if call.memory.read_u32(address) != expected & 0xFFFF_FFFF:
            raise LinuxError(Errno.EAGAIN)
        queue = self._queues.setdefault((call.mm, address), WaitQueue(f"futex {address:#x}"))
        raise Blocked(queue, deadline=deadline, result=0, why=f"futex {address:#x} (value {expected & 0xFFFF_FFFF})")

    def wake(self, cpu: Cpu, mm: Mm, address: int, count: int) -> int:
        """Wake up to `count` sleepers, first come first; how many."""
        if address % 4:
            raise LinuxError(Errno.EINVAL)
        queue = self._queues.get((mm, address))
        woken = queue.tasks[: max(count, 1)] if queue is not None else []
        for task in list(woken):
            self._scheduler.wake(cpu, task)
        if queue is not None and not queue.tasks:
            del self._queues[mm, address]
        return len(woken)
