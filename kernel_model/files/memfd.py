"""memfd_create's file: shmem that lives as long as its descriptors and mappings (mm/memfd.c, mm/shmem.c)."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Self

from kernel_model.abi import mman
from kernel_model.abi.files import O_APPEND, O_LARGEFILE, O_RDWR, S_IFREG
from kernel_model.abi.uapi import PROT_WRITE, Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.files.seek import SEEK_DATA, SEEK_HOLE, check_span, sought
from kernel_model.files.status import FileStatus
from kernel_model.files.write_signals import room_below_limit
from kernel_model.mm.page_cache import PageCache
from pffemu.arch.paging import PAGE_SIZE, page_of, pages_up

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.mm.frames import FrameAllocator
    from kernel_model.mm.vma import Mappable
    from pffemu.hw.cpu import Cpu
    from pffemu.hw.ram import Ram

_ALL_SEALS: Final = 0x3F
_BLOCK: Final = 512  # bytes
_AT_ONCE: Final = 1 << 20  # bytes moved at once


@dataclass(slots=True, eq=False)
class ShmemInode:
    """What all open files of one file share besides its pages. `seals` are F_SEAL_*: F_SEAL_SEAL allows no more."""

    number: int
    seals: int
    mode: int = 0o777


class Memfd(File):
    """An open memfd."""

    can_seek: ClassVar[bool] = True
    can_poll = False

    def __init__(self, name: str, cache: PageCache, shared: ShmemInode, flags: int = O_RDWR) -> None:
        """`cache` counts this open file from now on. `flags`: O_*, as F_GETFL will return them."""
        self.name, self.flags = name, flags | O_LARGEFILE
        self.cache, self.shared = cache, shared
        self.cache.open_files += 1
        self.position = 0

    @classmethod
    def create(cls, name: str, ram: Ram, frames: FrameAllocator, shared: ShmemInode) -> Self:
        """An empty file. `name`: as memfd_create got it."""
        shown = f"/memfd:{name} (deleted)"
        cache = PageCache(shown, 0, ram, frames)
        cache.number = shared.number
        return cls(shown, cache, shared)

    @property
    def seals(self) -> int:
        return self.shared.seals

    @property
    def inode(self) -> Hashable:
        return self.cache

    # -- content ------------------------------------------------------------------------------------------------

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        size = self.read_at(call, buffer, self.position)
        self.position += size
        return size

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        check_span(self.position, buffer.size)
        if self.flags & O_APPEND and buffer.size:
            self.position = self.cache.size
        size = self.write_at(call, buffer, self.position)
        self.position += size
        return size

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        check_span(offset, buffer.size)
        wanted = max(0, min(buffer.size, self.cache.size - offset))
        left = done = buffer.room(wanted)
        if wanted and not done:
            return faulted(0)
        while left:
            data = self.cache.read(offset + done - left, min(left, _AT_ONCE))
            buffer.scatter(data)
            buffer.skip(len(data))
            left -= len(data)
        return done

    def write_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        """With O_APPEND pwrite appends, too, as on Linux."""
        check_span(offset, buffer.size)
        if not buffer.size:
            return 0
        if self.flags & O_APPEND:
            offset = self.cache.size
        room = room_below_limit(call, offset)
        if self.seals & (mman.F_SEAL_WRITE | mman.F_SEAL_FUTURE_WRITE):
            raise LinuxError(Errno.EPERM)
        left = done = min(buffer.bring_in(), room)
        if not done:
            return faulted(0)
        if self.seals & mman.F_SEAL_GROW and offset + done > self.cache.size:
            raise LinuxError(Errno.EPERM)
        while left:
            data = buffer.gather(min(left, _AT_ONCE))
            self.cache.write(offset + done - left, data)
            buffer.skip(len(data))
            left -= len(data)
        return done

    def seek(self, offset: int, whence: int) -> int:
        position = sought(offset, whence, self.position, self.cache.size)
        if whence == SEEK_HOLE:
            position = self.cache.hole_from(offset)
        elif whence == SEEK_DATA and (position := self.cache.data_from(offset)) >= self.cache.size:
            raise LinuxError(Errno.ENXIO)
        self.position = position
        return self.position

    def truncate(self, size: int) -> None:
        if not self.writable:
            raise LinuxError(Errno.EINVAL)
        if (self.seals & mman.F_SEAL_SHRINK and size < self.cache.size) or (
            self.seals & mman.F_SEAL_GROW and size > self.cache.size
        ):
            raise LinuxError(Errno.EPERM)
        self.cache.truncate(size)

    def allocate(self, mode: int, offset: int, length: int) -> None:
        if mode & mman.FALLOC_FL_PUNCH_HOLE:
            if self.seals & (mman.F_SEAL_WRITE | mman.F_SEAL_FUTURE_WRITE):
                raise LinuxError(Errno.EPERM)
            self.cache.punch(offset, offset + length)
            return
        end = offset + length
        if end > self.cache.size and self.seals & mman.F_SEAL_GROW:
            raise LinuxError(Errno.EPERM)
        if (pages_up(end) - page_of(offset)) // PAGE_SIZE > self.cache.free_frames:
            raise LinuxError(Errno.ENOSPC)
        for page in range(page_of(offset), end, PAGE_SIZE):
            self.cache.reserve(page)
        if not mode & mman.FALLOC_FL_KEEP_SIZE:
            self.cache.size = max(self.cache.size, end)

    # -- the rest -----------------------------------------------------------------------------------------------

    def mapping(self, prot: int, shared: bool) -> tuple[Mappable, bool]:
        sealed = bool(self.seals & (mman.F_SEAL_WRITE | mman.F_SEAL_FUTURE_WRITE))
        self.check_mapping(prot, shared)
        if shared and sealed and prot & PROT_WRITE:
            raise LinuxError(Errno.EPERM)
        return self.cache, not (shared and (sealed or not self.writable))

    def fcntl(self, call: Caller, command: int, argument: int) -> int:
        if command == mman.F_GET_SEALS:
            return self.seals
        if command != mman.F_ADD_SEALS:
            raise LinuxError(Errno.EINVAL)
        self.add_seals(argument & 0xFFFF_FFFF)
        return 0

    def add_seals(self, seals: int) -> None:
        """F_ADD_SEALS. F_SEAL_EXEC on an executable file brings those against changes with it.

        Raises LinuxError EPERM (F_SEAL_SEAL, or not open for writing), EINVAL, EBUSY (a writable shared mapping).
        """
        if not self.writable:
            raise LinuxError(Errno.EPERM)
        if seals & ~_ALL_SEALS:
            raise LinuxError(Errno.EINVAL)
        if self.seals & mman.F_SEAL_SEAL:
            raise LinuxError(Errno.EPERM)
        if seals & mman.F_SEAL_EXEC and self.shared.mode & 0o111:
            seals |= mman.F_SEAL_SHRINK | mman.F_SEAL_GROW | mman.F_SEAL_WRITE | mman.F_SEAL_FUTURE_WRITE
        if seals & mman.F_SEAL_WRITE and not self.seals & mman.F_SEAL_WRITE and self.cache.has_shared_mapping:
            raise LinuxError(Errno.EBUSY)
        self.shared.seals |= seals

    def status(self) -> FileStatus:
        blocks = self.cache.cached_bytes // _BLOCK
        shared = self.shared
        return FileStatus(mode=S_IFREG | shared.mode, size=self.cache.size, inode=shared.number, blocks=blocks)

    def reopen(self, call: Caller, flags: int) -> File:
        return Memfd(self.name, self.cache, self.shared, flags)

    def set_mode(self, mode: int) -> None:
        """fchmod. Raises LinuxError EPERM for a change that F_SEAL_EXEC forbids."""
        if self.seals & mman.F_SEAL_EXEC and (mode ^ self.shared.mode) & 0o111:
            raise LinuxError(Errno.EPERM)
        self.shared.mode = mode

    def close(self, cpu: Cpu) -> None:
        self.cache.open_files -= 1
        self.cache.unmapped()
