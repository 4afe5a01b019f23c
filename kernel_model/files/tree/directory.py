"""A directory in RAM (mm/shmem.c): names that point to inodes, in the order of their names."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.tree.node import DirectoryNode

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.node import Node

_ENTRY_SIZE: Final = 20  # bytes of st_size that an entry counts (BOGO_DIRENT_SIZE)
_S_ISVTX, _S_ISGID = 0o1000, 0o2000


@dataclass(slots=True, eq=False)
class HeldName:
    """A name by which files were opened (Linux: a dentry): it follows renames. `users`: open files."""

    parent: Directory
    name: bytes
    gone: bool = False
    users: int = 0

    def drop(self) -> None:
        """One of the files is closed."""
        self.users -= 1
        if not self.users and not self.gone:
            del self.parent.held[self.name]

    @property
    def names(self) -> tuple[bytes, ...] | None:
        """The path from the root of the file system; None: the directory was removed."""
        above = path_below(self.parent)
        return None if above is None else (*above, self.name)


class Directory(DirectoryNode):
    """`up`: the directory that holds it, or did; itself for the root of its file system."""

    def __init__(self, fs: FileSystem, number: int, mode: int, now: int) -> None:
        super().__init__(fs, number, stat.S_IFDIR | mode & 0o7777, now)
        self.links = 2
        self.up, self.name = self, b""
        self.children: dict[bytes, Node] = {}
        self.held: dict[bytes, HeldName] = {}

    @property
    def size(self) -> int:
        return _ENTRY_SIZE * (len(self.children) + 2)

    @property
    def removed(self) -> bool:
        return self.links == 0

    def find(self, caller: Caller | None, name: bytes) -> Node | None:
        return self.children.get(name)

    def entries(self, caller: Caller | None) -> list[tuple[bytes, int, int]]:
        return [(name, node.mode, node.number) for name, node in sorted(self.children.items())]

    # -- changes --------------------------------------------------------------------------------------------------

    def add(self, name: bytes, node: Node, now: int) -> None:
        """Enter `node`, which counts as an inode already. Raises LinuxError ENOENT: the directory was removed."""
        if self.removed:
            raise LinuxError(Errno.ENOENT)
        if isinstance(node, Directory):
            node.up, node.name = self, name
            self.links += 1
        self.children[name] = node
        self.mtime = self.ctime = now

    def remove(self, name: bytes, now: int) -> None:
        """Remove the entry `name` and a link of its node."""
        held = self.held.pop(name, None)
        if held is not None:
            held.gone = True
        self.take(name, now).unlinked(now)

    def take(self, name: bytes, now: int) -> Node:
        """Remove the entry `name`; the node's links stay as they are."""
        node = self.children.pop(name)
        if isinstance(node, Directory):
            self.links -= 1
        self.mtime = self.ctime = now
        return node

    def hold(self, name: bytes) -> HeldName:
        """The name, for another open file."""
        held = self.held.setdefault(name, HeldName(self, name))
        held.users += 1
        return held

    def is_below(self, other: Directory) -> bool:
        """Whether it is `other` or lies below it."""
        directory = self
        while directory is not other:
            if directory.up is directory:
                return False
            directory = directory.up
        return True

    def unlinked(self, now: int) -> None:
        """rmdir: the directory is gone; "." and ".." with it."""
        self.links, self.gone = 0, True
        self.ctime = now
        self.fs.drop_inode()


def path_below(directory: Directory) -> tuple[bytes, ...] | None:
    """The names that lead to `directory` from the root of its file system; None: it was removed."""
    names: list[bytes] = []
    while True:
        if directory.removed:
            return None
        if directory.up is directory:
            return tuple(reversed(names))
        names.append(directory.name)
        directory = directory.up


def last_path(directory: Directory) -> tuple[bytes, ...] | None:
    """The names that led to a removed directory; None: it was not removed, or what held it was removed, too."""
    above = path_below(directory.up) if directory.removed and directory.up is not directory else None
    return None if above is None else (*above, directory.name)
