"""/proc/PID/mem (fs/proc/base.c: mem_rw): an address space as a file, with a debugger's rights (FOLL_FORCE)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from kernel_model.abi.uapi import PROT_READ, PROT_WRITE, Errno, LinuxError
from kernel_model.files.file import File
from kernel_model.files.seek import SEEK_CUR, SEEK_SET
from kernel_model.mm import forced_access, page_fault
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, USER_END, page_of
from pffemu.arch.registers import MASK64
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.status import FileStatus
    from kernel_model.files.tree.place import Place
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.mm.mm import Mm


class MemFile(File):
    """An open mem. `mm`: the process's address space when the file was opened; once it is gone, 0 bytes are moved."""

    can_seek: ClassVar[bool] = True
    can_poll = False
    can_splice = False
    place: Place

    def __init__(self, place: Place, flags: int, mm: Mm) -> None:
        self.name, self.flags, self.place, self.mm = place.path.decode(), flags, place, mm

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        done = self.read_at(call, buffer, self.position)
        self.position += done
        return done

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        done = self.write_at(call, buffer, self.position)
        self.position += done
        return done

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        """Bytes up to the first page that cannot be read. Raises LinuxError EIO when that is the first one."""
        if self.mm.is_gone:
            return 0
        wanted = min(buffer.size, max(0, USER_END - offset))
        room = buffer.room(wanted)
        data = b""
        while len(data) < room:
            at = offset + len(data)
            piece = _read(call, self.mm, at, min(room - len(data), PAGE_SIZE - at % PAGE_SIZE))
            data += piece
            if not piece:
                break
        if not data and buffer.size:
            raise LinuxError(Errno.EFAULT if wanted and not room else Errno.EIO)
        buffer.scatter(data)
        return len(data)

    def write_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        """Bytes up to the first page that cannot be written. Raises LinuxError EIO when that is the first one."""
        if self.mm.is_gone:
            return 0
        reachable, done = min(buffer.bring_in(), max(0, USER_END - offset)), 0
        while done < reachable:
            at = offset + done
            if not _write(call, self.mm, at, buffer.gather(min(reachable - done, PAGE_SIZE - at % PAGE_SIZE))):
                break
            step = min(reachable - done, PAGE_SIZE - at % PAGE_SIZE)
            buffer.skip(step)
            done += step
        if not done and buffer.size:
            raise LinuxError(Errno.EIO if reachable or offset >= USER_END else Errno.EFAULT)
        return done

    def seek(self, offset: int, whence: int) -> int:
        """mem_lseek: any 64-bit address is a position."""
        if whence not in (SEEK_SET, SEEK_CUR):
            raise LinuxError(Errno.EINVAL)
        self.position = (offset + (self.position if whence == SEEK_CUR else 0)) & MASK64
        return self.position

    def truncate(self, size: int) -> None:
        """Without effect, as of every file of proc."""
        if not self.writable:
            raise LinuxError(Errno.EINVAL)

    def status(self) -> FileStatus:
        assert self.place.node is not None
        return self.place.node.status()


def _is_brought_in(call: Caller, mm: Mm, address: int, access: int) -> bool:
    """Bring the page in where its area grants the access. Raises Blocked to wait for userfaultfd."""
    page, vma = page_of(address), mm.vmas.find(address)
    if vma is None or not vma.prot & (PROT_WRITE if access else PROT_READ):
        return False
    mm.settle()
    while not mm.is_ready(page, access):
        if page_fault.handle(call.cpu, call.task, page, access, mm) is not None:
            return False
    return True


def _read(call: Caller, mm: Mm, address: int, size: int) -> bytes:
    """A piece of one page; empty: it cannot be read."""
    if _is_brought_in(call, mm, address, 0):
        start = (mm.pages.entry(page_of(address)) & PTE_ADDRESS) + address % PAGE_SIZE
        return bytes(mm.ram.octets[start : start + size])
    return forced_access.read(mm, address, size)


def _write(call: Caller, mm: Mm, address: int, data: bytes) -> bool:
    """Write a piece of one page; False: it cannot be written."""
    if _is_brought_in(call, mm, address, WRITE):
        start = (mm.pages.entry(page_of(address)) & PTE_ADDRESS) + address % PAGE_SIZE
        mm.ram.store(start, data)
        return True
    try:
        forced_access.write(call.kernel, mm, address, data)
    except LinuxError:
        return False
    return True
