"""A read-only file that lies in guest RAM."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, ClassVar, Protocol

from kernel_model.abi.files import O_RDONLY, S_IFREG
from kernel_model.abi.uapi import PROT_WRITE, Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.files.seek import check_span, sought
from kernel_model.files.status import FileStatus
from pffemu.arch.paging import PAGE_SIZE, pages_up

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.mm.frames import FrameAllocator
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Mappable
    from pffemu.hw.ram import Ram


class Content(Protocol):
    """A source of a file's bytes."""

    @property
    def nbytes(self) -> int: ...

    def copy_to(self, target: memoryview) -> None:
        """Fill `target`, which has nbytes unsigned bytes."""
        ...


class RamFile(File):
    """A read-only file with all its pages in the page cache: contiguous guest frames. It can be mapped."""

    can_seek: ClassVar[bool] = True
    can_poll = False
    number = 1  # st_ino and st_dev
    device = 1

    def __init__(self, name: str, data: memoryview | Content, ram: Ram, frames: FrameAllocator) -> None:
        """A memoryview holds unsigned bytes. Raises OutOfGuestMemory, and what copy_to raises."""
        self.name, self.flags = name, O_RDONLY
        self.size = data.nbytes
        self.mapped_size = pages_up(self.size)  # bytes that a mapping can reach without SIGBUS
        self._ram = ram
        self._first = frames.take_run(self.mapped_size // PAGE_SIZE) if self.size else 0
        self.position = 0
        octets = ram.octets[self._first : self._first + self.size]
        if isinstance(data, memoryview):
            octets[:] = data
        else:
            data.copy_to(octets)

    def cached_frame(self, offset: int) -> int:
        return self._first + offset

    def frame_at(self, offset: int) -> int:
        """Physical address of the page-cache frame at byte `offset`."""
        return self._first + offset

    def peek(self, offset: int) -> bytes:
        """The page at byte `offset`."""
        return bytes(self._ram.octets[self._first + offset : self._first + offset + PAGE_SIZE])

    def mapping(self, prot: int, shared: bool) -> tuple[Mappable, bool]:
        if shared and prot & PROT_WRITE:
            raise LinuxError(Errno.EACCES)  # open read-only
        return self, not shared

    def punch(self, start: int, end: int) -> None:
        """Not reached: punching a hole needs a writable shared mapping."""

    def write_back(self) -> None:
        """No page can have been written."""

    def mapped_in(self, mm: Mm) -> None:
        """Its pages are never freed."""

    def unmapped(self) -> None:
        """Its pages are never freed."""

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        size = self.read_at(call, buffer, self.position)
        self.position += size
        return size

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        check_span(offset, buffer.size)
        size = max(0, min(buffer.size, self.size - offset))
        size = buffer.room(size) or (faulted(0) if size else 0)
        start = self._first + offset
        buffer.scatter(bytes(self._ram.octets[start : start + size]))
        return size

    def seek(self, offset: int, whence: int) -> int:
        self.position = sought(offset, whence, self.position, self.size)
        return self.position

    @property
    def inode(self) -> Hashable:
        return self

    def status(self) -> FileStatus:
        return FileStatus(mode=S_IFREG | 0o444, size=self.size)
