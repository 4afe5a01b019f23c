"""The name of a socket in the file tree: bind makes it, connect finds the socket by it (net/unix/af_unix.c)."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from kernel_model.files.tree.node import Node

if TYPE_CHECKING:
    from kernel_model.files.file import File
    from kernel_model.files.tree.file_system import FileSystem


class SocketNode(Node):
    """`socket`: the one that is bound to it; None once it is closed, and when mknod made the node."""

    def __init__(self, fs: FileSystem, number: int, mode: int, now: int) -> None:
        super().__init__(fs, number, stat.S_IFSOCK | mode & 0o7777, now)
        self.socket: File | None = None
