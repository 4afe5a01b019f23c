"""File descriptors and the files behind them. The guest reaches no host file except what the user named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from kernel_model.uapi import POLLIN, POLLOUT, Errno, LinuxError
from pffemu.arch.paging import PAGE_SIZE, pages_up
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from kernel_model.frames import FrameAllocator
    from kernel_model.syscall import Call
    from kernel_model.wait_queue import WaitQueue
    from pffemu.hw.cpu import Cpu
    from pffemu.hw.ram import Ram


class File:
    """An open file. Calls raise LinuxError, and Blocked where they must wait."""

    name = "file"

    def read(self, call: Call, fd: int, address: int, size: int) -> int:
        raise LinuxError(Errno.EBADF)  # not open for reading

    def write(self, call: Call, address: int, size: int) -> int:
        raise LinuxError(Errno.EBADF)  # not open for writing

    def ioctl(self, call: Call, request: int, argument: int) -> int:
        raise LinuxError(Errno.ENOTTY)

    def poll(self) -> int:
        """POLL* bits that hold now."""
        return POLLIN | POLLOUT

    def poll_queue(self) -> WaitQueue | None:
        """Where to wait for `poll` to change; None: it never does."""
        return None

    def close(self, cpu: Cpu) -> None:
        """The last descriptor is gone."""


class ByteSink(Protocol):
    def write(self, data: bytes, /) -> object: ...


class OutputFile(File):
    """Writes go to a host stream the user named (stdout, stderr, a result buffer)."""

    def __init__(self, name: str, sink: ByteSink) -> None:
        self.name = name
        self._sink = sink

    def write(self, call: Call, address: int, size: int) -> int:
        self._sink.write(call.memory.read(address, size))
        return size

    def poll(self) -> int:
        return POLLOUT


class ByteSource(Protocol):
    def read(self, size: int, /) -> bytes: ...


class InputFile(File):
    """Reads come from a host stream the user named (stdin), when the guest asks and not before."""

    _AT_ONCE: Final = 1 << 16  # bytes

    def __init__(self, name: str, source: ByteSource) -> None:
        self.name = name
        self._source = source

    def read(self, call: Call, fd: int, address: int, size: int) -> int:
        size = min(size, self._AT_ONCE)
        call.memory.parts(address, size, WRITE)  # may sleep: nothing may be taken from the stream before
        data = self._source.read(size) if size else b""
        call.memory.write(address, data)
        return len(data)

    def poll(self) -> int:
        return POLLIN


class RamFile(File):
    """A read-only file whose pages all lie in the page cache: contiguous guest frames. Can be mapped."""

    def __init__(self, name: str, data: memoryview, ram: Ram, frames: FrameAllocator) -> None:
        """`data`: unsigned bytes. Raises OutOfGuestMemory."""
        self.name = name
        self.size = data.nbytes
        self.mapped_size = pages_up(self.size)  # bytes that a mapping can reach without SIGBUS
        self._ram = ram
        self._first = frames.take_run(self.mapped_size // PAGE_SIZE) if self.size else 0
        self._position = 0
        ram.octets[self._first : self._first + self.size] = data

    def frame_at(self, offset: int) -> int:
        """Physical address of the page-cache frame at byte `offset`."""
        return self._first + offset

    def read(self, call: Call, fd: int, address: int, size: int) -> int:
        size = max(0, min(size, self.size - self._position))
        start = self._first + self._position
        call.memory.write(address, bytes(self._ram.octets[start : start + size]))
        self._position += size
        return size
