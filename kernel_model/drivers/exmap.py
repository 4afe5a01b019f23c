"""/dev/exmap: memory that a program maps and unmaps page by page, explicitly and in batches (exmap, SIGMOD '23).

SETUP takes the memory once. ALLOC and FREE work on up to 512 vectors (page, number of pages). Each thread names an
interface of its own, which has a list of free frames. A page that has not been allocated is a segmentation fault. All
pages of one FREE leave before one flush of the TLBs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from kernel_model.abi.exmap import (
    EXMAP_ACTION,
    EXMAP_ALLOC,
    EXMAP_FREE,
    EXMAP_LENGTH_SHIFT,
    EXMAP_MOST,
    EXMAP_SETUP,
    ExmapAction,
    ExmapSetup,
)
from kernel_model.abi.files import S_IFCHR
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import whole
from kernel_model.files.file import File
from kernel_model.files.status import FileStatus
from kernel_model.mm.page_cache import PageCache
from pffemu.arch.paging import PAGE_SHIFT, PAGE_SIZE, USER_END
from pffemu.events.fields import Hex
from pffemu.events.userfaultfd import PageEvicted, PageInstalled

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.files.caller import Caller
    from kernel_model.mm.frames import FrameAllocator
    from kernel_model.mm.vma import Mappable, Vma
    from pffemu.hw.cpu import Cpu
    from pffemu.hw.ram import Ram

PATH: Final = "/dev/exmap"
NUMBER: Final = (10, 201)  # of the device
_MOST_INTERFACES: Final = 1024


class ExmapPages(PageCache):
    """The pages of an exmap. Frames come from SETUP's memory and go back there; an access brings none in."""

    is_shmem: ClassVar[bool] = False
    explicit: ClassVar[bool] = True

    def __init__(self, ram: Ram, frames: FrameAllocator, size: int) -> None:
        """`size`: pages of memory. Raises OutOfGuestMemory."""
        super().__init__(PATH, USER_END, ram, frames)
        self.open_files = 1
        self.pool = [frames.take() for _ in range(size)]  # free frames that are in no interface's list

    def give(self, offset: int) -> int:
        """Take the page at `offset` out of the exmap and of all mappings; its frame."""
        self.unmap_pages(offset, offset + PAGE_SIZE, cows=False)
        return self._frames.pop(offset)

    def unmapped(self) -> None:
        super().unmapped()
        if not self._mms and not self.open_files:
            self._allocator.give_back_all(self.pool)
            self.pool = []


