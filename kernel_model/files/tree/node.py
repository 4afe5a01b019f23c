"""An inode of a file system in RAM, or of a generated file (Linux: struct inode)."""

from __future__ import annotations

import stat
from collections.abc import Hashable
from typing import TYPE_CHECKING, ClassVar

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.status import FileStatus
from kernel_model.files.tree.attributes import Attributes

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.place import Place


class Node(Attributes):
    """One inode. `mode`: type and rights; `links`: names of it, 0 once unlinked."""

    def __init__(self, fs: FileSystem, number: int, mode: int, now: int) -> None:
        super().__init__(number)
        self.born(now)
        self.fs, self.mode = fs, mode
        self.links = 1
        self.linkable = False  # link may give it its first name (O_TMPFILE)

    verdict: bool | None = None  # whether the thread that has looked it up may use it; None: the mode says so

    @property
    def identity(self) -> Hashable:
        """What all open files of this inode have in common."""
        return self.fs.device, self.number

    @property
    def read_only(self) -> bool:
        """Whether its file system is."""
        return self.fs.read_only

    @property
    def size(self) -> int:
        """st_size."""
        return 0

    @property
    def blocks(self) -> int:
        """st_blocks, of 512 bytes."""
        return 0

    @property
    def rdev(self) -> int:
        return 0

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    def status(self) -> FileStatus:
        return FileStatus(
            mode=self.mode, size=self.size, inode=self.number, device=self.fs.device, links=self.links, uid=self.uid,
            gid=self.gid, rdev=self.rdev, blocks=self.blocks, atime=self.atime, mtime=self.mtime, ctime=self.ctime,
            btime=self.btime,
        )  # fmt: skip

    def open(self, call: Caller, place: Place, flags: int) -> File:
        """Open it; `flags` as F_GETFL will return them. Raises LinuxError, and Blocked to wait."""
        raise LinuxError(Errno.ENXIO)

    def empty(self, now: int) -> None:
        """O_TRUNC: cut a regular file to nothing; without effect on any other. Raises LinuxError."""

    def linked(self, now: int) -> None:
        """It has another name."""
        self.links += 1
        self.linkable = self.gone = False
        self.ctime = now

    def unlinked(self, now: int) -> None:
        """A name of it is gone. The last one frees what no open file needs."""
        self.links -= 1
        self.gone = not self.links
        self.ctime = now
        self.fs.drop_inode()


class DirectoryNode(Node):
    """A directory of any kind: names that lead to nodes."""

    def find(self, caller: Caller | None, name: bytes) -> Node | None:
        """The node called `name`. `caller`: who looks; None: no process does, as when a program is loaded."""
        raise NotImplementedError

    def entries(self, caller: Caller | None) -> list[tuple[bytes, int, int]]:
        """(name, st_mode, st_ino) of all but "." and "..", in the order that getdents returns."""
        raise NotImplementedError


class LinkNode(Node):
    """A symbolic link. `magic`: one of /proc that leads to a file itself, whatever its text says."""

    magic: ClassVar[bool] = False

    def target(self, caller: Caller | None) -> bytes:
        """What readlink returns."""
        raise NotImplementedError

    def jump(self, caller: Caller | None) -> Place | None:
        """Where following the link leads without a walk (links of /proc/PID); None: walk `target`."""
        return None
