"""The end of a walk through the file tree (Linux: struct path)."""

from __future__ import annotations

import stat
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel_model.files.host_tree import HostKey, Mount, Names
    from kernel_model.files.tree.directory import Directory
    from kernel_model.files.tree.host_inodes import HostInode
    from kernel_model.files.tree.node import Node


@dataclass(frozen=True, slots=True)
class Place:
    """A canonical guest path, what lies there, and whether the path that was walked ended in a slash.

    A place on the host has a `mount`, and a `key` when it exists; a `node` only if it is a FIFO or a socket, which work
    inside the guest alone. One in RAM or of a generated file has a `node` when it exists, and a `parent` when a
    directory in RAM holds it, or would.
    """

    names: Names
    mode: int  # st_mode; 0: the path does not exist
    mount: Mount | None = None
    key: HostKey | None = None
    inode: HostInode | None = None  # of a directory on the host that is held (Tree.hold)
    node: Node | None = None
    parent: Directory | None = None
    is_root: bool = False  # of what is mounted there
    as_directory: bool = False

    @property
    def exists(self) -> bool:
        return self.mode != 0

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def read_only(self) -> bool:
        if self.mount is not None:
            return self.mount.read_only
        inode = self.node or self.parent
        return inode is not None and inode.read_only

    @property
    def path(self) -> bytes:
        return b"/" + b"/".join(self.names)

    @property
    def identity(self) -> Hashable:
        """What all open files of the inode have in common (File.inode); None: nothing lies there."""
        return self.key if self.node is None else self.node.identity

    @property
    def name(self) -> bytes:
        """The last component."""
        return self.names[-1] if self.names else b"/"
