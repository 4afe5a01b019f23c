"""Files that the kernel makes up: /dev/null and its relatives, and the files of /proc/self that programs read.

They hide the user's files, as mounts of devtmpfs and proc would. Their directories do not list them.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, ClassVar, Final

from kernel_model.abi.files import O_ACCMODE, O_ASYNC, O_RDONLY
from kernel_model.abi.uapi import POLLIN, POLLRDNORM, Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.files.host_file import inode_of
from kernel_model.files.host_tree import MadeUp, Place
from kernel_model.files.pagemap import PagemapFile
from kernel_model.files.seek import SEEK_CUR, SEEK_SET, sought
from kernel_model.files.status import FileStatus

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.task.task import Process

_AT_ONCE: Final = 1 << 16  # bytes
_UFFD, _PAGEMAP = b"userfaultfd", b"pagemap"
_DEVICES: Final = {b"null": (1, 3), b"zero": (1, 5), b"full": (1, 7), b"random": (1, 8), b"urandom": (1, 9)}
_DMA: Final = (10, 200)  # a misc device


def made_up(process: Process) -> MadeUp:
    """The made-up files that `process` can see, and their directories."""
    pid = str(process.pid).encode()
    directory, link = stat.S_IFDIR | 0o555, stat.S_IFLNK | 0o777
    links = {
        (b"proc", b"self"): pid,
        (b"proc", pid, b"exe"): process.exe.encode(errors="surrogateescape"),
        (b"proc", pid, b"cwd"): b"/" + b"/".join(process.cwd),
        (b"proc", pid, b"root"): b"/",
    }
    modes = {(b"dev",): directory, (b"proc",): directory, (b"proc", pid): directory}
    modes |= {(b"dev", name): stat.S_IFCHR | 0o666 for name in _DEVICES}
    modes[b"dev", b"dma"] = stat.S_IFCHR | 0o666
    modes |= {(b"dev", _UFFD): stat.S_IFCHR | 0o600, (b"proc", pid, _PAGEMAP): stat.S_IFREG | 0o400}
    modes |= {(b"proc", pid, name): stat.S_IFREG | 0o444 for name in _TEXTS}
    modes |= dict.fromkeys(links, link)
    return MadeUp(modes, links)


def open_special(call: Caller, place: Place, flags: int) -> File | None:
    """Open the made-up file at `place`; None: it is not one. Raises LinuxError EACCES."""
    if place.names[:1] == (b"dev",) and place.names[-1] in _DEVICES and len(place.names) == 2:
        return Device(place, flags)
    if place.names in ((b"dev", b"dma"), (b"dev", _UFFD)):
        return call.kernel.open_device(place.path.decode(), flags)
    if place.names == (b"proc", str(call.process.pid).encode(), _PAGEMAP):
        if flags & O_ACCMODE != O_RDONLY:
            raise LinuxError(Errno.EACCES)
        return PagemapFile(call.mm)
    if place.names[:-1] == (b"proc", str(call.process.pid).encode()) and place.names[-1] in _TEXTS:
        if flags & O_ACCMODE != O_RDONLY:
            raise LinuxError(Errno.EACCES)
        return TextFile(place, flags, _TEXTS[place.names[-1]](call.process).encode(errors="surrogateescape"))
    return None


def special_status(place: Place) -> FileStatus:
    device = _DEVICES.get(place.names[-1], _DMA) if stat.S_ISCHR(place.mode) else (0, 0)
    return FileStatus(mode=place.mode, inode=inode_of(place.path), rdev=device[0] << 8 | device[1])


class Device(File):
    """/dev/null, zero, full, random, urandom (drivers/char/mem.c)."""

    can_seek: ClassVar[bool] = True

    def __init__(self, place: Place, flags: int) -> None:
        self.name, self.flags, self.place = place.path.decode(), flags, place
        self.can_poll = place.names[-1] == b"random"
        if place.names[-1].endswith(b"random"):
            self.settable |= O_ASYNC

    def poll(self) -> int:
        return POLLIN | POLLRDNORM if self.can_poll else super().poll()

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        kind = self.place.names[-1]
        if kind == b"null" or not buffer.size:
            return 0
        room = left = buffer.room(buffer.size)
        if not room:
            return faulted(0)
        while left:
            size = min(left, _AT_ONCE)
            buffer.scatter(call.kernel.random.take(size) if kind.endswith(b"random") else bytes(size))
            buffer.skip(size)
            left -= size
        return room

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        if self.place.names[-1] == b"full":
            raise LinuxError(Errno.ENOSPC)
        return buffer.size

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        return self.read(call, buffer)

    def write_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        return self.write(call, buffer)

    @property
    def inode(self) -> Hashable:
        return self.place.names

    def status(self) -> FileStatus:
        return special_status(self.place)


class TextFile(File):
    """A file with a text made when it was opened."""

    can_seek: ClassVar[bool] = True
    can_poll = False

    def __init__(self, place: Place, flags: int, text: bytes) -> None:
        self.name, self.flags, self.place = place.path.decode(), flags, place
        self._text, self._position = text, 0

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        done = self.read_at(call, buffer, self._position)
        self._position += done
        return done

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        wanted = max(0, min(buffer.size, len(self._text) - offset))
        room = buffer.room(wanted)
        if wanted and not room:
            return faulted(0)
        buffer.scatter(self._text[offset : offset + room])
        return room

    def seek(self, offset: int, whence: int) -> int:
        if whence not in (SEEK_SET, SEEK_CUR):
            raise LinuxError(Errno.EINVAL)
        self._position = sought(offset, whence, self._position, 0)
        return self._position

    @property
    def inode(self) -> Hashable:
        return self.place.names

    def status(self) -> FileStatus:
        return special_status(self.place)


def maps(process: Process) -> str:
    """/proc/PID/maps; the kernel's own areas are not in it."""
    lines = []
    for vma in process.mm.vmas:
        rights = "".join(letter if vma.prot & 1 << i else "-" for i, letter in enumerate("rwx"))
        shared = "s" if vma.shared else "p"
        name = vma.name if vma.name.startswith(("[", "/")) or vma.file is not None else ""
        head = f"{vma.start:08x}-{vma.end:08x} {rights}{shared} {vma.offset:08x} 00:00 0"
        lines.append(f"{head:<73}{name}\n" if name else f"{head} \n")
    return "".join(lines)


def _comm(process: Process) -> str:
    return process.tasks[0].name.decode(errors="surrogateescape")


def _status(process: Process) -> str:
    """/proc/PID/status: the lines for what this kernel models."""
    size = sum(vma.end - vma.start for vma in process.mm.vmas) // 1024
    ids = "0\t0\t0\t0"
    return (
        f"Name:\t{_comm(process)}\nState:\tR (running)\n"
        f"Tgid:\t{process.pid}\nPid:\t{process.pid}\nUid:\t{ids}\nGid:\t{ids}\n"
        f"VmSize:\t{size:8} kB\nThreads:\t{len(process.tasks)}\n"
    )


_TEXTS: Final[dict[bytes, Callable[[Process], str]]] = {  # by name under /proc/self
    b"maps": maps,
    b"status": _status,
    b"comm": lambda process: _comm(process) + "\n",
    b"cmdline": lambda process: "\0".join(process.arguments) + "\0",
}
