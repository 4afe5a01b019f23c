"""eventfd (fs/eventfd.c): a counter that writes add to and reads return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import EFD_SEMAPHORE, O_NONBLOCK, O_RDWR
from kernel_model.abi.uapi import POLLERR, POLLIN, POLLOUT, Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.wait.queue import Blocked, WaitQueue
from pffemu.arch.registers import MASK64

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.wait.queue import Waker
    from pffemu.hw.cpu import Cpu

_MAX: Final = MASK64
_WORD: Final = 8  # bytes


class EventFd(File):
    """An eventfd. `count` never reaches 2**64 - 1."""

    def __init__(self, scheduler: Waker, count: int, flags: int, number: int) -> None:
        """`flags`: EFD_SEMAPHORE, O_NONBLOCK. `number`: no other eventfd has it."""
        self.name, self.flags = "eventfd", O_RDWR | flags & O_NONBLOCK
        self.count, self._semaphore = count, bool(flags & EFD_SEMAPHORE)
        self._scheduler, self._number = scheduler, number
        self._changed = WaitQueue("eventfd")

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        if buffer.size < _WORD:
            raise LinuxError(Errno.EINVAL)
        if not self.count:
            self._wait("a count in an eventfd")
        fits = buffer.room(_WORD) == _WORD
        taken = 1 if self._semaphore else self.count
        self.count -= taken
        self._scheduler.wake_all(call.cpu, self._changed, POLLOUT)
        if not fits:
            faulted(0)  # as on Linux, the count is lost
        buffer.scatter(taken.to_bytes(_WORD, "little"))
        return _WORD

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        if buffer.size < _WORD:
            raise LinuxError(Errno.EINVAL)
        data = buffer.gather(_WORD)
        if len(data) < _WORD:
            faulted(0)
        added = int.from_bytes(data, "little")
        if added == _MAX:
            raise LinuxError(Errno.EINVAL)
        if added >= _MAX - self.count:
            self._wait("room in an eventfd")
        self.count += added
        self._scheduler.wake_all(call.cpu, self._changed, POLLIN)
        return _WORD

    def add_one(self, cpu: Cpu) -> None:
        """The kernel signals an event (eventfd_signal); a full counter stays as it is."""
        if self.count < _MAX:
            self.count += 1
            self._scheduler.wake_all(cpu, self._changed, POLLIN)

    def _wait(self, why: str) -> None:
        if self.nonblocking:
            raise LinuxError(Errno.EAGAIN)
        raise Blocked(self._changed, why=why)

    def fdinfo(self, cpu: Cpu) -> str:
        state = f"eventfd-count: {self.count:16x}\neventfd-id: {self._number}\n"
        return state + f"eventfd-semaphore: {int(self._semaphore)}\n"

    def poll(self) -> int:
        readable = POLLIN if self.count else 0
        full = POLLERR if self.count == _MAX else 0
        return readable | full | (POLLOUT if self.count < _MAX - 1 else 0)

    def poll_queue(self) -> WaitQueue:
        return self._changed
