"""What an inode has besides its content: its owner, its times (Linux: struct inode, struct iattr)."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kernel_model.files.inotify import Watch

_DAY: Final = 86_400 * 10**9  # ns
_S_ISGID, _S_IXGRP = 0o2000, 0o010


@dataclass(slots=True, eq=False)
class Attributes:
    """Times are in nanoseconds since 1970. `number`: st_ino.

    `opens`: open files of it; `gone`: it has no name any more; `generated`: it is made anew when it is asked for.
    """

    number: int
    uid: int = 0
    gid: int = 0
    atime: int = 0
    mtime: int = 0
    ctime: int = 0
    btime: int = 0
    opens: int = 0
    gone: bool = False
    generated: bool = False
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    watches: tuple[Watch, ...] = ()

    def born(self, now: int) -> None:
        """It was made at `now`."""
        self.atime = self.mtime = self.ctime = self.btime = now

    def accessed(self, now: int) -> None:
        """Linux: relatime_need_update; a read updates the time of access when that is old."""
        if self.atime <= max(self.mtime, self.ctime) or now - self.atime >= _DAY:
            self.atime = now

    def modified(self, now: int) -> None:
        """The content was changed."""
        self.mtime = self.ctime = now


def without_set_id(mode: int) -> int:
    """`mode` without the set-ID bits that a change of owner, or of the content, takes from what is no directory."""
    if stat.S_ISDIR(mode):
        return mode
    return mode & ~(stat.S_ISUID | (_S_ISGID if mode & _S_IXGRP else 0))
