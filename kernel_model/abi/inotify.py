"""Numbers of inotify (linux/inotify.h)."""

from __future__ import annotations

from typing import Final

IN_ACCESS: Final = 0x001
IN_MODIFY: Final = 0x002
IN_ATTRIB: Final = 0x004
IN_CLOSE_WRITE: Final = 0x008
IN_CLOSE_NOWRITE: Final = 0x010
IN_OPEN: Final = 0x020
IN_MOVED_FROM: Final = 0x040
IN_MOVED_TO: Final = 0x080
IN_CREATE: Final = 0x100
IN_DELETE: Final = 0x200
IN_DELETE_SELF: Final = 0x400
IN_MOVE_SELF: Final = 0x800
IN_ALL_EVENTS: Final = 0xFFF
IN_UNMOUNT: Final = 0x2000
IN_Q_OVERFLOW: Final = 0x4000
IN_IGNORED: Final = 0x8000
IN_ONLYDIR: Final = 0x0100_0000
IN_DONT_FOLLOW: Final = 0x0200_0000
IN_EXCL_UNLINK: Final = 0x0400_0000
IN_MASK_CREATE: Final = 0x1000_0000
IN_MASK_ADD: Final = 0x2000_0000
IN_ISDIR: Final = 0x4000_0000
IN_ONESHOT: Final = 0x8000_0000
# all bits that a mask may have
IN_KNOWN: Final = (
    IN_ALL_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED | IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK
    | IN_MASK_CREATE | IN_MASK_ADD | IN_ISDIR | IN_ONESHOT
)  # fmt: skip
