"""An open generated file (fs/seq_file.c): its text is made when reading begins.

It is made anew by a read that does not go on where the last one ended; so a program that keeps the file open sees news.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from kernel_model.abi.files import O_ACCMODE, O_RDONLY, O_WRONLY
from kernel_model.abi.uapi import POLLERR, POLLIN, POLLPRI, POLLRDNORM, Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.files.seek import SEEK_CUR, SEEK_END, SEEK_SET, sought
from kernel_model.files.tree.generated import GeneratedFile

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.status import FileStatus
    from kernel_model.files.tree.place import Place
    from kernel_model.files.tree.tree import Tree
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.wait.queue import WaitQueue

_WRITE_MAX: Final = 4096  # bytes that one write takes


class SeqNode(GeneratedFile):
    """A generated file that is read with a SeqFile; for the attributes see files/proc/text.py."""

    refusal = Errno.EINVAL
    checks_rights = False
    seeks_end = False
    at_once = False
    can_splice = True

    @abstractmethod
    def text(self, caller: Caller) -> bytes:
        """Raises LinuxError ESRCH for a process that is gone."""

    def store(self, call: Caller, data: bytes) -> None:
        """Take what was written. Raises LinuxError."""
        raise LinuxError(self.refusal)

    def open(self, call: Caller, place: Place, flags: int) -> File:
        access = flags & O_ACCMODE
        lacks = (access != O_WRONLY and not self.mode & 0o400) or (access != O_RDONLY and not self.mode & 0o200)
        if self.checks_rights and lacks:
            raise LinuxError(Errno.EACCES)
        return SeqFile(place, self, flags)


class SeqFile(File):
    can_seek: ClassVar[bool] = True
    can_poll = False
    place: Place

    def __init__(self, place: Place, node: SeqNode, flags: int) -> None:
        self.name, self.flags, self.place = place.path.decode(errors="surrogateescape"), flags, place
        self.node, self.can_splice = node, node.can_splice
        self.position = 0
        self._text = b""
        self._end = 0  # where the last read ended

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        done = self.read_at(call, buffer, self.position)
        self.position += done
        return done

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        text = self._text_at(call, offset)
        wanted = max(0, min(buffer.size, len(text) - offset))
        room = buffer.room(wanted)
        if wanted and not room:
            return faulted(0)
        buffer.scatter(text[offset : offset + room])
        self._text, self._end = text, offset + room
        return room

    def _text_at(self, call: Caller, offset: int) -> bytes:
        """The text that a read at `offset` is of."""
        if offset and offset == self._end:
            return self._text
        return b"" if offset and self.node.at_once else self.node.text(call)

    def bytes_left(self, call: Caller, offset: int) -> int:
        return max(0, len(self._text_at(call, offset)) - offset)

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        done = self.write_at(call, buffer, self.position)
        self.position += done
        return done

    def write_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        """The whole buffer counts as written, of which the first 4096 bytes matter."""
        size = buffer.size
        data = buffer.gather(_WRITE_MAX)
        if len(data) < min(size, _WRITE_MAX):
            raise LinuxError(Errno.EFAULT)
        self.node.store(call, data)
        return size

    def seek(self, offset: int, whence: int) -> int:
        if whence not in (SEEK_SET, SEEK_CUR, SEEK_END) or (whence == SEEK_END and not self.node.seeks_end):
            raise LinuxError(Errno.EINVAL)
        self.position = sought(offset, whence, self.position, self.node.size)
        return self.position

    def truncate(self, size: int) -> None:
        """Without effect, as of every file of proc."""
        if not self.writable:
            raise LinuxError(Errno.EINVAL)

    def status(self) -> FileStatus:
        return self.node.status()


class MountsFile(SeqFile):
    """/proc/PID/mounts, mountinfo: poll tells once of each change of what is mounted (mounts_poll)."""

    can_poll = True

    def __init__(self, place: Place, node: SeqNode, flags: int, tree: Tree) -> None:
        super().__init__(place, node, flags)
        self._tree, self._seen = tree, tree.mount_changes

    def poll(self) -> int:
        if self._seen == self._tree.mount_changes:
            return POLLIN | POLLRDNORM
        self._seen = self._tree.mount_changes
        return POLLIN | POLLRDNORM | POLLERR | POLLPRI

    def poll_queue(self) -> WaitQueue:
        return self._tree.mounts_changed
