"""Host files that somebody else may have named or be changing: regular ones only, bounded, replaced whole or not."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def read_regular(path: Path, limit: int) -> bytes:
    """The bytes of a regular file. Never waits: FIFOs and devices are refused without being read.

    Raises OSError, also EINVAL for what is no regular file and EFBIG for more than `limit` bytes.
    """
    fd = os.open(path, _FLAGS)
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
        return file.read(status.st_size)  # what is added meanwhile is not


def replace_file(path: Path, data: bytes) -> None:
    """Make `path` hold `data`: all of it, or, when this fails or is killed, what it held before. Raises OSError.

    A symbolic link at `path` is replaced, not followed; an existing file passes its permissions on.
    """
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISLNK(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        mode = stat.S_IMODE(status.st_mode) & 0o777 if stat.S_ISREG(status.st_mode) else _new_mode()
    except FileNotFoundError:
        mode = _new_mode()
    import tempfile  # imported here: most commands write no file

    fd, unfinished = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(fd, mode)
            os.fsync(fd)
        os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(unfinished)
        raise
    _sync_folder(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """`replace_file`, where that is possible: a link, a FIFO or a device that the user names is written to.

    So is a file whose folder cannot be changed. Raises OSError.
    """
    try:
        if path.is_symlink() or (os.path.exists(path) and not os.path.isfile(path)):
            raise PermissionError
        replace_file(path, data)
    except PermissionError:
        path.write_bytes(data)


def _new_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a crash of the host, where its file system can."""
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
