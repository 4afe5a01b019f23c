"""A file on a disk of the machine itself: its bytes lie in the host's memory, not in guest RAM."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, ClassVar

from kernel_model.abi.files import O_DIRECT, O_RDWR, S_IFREG
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files import cached_io
from kernel_model.files.file import File, faulted
from kernel_model.files.seek import check_span, sought
from kernel_model.files.status import FileStatus
from kernel_model.mm.disk_pages import DiskPages
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.mm.reclaim.file_memory import FileMemory
    from kernel_model.mm.vma import Mappable
    from pffemu.hw.cpu import Cpu
    from pffemu.hw.ram import Ram

_NUMBER = 2  # st_ino of the first one


class DiskFilePages(DiskPages):
    """The page cache of such a file, and its bytes on the disk: `data`."""

    def __init__(self, name: str, data: bytes, ram: Ram, memory: FileMemory) -> None:
        super().__init__(name, len(data), ram, memory)
        self.number, self.data = _NUMBER + self.serial, bytearray(data)

    def load(self, offset: int, size: int = PAGE_SIZE) -> bytes:
        return bytes(self.data[offset : offset + size])

    def store(self, offset: int, data: bytes) -> None:
        self.data[offset : offset + len(data)] = data


class DiskFile(File):
    """An open file of fixed size; it can be mapped, and read and written past the page cache (O_DIRECT)."""

    can_seek: ClassVar[bool] = True
    can_poll = False
    settable = File.settable | O_DIRECT

    def __init__(self, name: str, data: bytes, ram: Ram, memory: FileMemory) -> None:
        self.name, self.flags, self.position = name, O_RDWR, 0
        self.pages = DiskFilePages(name, data, ram, memory)
        self.pages.open_files = 1

    @property
    def inode(self) -> Hashable:
        return self.pages.device, self.pages.number

    def status(self) -> FileStatus:
        size = self.pages.size
        return FileStatus(mode=S_IFREG | 0o600, size=size, inode=self.pages.number, device=self.pages.device)

    def mapping(self, prot: int, shared: bool) -> tuple[Mappable, bool]:
        self.check_mapping(prot, shared)
        return self.pages, self.writable or not shared

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        done = self.read_at(call, buffer, self.position)
        self.position += done
        return done

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        check_span(offset, buffer.size)
        return cached_io.read(call, self.pages, buffer, offset, direct=bool(self.flags & O_DIRECT), advice=0)

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        done = self.write_at(call, buffer, self.position)
        self.position += done
        return done

    def write_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        """Write inside the file. Raises LinuxError ENOSPC at its end: the file does not grow."""
        check_span(offset, buffer.size)
        if not buffer.size:
            return 0
        wanted = min(buffer.size, max(0, self.pages.size - offset))
        if not wanted:
            raise LinuxError(Errno.ENOSPC)
        buffer.limit(wanted)
        size, direct = buffer.bring_in(), bool(self.flags & O_DIRECT)
        cached_io.before_write(call, self.pages, offset, size, direct=direct)
        data = buffer.gather(size)
        self.pages.store(offset, data)
        cached_io.wrote(call, self.pages, offset, data, direct=direct)
        buffer.skip(len(data))
        return len(data) or faulted(0)

    def seek(self, offset: int, whence: int) -> int:
        self.position = sought(offset, whence, self.position, self.pages.size)
        return self.position

    def close(self, cpu: Cpu) -> None:
        self.pages.write_back()
        self.pages.open_files = 0
        self.pages.unmapped()
