"""The host directories that the user named (--root), as the guest's file tree; no other host file can be reached.

A path is walked component by component with directory descriptors and O_NOFOLLOW: symbolic links are read here and
followed within the guest's tree, `..` never reaches the host. So neither a link nor a race with one leads out. A path
outside them is ENOENT; what is neither file, directory nor link (devices, FIFOs) cannot be opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from kernel_model.abi.files import NAME_MAX
from kernel_model.abi.uapi import Errno, LinuxError

_LINKS_MAX: Final = 40  # followed in one walk (MAXSYMLINKS)
_WALK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC

Names = tuple[bytes, ...]  # the components of an absolute guest path without links, "." and ".."


@dataclass(frozen=True, slots=True)
class Mount:
    """A host directory (or file) shown at a guest path. `listed`: its parent directory lists it, too."""

    host: str
    guest: Names
    read_only: bool = False
    listed: bool = True


@dataclass(frozen=True, slots=True)
class MadeUp:
    """Files that the kernel makes up: st_mode by guest path, and the targets of links."""

    modes: Mapping[Names, int]
    links: Mapping[Names, bytes]


@dataclass(frozen=True, slots=True)
class Place:
    """The end of a walk: a canonical guest path, what lies there, and whether the path ended in a slash."""

    names: Names
    mount: Mount | None  # None: a directory that only leads to mounts
    mode: int  # st_mode; 0: the path does not exist
    as_directory: bool = False

    @property
    def exists(self) -> bool:
        return self.mode != 0

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def path(self) -> bytes:
        return b"/" + b"/".join(self.names)


class HostTree:
    """The mounts, as plain data: host files are opened on demand."""

    def __init__(self, mounts: list[Mount]) -> None:
        """If two mounts hold a path, the longer (then the later) one counts."""
        self.mounts: list[Mount] = []
        for mount in mounts:
            self.add(mount)

    def add(self, mount: Mount) -> None:
        self.mounts = sorted([*self.mounts, mount], key=lambda mount: len(mount.guest))

    # -- walking ------------------------------------------------------------------------------------------------

    def walk(self, start: Names, path: bytes, made_up: MadeUp, *, follow: bool = True) -> Place:
        """Resolve `path` from directory `start`; the last component need not exist.

        `follow`: follow a link that is the last component, too. `made_up` files hide all others.
        Raises LinuxError ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG.
        """
        names = () if path.startswith(b"/") else start
        pending = _components(path)[::-1]
        as_directory = path.endswith((b"/", b"/.", b"/..")) or path in (b".", b"..")
        links = 0
        place = self._look(names, made_up)
        while pending:
            name = pending.pop()
            if not place.is_directory:
                raise LinuxError(Errno.ENOTDIR if place.exists else Errno.ENOENT)
            if name == b".":
                continue
            if name == b"..":
                place = self._look(place.names[:-1], made_up)
                continue
            if len(name) > NAME_MAX:
                raise LinuxError(Errno.ENAMETOOLONG)
            found = self._look((*place.names, name), made_up)
            if stat.S_ISLNK(found.mode) and (pending or follow or as_directory):
                links += 1
                if links > _LINKS_MAX:
                    raise LinuxError(Errno.ELOOP)
                target = made_up.links.get(found.names) or self.read_link(found)
                if target.startswith(b"/"):
                    place = self._look((), made_up)
                as_directory |= not pending and target.endswith(b"/")
                pending += _components(target)[::-1]
                continue
            place = found
        if as_directory and place.exists and not place.is_directory:
            raise LinuxError(Errno.ENOTDIR)
        return Place(place.names, place.mount, place.mode, as_directory)

    def _look(self, names: Names, made_up: MadeUp) -> Place:
        """The place of a path without links."""
        if names in made_up.modes:
            return Place(names, None, made_up.modes[names])
        mount = self.mount_of(names)
        if mount is None:
            leads = not names or any(other.guest[: len(names)] == names for other in self.mounts)
            return Place(names, None, stat.S_IFDIR | 0o555 if leads else 0)
        try:
            with self._opened(mount, names) as fd:
                return Place(names, mount, os.fstat(fd).st_mode)
        except LinuxError as error:
            if error.errno not in (Errno.ENOENT, Errno.ENOTDIR):
                raise
        leads = any(other.guest[: len(names)] == names for other in self.mounts)
        return Place(names, None if leads else mount, stat.S_IFDIR | 0o555 if leads else 0)

    def mount_of(self, names: Names) -> Mount | None:
        holding = [mount for mount in self.mounts if names[: len(mount.guest)] == mount.guest]
        return holding[-1] if holding else None

    # -- reaching the host --------------------------------------------------------------------------------------

    @contextmanager
    def _opened(self, mount: Mount, names: Names) -> Iterator[int]:
        """An O_PATH descriptor of `names`, no link followed on the way. Raises LinuxError."""
        with host_errors():
            fd = os.open(mount.host, os.O_PATH | os.O_CLOEXEC)
        try:
            for name in names[len(mount.guest) :]:
                with host_errors():
                    below = os.open(name, _WALK, dir_fd=fd)
                os.close(fd)
                fd = below
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def parent(self, place: Place, *, change: bool = True) -> Iterator[tuple[int, bytes]]:
        """A descriptor of the directory that holds `place`, and the name in it. Raises LinuxError EROFS, EBUSY."""
        if place.mount is None or place.names == place.mount.guest:
            raise LinuxError(Errno.EBUSY if place.exists or not change else Errno.EROFS)
        if change and place.mount.read_only:
            raise LinuxError(Errno.EROFS)
        with self._opened(place.mount, place.names[:-1]) as fd:
            yield fd, place.names[-1]

    def open(self, place: Place, flags: int, mode: int = 0) -> int:
        """A host descriptor of a regular file or directory. `flags`: O_* without O_NOFOLLOW. Raises LinuxError."""
        assert place.mount is not None
        extra = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        with host_errors():
            if place.names == place.mount.guest:
                fd = os.open(place.mount.host, flags & ~os.O_CREAT | extra)
            else:
                with self._opened(place.mount, place.names[:-1]) as parent:
                    fd = os.open(place.names[-1], flags | extra, mode, dir_fd=parent)
        kind = os.fstat(fd).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            os.close(fd)
            raise LinuxError(Errno.EACCES)
        return fd

    def status(self, place: Place) -> os.stat_result:
        """lstat of `place`: a link is not followed. Raises LinuxError."""
        assert place.mount is not None
        with self._opened(place.mount, place.names) as fd:
            return os.fstat(fd)

    def read_link(self, place: Place) -> bytes:
        """The target of a link. Raises LinuxError EINVAL when `place` is not a link, ENOENT."""
        if not stat.S_ISLNK(place.mode):
            raise LinuxError(Errno.EINVAL if place.exists else Errno.ENOENT)
        with self.parent(place, change=False) as (parent, name), host_errors():
            return os.readlink(name, dir_fd=parent)

    def list(self, place: Place) -> list[tuple[bytes, int]]:
        """(name, st_mode) of everything in a directory, by name, without "." and ".."."""
        found: dict[bytes, int] = {}
        if place.mount is not None:
            fd = self.open(place, os.O_RDONLY | os.O_DIRECTORY)
            try:
                with host_errors():
                    names = os.listdir(fd)
                for name in names:
                    with suppress(OSError):
                        found[os.fsencode(name)] = os.lstat(name, dir_fd=fd).st_mode
            finally:
                os.close(fd)
        depth = len(place.names)
        for mount in self.mounts:
            if mount.listed and len(mount.guest) > depth and mount.guest[:depth] == place.names:
                found[mount.guest[depth]] = stat.S_IFDIR | 0o755
        return sorted(found.items())


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


def _components(path: bytes) -> list[bytes]:
    return [name for name in path.split(b"/") if name]
