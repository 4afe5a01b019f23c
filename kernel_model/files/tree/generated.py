"""Nodes whose content the kernel makes up when it is asked for: the base of /proc and /sys.

A file system of them is mounted with `Tree.mount(path, root)`. `find` may make its nodes anew each time: they are plain
data (no functions kept in them), so that an open file that refers to one can be part of a snapshot.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from kernel_model.files.tree.node import DirectoryNode, LinkNode, Node
from kernel_model.time.realtime import EPOCH
from pffemu.arch.registers import MASK64

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.file_system import FileSystem


def number_of(path: bytes) -> int:
    """An inode number that depends only on `path` (FNV-1a)."""
    value = 0xCBF29CE484222325
    for octet in path:
        value = (value ^ octet) * 0x100000001B3 & MASK64
    return value >> 16 or 1


class GeneratedDirectory(DirectoryNode):
    """A directory whose names are computed. `key`: what is unique for it in its file system, as its path there."""

    def __init__(self, fs: FileSystem, key: bytes, mode: int = 0o555, now: int = EPOCH) -> None:
        super().__init__(fs, number_of(key), stat.S_IFDIR | mode, now)
        self.links, self.generated = 2, True

    def names(self, caller: Caller) -> list[bytes]:
        """The names that getdents lists, in its order."""
        raise NotImplementedError

    def find(self, caller: Caller | None, name: bytes) -> Node | None:
        """The node called `name`, which need not be listed."""
        raise NotImplementedError

    def entries(self, caller: Caller | None) -> list[tuple[bytes, int, int]]:
        if caller is None:
            return []
        nodes = [(name, self.find(caller, name)) for name in self.names(caller)]
        return [(name, node.mode, node.number) for name, node in nodes if node is not None]


class GeneratedFile(Node):
    """A file whose content is made when it is read."""

    def __init__(self, fs: FileSystem, key: bytes, mode: int = 0o444, now: int = EPOCH) -> None:
        super().__init__(fs, number_of(key), stat.S_IFREG | mode, now)
        self.generated = True


class GeneratedLink(LinkNode):
    """A link whose target is computed; `jump` may lead to an open file of any kind."""

    def __init__(self, fs: FileSystem, key: bytes, mode: int = 0o777, now: int = EPOCH) -> None:
        super().__init__(fs, number_of(key), stat.S_IFLNK | mode, now)
        self.generated = True
