"""/dev/pts: a node for each pseudo-terminal that has a master (fs/devpts/inode.c)."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

from kernel_model.abi.terminal import PTMX, UNIX98_PTY_SLAVE_MAJOR
from kernel_model.files.tree.devices import DeviceNode
from kernel_model.files.tree.node import DirectoryNode
from kernel_model.time.realtime import EPOCH

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.node import Node

_PTMX: Final = b"ptmx"
_FIRST_INODE: Final = 3  # of terminal 0: behind the root and ptmx


class Devpts(DirectoryNode):
    """The root of the file system."""

    def __init__(self, fs: FileSystem) -> None:
        super().__init__(fs, 1, stat.S_IFDIR | 0o755, EPOCH)
        self.links = 2
        self.nodes: dict[bytes, DeviceNode] = {_PTMX: DeviceNode(fs, 2, stat.S_IFCHR, PTMX, EPOCH)}

    def find(self, caller: Caller | None, name: bytes) -> Node | None:
        return self.nodes.get(name)

    def entries(self, caller: Caller | None) -> list[tuple[bytes, int, int]]:
        return [(name, node.mode, node.number) for name, node in self.nodes.items()]

    def add(self, number: int, uid: int, gid: int, now: int) -> DeviceNode:
        """The node of a new terminal, which belongs to the user that opened it."""
        device = (UNIX98_PTY_SLAVE_MAJOR, number)
        node = DeviceNode(self.fs, number + _FIRST_INODE, stat.S_IFCHR | 0o600, device, now)
        node.uid, node.gid = uid, gid
        self.nodes[b"%d" % number] = node
        return node

    def remove(self, number: int) -> None:
        node = self.nodes.pop(b"%d" % number, None)
        if node is not None:
            node.links, node.gone = 0, True
