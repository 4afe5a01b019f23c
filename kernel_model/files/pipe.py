"""Pipes (fs/pipe.c): sixteen buffers of at most a page between a reading and a writing end.

Small writes join the last buffer where it has room, so that capacity and the result of a read are as on Linux.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import (
    F_GETPIPE_SZ,
    F_SETPIPE_SZ,
    FIONREAD,
    O_ACCMODE,
    O_ASYNC,
    O_DIRECT,
    O_NONBLOCK,
    O_RDONLY,
    O_WRONLY,
    S_IFIFO,
)
from kernel_model.abi.uapi import POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM, Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.files.status import FileStatus
from kernel_model.files.write_signals import broken_pipe
from kernel_model.wait.queue import Blocked, WaitQueue
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.wait.queue import Waker
    from pffemu.hw.cpu import Cpu

SLOTS: Final = 16  # buffers of a new pipe
_SLOTS_MIN: Final = 2  # buffers of a new pipe when the user has many (PIPE_MIN_DEF_BUFFERS)
_SLOTS_MAX: Final = 256  # fs.pipe-max-size, 1 MiB, in pages
_SLOTS_OF_USER: Final = 16_384  # fs.pipe-user-pages-soft; root has no CAP_SYS_RESOURCE here
_INT_MAX: Final = (1 << 31) - 1


class Kind(Enum):
    """How a buffer came to be."""

    WRITTEN = auto()  # later writes join it
    PACKET = auto()  # by O_DIRECT: a read ends with it
    SPLICED = auto()


@dataclass(slots=True)
class PipeAccount:
    """Buffers of all pipes together."""

    slots: int = 0


@dataclass(slots=True, eq=False)
class Pipe:
    """The state that both ends share. `kinds`: of each buffer."""

    scheduler: Waker
    account: PipeAccount
    buffers: list[bytearray] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    number: int = 0  # of its inode, if it is not a FIFO's
    slots: int = SLOTS
    readers: int = 0
    writers: int = 0
    data: WaitQueue = field(default_factory=lambda: WaitQueue("pipe (data)"))
    space: WaitQueue = field(default_factory=lambda: WaitQueue("pipe (space)"))

    @property
    def full(self) -> bool:
        return len(self.buffers) >= self.slots

    @property
    def size(self) -> int:
        """The bytes in it."""
        return sum(map(len, self.buffers))

    @property
    def room(self) -> int:
        """How many more buffers it takes."""
        return max(0, self.slots - len(self.buffers))

    def append(self, cpu: Cpu, data: bytes, kind: Kind = Kind.SPLICED) -> None:
        """Add a buffer."""
        self.buffers.append(bytearray(data))
        self.kinds.append(kind)
        self.scheduler.wake_all(cpu, self.data, POLLIN | POLLRDNORM)

    def consume(self, cpu: Cpu, chars: int) -> None:
        """Drop the first `chars` bytes of the first buffer, and the buffer when it is empty or a packet."""
        was_full = self.full
        del self.buffers[0][:chars]
        if not self.buffers[0] or self.kinds[0] is Kind.PACKET:
            del self.buffers[0], self.kinds[0]
            if was_full:
                self.scheduler.wake_all(cpu, self.space, POLLOUT | POLLWRNORM)

    def resize(self, slots: int) -> None:
        self.account.slots += slots - self.slots
        self.slots = slots

    def closed(self, cpu: Cpu) -> None:
        """An end was closed: wake the threads that wait at the other one."""
        if not self.readers and not self.writers:
            self.account.slots -= self.slots
        self.scheduler.wake_all(cpu, self.data)
        self.scheduler.wake_all(cpu, self.space)


def make_pipe(scheduler: Waker, account: PipeAccount, flags: int, number: int) -> tuple[PipeReader, PipeWriter]:
    """A new pipe's two ends. `flags`: O_NONBLOCK, O_DIRECT. `number`: of its inode."""
    pipe = new_pipe(scheduler, account)
    pipe.number = number
    pipe.readers = pipe.writers = 1
    return PipeReader(pipe, flags), PipeWriter(pipe, flags)


def new_pipe(scheduler: Waker, account: PipeAccount) -> Pipe:
    """A pipe without ends."""
    slots = SLOTS if account.slots + SLOTS <= _SLOTS_OF_USER else _SLOTS_MIN
    account.slots += slots
    return Pipe(scheduler, account, slots=slots)


