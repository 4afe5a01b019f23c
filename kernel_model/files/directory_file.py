"""An open directory (fs/readdir.c)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, ClassVar

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.file import DELETED, File
from kernel_model.files.seek import sought
from kernel_model.files.status import FileStatus

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.attributes import Attributes
    from kernel_model.files.tree.place import Place
    from kernel_model.files.user_buffer import UserBuffer

Entry = tuple[bytes, int, int]  # name, st_mode, st_ino


class DirectoryFile(File):
    """An open directory in RAM, or a generated one. Its listing is taken when reading begins."""

    can_seek: ClassVar[bool] = True
    can_poll = False
    place: Place

    def __init__(self, place: Place, flags: int) -> None:
        self.name, self.flags, self.place = place.path.decode(errors="surrogateescape"), flags, place
        self.position = 0
        self._listing: list[Entry] | None = None

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        raise LinuxError(Errno.EISDIR)

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        raise LinuxError(Errno.EISDIR)

    def entries(self, call: Caller) -> list[Entry]:
        """The entries from the position on, "." and ".." first."""
        if self._listing is None or self.position == 0:
            self._listing = call.kernel.tree.list(self.place, call)
        return self._listing[self.position :]

    def seek(self, offset: int, whence: int) -> int:
        if whence > 1:
            raise LinuxError(Errno.EINVAL)
        self.position = sought(offset, whence, self.position, 0)
        return self.position

    @property
    def link(self) -> bytes:
        now = self.place if self.opening is None else self.opening.tree.again(self.place)
        removed = self.attributes is not None and self.attributes.gone
        return now.path + DELETED if removed else now.path

    @property
    def inode(self) -> Hashable:
        assert self.place.node is not None
        return self.place.node.identity

    @property
    def attributes(self) -> Attributes | None:
        return self.place.node

    def status(self) -> FileStatus:
        assert self.place.node is not None
        return self.place.node.status()
