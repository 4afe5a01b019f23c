"""What the kernel keeps of files on the host: owner, times and rights that are not the host's, and FIFOs and sockets.

The host knows nothing of it. A file is known by its device and inode number there, from when the guest makes, opens or
changes it until its last name is gone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_model.files.host_tree import HostKey, key_of
from kernel_model.files.status import FileStatus
from kernel_model.files.tree.attributes import Attributes
from kernel_model.files.tree.generated import number_of
from kernel_model.time.realtime import EPOCH

if TYPE_CHECKING:
    from kernel_model.files.host_tree import Mount, Names
    from kernel_model.files.tree.node import Node

HOST_RIGHTS: Final = 0o777  # the bits of a mode that the host keeps: no set-ID bits there


@dataclass(slots=True, eq=False)
class HostInode(Attributes):
    """`rights`: bits of the mode that the host does not have. `names`: its path in the guest now, if that is known.

    `node`: of a FIFO or socket, whose mode is all here; and of a directory that was removed.
    """

    rights: int = 0
    names: Names | None = None
    node: Node | None = None

    def mode(self, host_mode: int) -> int:
        """st_mode of a file that has `host_mode` on the host."""
        return self.node.mode if self.node is not None else host_mode & ~0o7000 | self.rights


class HostInodes:
    """The inodes that are kept, by what the host calls them."""

    def __init__(self) -> None:
        self._kept: dict[HostKey, HostInode] = {}
        self._made = 0

    def get(self, key: HostKey) -> HostInode | None:
        return self._kept.get(key)

    def at(self, key: HostKey, names: Names) -> HostInode:
        """The inode of a file that the guest finds at `names`; one that is not kept has only what follows from that."""
        number = number_of(b"/" + b"/".join(names))
        return self._kept.get(key) or HostInode(number, atime=EPOCH, mtime=EPOCH, ctime=EPOCH, btime=EPOCH)

    def keep(self, key: HostKey, names: Names) -> HostInode:
        """The inode, kept from now on."""
        inode = self._kept[key] = self.at(key, names)
        inode.names = inode.names or names
        return inode

    def moved(self, *moves: tuple[Names, Names]) -> None:
        """Names have moved from one path to another, with all that lies below."""
        for inode in self._kept.values():
            names = inode.names
            for old, new in moves:
                if names is not None and names[: len(old)] == old:
                    inode.names = (*new, *names[len(old) :])

    def make(self, status: os.stat_result, names: Names, now: int) -> HostInode:
        """The guest has made a file: whatever had its numbers before is gone."""
        self._made += 1
        inode = self._kept[key_of(status)] = HostInode(number_of(b"#%d" % self._made), names=names)
        inode.born(now)
        return inode

    def forget(self, key: HostKey) -> None:
        """The last name is gone; open files have the inode still."""
        self._kept.pop(key, None)


def status_of(inode: HostInode, status: os.stat_result, mount: Mount | None) -> FileStatus:
    """Type, rights, size and links come from the host, all else from the kernel: the same on every host.

    Where the user asked for it (`Mount.times`), so does the time of the last modification.
    """
    mtime = status.st_mtime_ns if mount is not None and mount.times else inode.mtime
    return FileStatus(
        mode=inode.mode(status.st_mode), size=status.st_size, inode=inode.number, links=status.st_nlink, uid=inode.uid,
        gid=inode.gid, atime=inode.atime, mtime=mtime, ctime=inode.ctime, btime=inode.btime,
    )  # fmt: skip
