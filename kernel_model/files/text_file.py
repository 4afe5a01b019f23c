"""An open generated file (fs/seq_file.c)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, ClassVar

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.files.seek import SEEK_CUR, SEEK_SET, sought
from kernel_model.files.status import FileStatus

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.place import Place
    from kernel_model.files.user_buffer import UserBuffer


class TextFile(File):
    """A file with a text made when it was opened."""

    can_seek: ClassVar[bool] = True
    can_poll = False
    place: Place

    def __init__(self, place: Place, flags: int, text: bytes) -> None:
        self.name, self.flags, self.place = place.path.decode(errors="surrogateescape"), flags, place
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
        assert self.place.node is not None
        return self.place.node.identity

    def status(self) -> FileStatus:
        assert self.place.node is not None
        return self.place.node.status()