class ExmapFile(File):
    """An open /dev/exmap: one exmap."""

    can_poll = False

    def __init__(self, flags: int) -> None:
        self.name, self.flags = PATH, flags
        self._pages: ExmapPages | None = None
        self._free: list[list[int]] = []  # by interface: the frames that it has freed

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        """SETUP: 0. ACTION: the number of pages allocated or freed. Errors: ENOTTY (request), EFAULT; those of both."""
        if request == EXMAP_SETUP:
            return self._set_up(whole(call), call.memory.read_struct(ExmapSetup, argument))
        if request == EXMAP_ACTION:
            return self._act(whole(call), call.memory.read_struct(ExmapAction, argument))
        raise LinuxError(Errno.ENOTTY)

    def mapping(self, prot: int, shared: bool) -> tuple[Mappable, bool]:
        """Errors: EINVAL (before SETUP, or MAP_PRIVATE)."""
        if self._pages is None or not shared:
            raise LinuxError(Errno.EINVAL)
        return self._pages, True

    def status(self) -> FileStatus:
        major, minor = NUMBER
        return FileStatus(mode=S_IFCHR | 0o666, rdev=major << 8 | minor)

    def close(self, cpu: Cpu) -> None:
        if self._pages is not None:
            self._collect(self._pages)
            self._pages.open_files -= 1
            self._pages.unmapped()

    def _set_up(self, call: Call, given: ExmapSetup) -> int:
        """Errors: EBUSY (done already), EINVAL, ENOMEM (the memory is not there)."""
        if self._pages is not None:
            raise LinuxError(Errno.EBUSY)
        if given.fd != -1 or given.flags or not 0 < given.max_interfaces <= _MOST_INTERFACES or not given.buffer_size:
            raise LinuxError(Errno.EINVAL)
        if given.buffer_size > call.mm.frames.free_frames:
            raise LinuxError(Errno.ENOMEM)
        call.cpu.charge("kernel.page.allocate", given.buffer_size)
        call.cpu.charge("kernel.page.zero", given.buffer_size * PAGE_SIZE)
        self._pages = ExmapPages(call.mm.ram, call.mm.frames, given.buffer_size)
        self._pages.number = call.kernel.new_number()
        self._free = [[] for _ in range(given.max_interfaces)]
        return 0

    def _act(self, call: Call, given: ExmapAction) -> int:
        """Stops at the first page that it cannot have.

        Errors: EINVAL (before SETUP or mmap, interface, opcode, vectors), ENOMEM (no page could be allocated).
        """
        pages = self._pages
        vma = next((vma for vma in call.mm.vmas if pages is not None and vma.file is pages), None)
        if pages is None or vma is None or given.interface >= len(self._free) or not 0 < given.iov_len <= EXMAP_MOST:
            raise LinuxError(Errno.EINVAL)
        if given.opcode not in (EXMAP_ALLOC, EXMAP_FREE):
            raise LinuxError(Errno.EINVAL)
        call.cpu.charge("kernel.uffd.validate")
        addresses = self._addresses(call, vma, given)
        free, done = self._free[given.interface], 0
        with call.mm.locks.mmap_lock.reading(call.cpu):
            for address in addresses:
                if given.opcode == EXMAP_FREE:
                    done += self._free_page(call, pages, vma, address, free)
                elif not self._has_page(call, pages, vma, address, free):
                    break
                else:
                    done += 1
        if not done and given.opcode == EXMAP_ALLOC:
            raise LinuxError(Errno.ENOMEM)
        return done

    @staticmethod
    def _addresses(call: Call, vma: Vma, given: ExmapAction) -> list[int]:
        """The pages of the vectors; at most as many as the area has. Raises LinuxError EINVAL, EFAULT."""
        vectors = call.memory.read(given.vectors, 8 * given.iov_len)
        found: list[int] = []
        for at in range(0, len(vectors), 8):
            vector = int.from_bytes(vectors[at : at + 8], "little")
            first, count = vector & (1 << EXMAP_LENGTH_SHIFT) - 1, vector >> EXMAP_LENGTH_SHIFT
            if not count or first + count > (vma.end - vma.start) >> PAGE_SHIFT:
                raise LinuxError(Errno.EINVAL)
            start = vma.start + (first << PAGE_SHIFT)
            found += range(start, start + (count << PAGE_SHIFT), PAGE_SIZE)
        return found

    def _has_page(self, call: Call, pages: ExmapPages, vma: Vma, address: int, free: list[int]) -> bool:
        """Map a free frame unless the page is there: the interface's own, or one of the common memory, or another
        interface's. False: there is none.
        """
        offset = vma.offset + address - vma.start
        call.cpu.charge("kernel.exmap.entry")
        if pages.cached_frame(offset):
            return True
        if not free and not pages.pool:
            self._collect(pages)
        if not free and not pages.pool:
            return False
        frame = free.pop() if free else pages.pool.pop()
        pages.add(offset, frame)
        call.cpu.charge("kernel.exmap.frame")
        call.mm.install(vma, address, frame, owned=False, dirty=True)
        call.cpu.emit(PageInstalled, Hex(address), 0)
        return True

    @staticmethod
    def _free_page(call: Call, pages: ExmapPages, vma: Vma, address: int, free: list[int]) -> int:
        """Unmap the page wherever it is mapped; 1, or 0 if it was not there."""
        offset = vma.offset + address - vma.start
        call.cpu.charge("kernel.exmap.entry")
        if not pages.cached_frame(offset):
            return 0
        call.cpu.charge("kernel.exmap.frame")
        free.append(pages.give(offset))
        call.cpu.emit(PageEvicted, Hex(address), 0, 0)
        return 1

    def _collect(self, pages: ExmapPages) -> None:
        """The interfaces' free frames are common again."""
        for free in self._free:
            pages.pool += free
            free.clear()
