"""Standard input and output: host streams that the user named. The guest always sees a pipe, not a terminal."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Final, Protocol

from kernel_model.abi.files import F_GETPIPE_SZ, O_ACCMODE, O_ASYNC, O_DIRECT, O_RDONLY, O_RDWR, O_WRONLY, S_IFIFO
from kernel_model.abi.uapi import POLLIN, POLLOUT, Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.files.status import FileStatus

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer

_AT_ONCE: Final = 1 << 16  # bytes
_PIPE_SIZE: Final = 1 << 16  # bytes


class ByteSink(Protocol):
    def write(self, data: bytes, /) -> object: ...


class _HostStream(File):
    settable = File.settable | O_ASYNC | O_DIRECT
    number = 1  # of its inode: an end of a pipe to the world outside

    def status(self) -> FileStatus:
        return FileStatus(mode=S_IFIFO | 0o600, inode=self.number)

    @property
    def inode(self) -> Hashable:
        return self

    @property
    def link(self) -> bytes:
        return b"pipe:[%d]" % self.number

    def reopen(self, call: Caller, flags: int) -> File:
        """The stream is the same one, with its status flags."""
        if flags & O_ACCMODE not in (self.flags & O_ACCMODE, O_RDWR):
            raise LinuxError(Errno.EACCES)
        return self

    def seek(self, offset: int, whence: int) -> int:
        raise LinuxError(Errno.ESPIPE)

    def fcntl(self, call: Caller, command: int, argument: int) -> int:
        return _PIPE_SIZE if command == F_GETPIPE_SZ else super().fcntl(call, command, argument)


class OutputFile(_HostStream):
    """Writes go to a host stream the user named (stdout, stderr, a result buffer)."""

    splices_to = True

    def __init__(self, name: str, sink: ByteSink) -> None:
        self.name, self.flags = name, O_WRONLY
        self._sink = sink

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        """Write the readable part of the buffer; it is all brought in first, so that no byte is written twice."""
        wanted, left = buffer.size, buffer.bring_in()
        done = left
        while left:
            data = buffer.taken(min(left, _AT_ONCE))
            self._sink.write(data)
            buffer.skip(len(data))
            left -= len(data)
        return done if done or not wanted else faulted(0)

    def poll(self) -> int:
        return POLLOUT


class ByteSource(Protocol):
    def read(self, size: int, /) -> bytes: ...


class InputFile(_HostStream):
    """Reads come from a host stream the user named (stdin), only when the guest reads."""

    splices_from = True

    def __init__(self, name: str, source: ByteSource) -> None:
        self.name, self.flags = name, O_RDONLY
        self._source = source
        self._pending = b""  # taken from the stream, not yet given to the guest

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        """Read as from a pipe: a piece is returned whole, or EFAULT if the buffer cannot take it."""
        wanted = min(buffer.size, _AT_ONCE)
        room = buffer.room(wanted)  # may sleep: it must come before reading the stream
        data = self._pending or (self._source.read(wanted) if wanted else b"")
        if min(len(data), wanted) > room:
            self._pending = data
            raise LinuxError(Errno.EFAULT)
        buffer.scatter(data[:wanted])
        self._pending = data[wanted:]
        return min(len(data), wanted)

    def poll(self) -> int:
        return POLLIN
