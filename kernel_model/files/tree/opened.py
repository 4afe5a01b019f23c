"""The node that a link of /proc/PID/fd leads to when the open file has none of its own in the tree."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_model.files.host_file import PathFile
from kernel_model.files.tree.node import Node
from kernel_model.files.tree.place import Place

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.status import FileStatus
    from kernel_model.files.tree.file_system import FileSystem


class OpenedNode(Node):
    """The inode of an open file. Another open of it is the file's own `reopen`."""

    def __init__(self, fs: FileSystem, file: File) -> None:
        status = file.status()
        super().__init__(fs, status.inode, status.mode, 0)
        self.file = file

    @property
    def read_only(self) -> bool:
        """As where the file lies: a host directory may be, whatever the rights of the file are."""
        return self.file.place is not None and self.file.place.read_only

    def status(self) -> FileStatus:
        return self.file.status()

    def empty(self, now: int) -> None:
        if stat.S_ISREG(self.mode):
            self.file.truncate(0)

    def open(self, call: Caller, place: Place, flags: int) -> File:
        return self.file.reopen(call, flags)


def place_of_file(caller: Caller, file: File) -> Place:
    """Where following a link to the open `file` leads, even if no path does any more."""
    place = file.place
    if place is not None and place.mount is None:
        path = None if file.opening is None else file.opening.path
        return place if path is None else replace(place, names=tuple(path.split(b"/")[1:]))
    if place is not None and (place.is_directory or isinstance(file, PathFile)):
        return caller.kernel.tree.again(place)
    node = OpenedNode(caller.kernel.tree.host_fs, file)
    names = place.names if place is not None else (file.name.encode(errors="surrogateescape"),)
    return Place(names, node.mode, node=node)
