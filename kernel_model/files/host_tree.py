"""The host directories that the user named (--root); no other host file can be reached.

A place is reached component by component with directory descriptors and O_NOFOLLOW: symbolic links are read here and
followed within the guest's tree, `..` never reaches the host. So neither a link nor a race with one leads out. What is
neither a regular file nor a directory (devices, FIFOs, sockets) is never opened on the host.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_model.abi.uapi import Errno, LinuxError

if TYPE_CHECKING:
    from kernel_model.files.tree.place import Place

_OPEN: Final = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_PATH: Final = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK)  # hosts without it may have no roots (machine.roots)
_WALK: Final = _PATH | os.O_NOFOLLOW | os.O_CLOEXEC

Names = tuple[bytes, ...]  # the components of an absolute guest path without links, "." and ".."


class HostKey(NamedTuple):
    """What the host calls a file: st_dev and st_ino."""

    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Mount:
    """A host directory (or file) shown at a guest path.

    `listed`: its parent directory lists it, too. `times`: files were modified when the host says so, not at reset.
    """

    host: str
    guest: Names
    read_only: bool = False
    listed: bool = True
    times: bool = False


@contextmanager
def _opened(mount: Mount, names: Names) -> Iterator[int]:
    """An O_PATH descriptor of `names`, no link followed on the way. Raises LinuxError."""
    with host_errors():
        fd = os.open(mount.host, _PATH | os.O_CLOEXEC)
    try:
        for name in names[len(mount.guest) :]:
            _check_component(name)
            with host_errors():
                below = os.open(name, _WALK, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def look(mount: Mount, names: Names) -> os.stat_result | None:
    """lstat of `names`, which lie in `mount`; None: there is nothing. Raises LinuxError."""
    try:
        with _opened(mount, names) as fd:
            return os.fstat(fd)
    except LinuxError as error:
        if error.errno not in (Errno.ENOENT, Errno.ENOTDIR):
            raise
    return None


@contextmanager
def parent_of(place: Place, *, change: bool = True) -> Iterator[tuple[int, bytes]]:
    """A descriptor of the directory that holds `place`, and the name in it. Raises LinuxError EROFS, EBUSY."""
    if place.mount is None or place.names == place.mount.guest:
        raise LinuxError(Errno.EBUSY if place.exists or not change else Errno.EROFS)
    if change and place.mount.read_only:
        raise LinuxError(Errno.EROFS)
    _check_component(place.names[-1])
    with _opened(place.mount, place.names[:-1]) as fd:
        yield fd, place.names[-1]


def _check_component(name: bytes) -> None:
    """Raises LinuxError EINVAL for what the host would not look for in the directory itself."""
    if not isinstance(name, bytes) or b"/" in name or name in (b"", b".", b".."):
        raise LinuxError(Errno.EINVAL)


def open_host(place: Place, flags: int, mode: int = 0) -> int:
    """A host descriptor of a regular file or directory. `flags`: O_* without O_NOFOLLOW. Raises LinuxError.

    What is there is looked at first, and that very inode opened then: to open a FIFO or a device would have effects.
    """
    assert place.mount is not None
    if place.mount.read_only and flags & (os.O_ACCMODE | os.O_CREAT | os.O_TRUNC):
        raise LinuxError(Errno.EROFS)
    if flags & os.O_CREAT and flags & os.O_EXCL:
        with parent_of(place) as (parent, name), host_errors():
            return os.open(name, flags | _OPEN | os.O_NOFOLLOW, mode, dir_fd=parent)
    with _opened(place.mount, place.names) as found, host_errors():
        kind = os.fstat(found).st_mode
        if stat.S_ISLNK(kind):
            raise LinuxError(Errno.ELOOP)
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise LinuxError(Errno.EACCES)
        return os.open(f"/proc/self/fd/{found}", flags & ~os.O_CREAT | _OPEN, mode)


def host_status(place: Place) -> os.stat_result:
    """lstat of `place`: a link is not followed. Raises LinuxError."""
    assert place.mount is not None
    with _opened(place.mount, place.names) as fd:
        return os.fstat(fd)


def read_host_link(place: Place) -> bytes:
    """The target of a link. Raises LinuxError."""
    with parent_of(place, change=False) as (parent, name), host_errors():
        return os.readlink(name, dir_fd=parent)


def list_host(place: Place) -> list[tuple[bytes, os.stat_result]]:
    """(name, status) of everything in a directory, without "." and ".."."""
    fd = open_host(place, os.O_RDONLY | os.O_DIRECTORY)
    found = []
    try:
        with host_errors():
            names = os.listdir(fd)
        for name in names:
            with suppress(OSError):
                found.append((os.fsencode(name), os.lstat(name, dir_fd=fd)))
    finally:
        os.close(fd)
    return found


def key_of(status: os.stat_result) -> HostKey:
    return HostKey(status.st_dev, status.st_ino)


@contextmanager
def host_errors() -> Iterator[None]:
    """Turn the host kernel's errors into the guest's. Raises LinuxError."""
    try:
        yield
    except OSError as error:
        number = error.errno or Errno.EIO
        raise LinuxError(Errno(number) if number in Errno._value2member_map_ else Errno.EIO) from error
    except ValueError as error:  # a NUL byte in a name
        raise LinuxError(Errno.ENOENT) from error