class _PipeEnd(File):
    settable = File.settable | O_ASYNC | O_DIRECT

    def __init__(self, pipe: Pipe, flags: int) -> None:
        self.name, self.flags, self.pipe = "pipe", flags, pipe

    @property
    def inode(self) -> Hashable:
        return self.pipe

    def status(self) -> FileStatus:
        return FileStatus(mode=S_IFIFO | 0o600, inode=self.pipe.number)

    @property
    def link(self) -> bytes:
        return b"pipe:[%d]" % self.pipe.number if self.place is None else super().link

    def reopen(self, call: Caller, flags: int) -> File:
        """Another end of the pipe. Raises LinuxError ENXIO to write without a reader and not wait."""
        access, modes = flags & O_ACCMODE, flags & (O_NONBLOCK | O_DIRECT)
        if access == O_RDONLY:
            self.pipe.readers += 1
            return PipeReader(self.pipe, modes)
        if access != O_WRONLY:
            raise LinuxError(Errno.EINVAL)
        if not self.pipe.readers and modes & O_NONBLOCK:
            raise LinuxError(Errno.ENXIO)
        self.pipe.writers += 1
        return PipeWriter(self.pipe, modes)

    def allocate(self, mode: int, offset: int, length: int) -> None:
        raise LinuxError(Errno.ESPIPE)

    def seek(self, offset: int, whence: int) -> int:
        raise LinuxError(Errno.ESPIPE)

    def fcntl(self, call: Caller, command: int, argument: int) -> int:
        if command == F_GETPIPE_SZ:
            return self.pipe.slots * PAGE_SIZE
        if command == F_SETPIPE_SZ:
            return self._resize(argument & 0xFFFF_FFFF)
        return super().fcntl(call, command, argument)

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        if request != FIONREAD:
            raise LinuxError(Errno.ENOTTY)
        call.memory.write_u32(argument, self.pipe.size)
        return 0

    def _resize(self, size: int) -> int:
        """F_SETPIPE_SZ: round up to a power of two of pages. Raises LinuxError EINVAL, EBUSY, EPERM."""
        if size > _INT_MAX:
            raise LinuxError(Errno.EINVAL)
        slots = 1 << (max(1, (size + PAGE_SIZE - 1) // PAGE_SIZE) - 1).bit_length()
        if slots < len(self.pipe.buffers):
            raise LinuxError(Errno.EBUSY)
        grown = self.pipe.account.slots + slots - self.pipe.slots
        if slots > self.pipe.slots and (slots > _SLOTS_MAX or grown > _SLOTS_OF_USER):
            raise LinuxError(Errno.EPERM)
        self.pipe.resize(slots)
        return slots * PAGE_SIZE


class PipeReader(_PipeEnd):
    def __init__(self, pipe: Pipe, flags: int) -> None:
        super().__init__(pipe, O_RDONLY | flags)

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        """Linux: pipe_read."""
        pipe, done = self.pipe, 0
        while buffer.size and pipe.buffers:
            head = pipe.buffers[0]
            chars = min(len(head), buffer.size)
            if buffer.room(chars) < chars:
                return faulted(done)
            buffer.scatter(bytes(head[:chars]))
            buffer.skip(chars)
            done += chars
            pipe.consume(call.cpu, chars)
        if done or not buffer.size or not pipe.writers:
            return done
        if self.nonblocking:
            raise LinuxError(Errno.EAGAIN)
        raise Blocked(pipe.data, why="data in a pipe")

    def poll(self) -> int:
        return (POLLIN | POLLRDNORM if self.pipe.buffers else 0) | (0 if self.pipe.writers else POLLHUP)

    def poll_queue(self) -> WaitQueue:
        return self.pipe.data

    def close(self, cpu: Cpu) -> None:
        self.pipe.readers -= 1
        self.pipe.closed(cpu)


class PipeWriter(_PipeEnd):
    def __init__(self, pipe: Pipe, flags: int) -> None:
        super().__init__(pipe, O_WRONLY | flags)

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        """Linux: anon_pipe_write. The bytes a blocking write has written before it slept are in `progress`."""
        pipe, done = self.pipe, call.pending.progress
        if not buffer.size:
            return 0
        buffer.skip(done)
        done += self._join_last(call, buffer) if not done else 0
        while buffer.size:
            if not pipe.readers:
                return done or broken_pipe(call)
            if pipe.full:
                return self._wait(call, done)
            chars = min(PAGE_SIZE, buffer.size)
            data = buffer.gather(chars)
            if len(data) < chars:
                return faulted(done)
            buffer.skip(chars)
            done += chars
            pipe.append(call.cpu, data, Kind.PACKET if self.flags & O_DIRECT else Kind.WRITTEN)
        return done

    def _join_last(self, call: Caller, buffer: UserBuffer) -> int:
        """Append the part beyond whole pages to the last buffer, if it fits there; returns its bytes."""
        pipe, chars = self.pipe, buffer.size % PAGE_SIZE
        if (
            not chars
            or not pipe.readers
            or not pipe.buffers
            or pipe.kinds[-1] is not Kind.WRITTEN
            or self.flags & O_DIRECT
        ):
            return 0
        if len(pipe.buffers[-1]) + chars > PAGE_SIZE:
            return 0
        data = buffer.gather(chars)
        if len(data) < chars:
            faulted(0)
        pipe.buffers[-1] += data
        buffer.skip(chars)
        pipe.scheduler.wake_all(call.cpu, pipe.data, POLLIN | POLLRDNORM)
        return chars

    def _wait(self, call: Caller, done: int) -> int:
        if not self.nonblocking:
            call.pending.progress = done
            raise Blocked(self.pipe.space, why="space in a pipe")
        if not done:
            raise LinuxError(Errno.EAGAIN)
        return done

    def poll(self) -> int:
        return (0 if self.pipe.full else POLLOUT | POLLWRNORM) | (0 if self.pipe.readers else POLLERR)

    def poll_queue(self) -> WaitQueue:
        return self.pipe.space

    def close(self, cpu: Cpu) -> None:
        self.pipe.writers -= 1
        self.pipe.closed(cpu)
