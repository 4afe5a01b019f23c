"""Extended attributes (fs/xattr.c): names and values that the kernel keeps, also of files on the host."""

from __future__ import annotations

import stat
from typing import Final

from kernel_model.abi.files import AT_FDCWD
from kernel_model.abi.inotify import IN_ATTRIB
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.files.tree.attributes import Attributes
from kernel_model.files.tree.notify import tell_of_file, tell_of_place
from kernel_model.files.tree.permission import MAY_READ, MAY_WRITE, grants
from kernel_model.files.tree.place import Place
from kernel_model.task.credentials import CAP_SYS_ADMIN
from kernel_model.time.realtime import realtime

_LONGEST_NAME: Final = 255
_VALUE_MAX: Final = 1 << 16
_ALL_MAX: Final = 1 << 17  # bytes of one inode
_CREATE, _REPLACE = 1, 2
_USER, _TRUSTED, _SECURITY, _ACL = b"user.", b"trusted.", b"security.", b"system.posix_acl_"


class _Target:
    """What a call is about: an inode, its mode, and how to tell of a change; `inode` None: a file without any."""

    def __init__(self, call: Call, *, fd: int | None = None, place: Place | None = None) -> None:
        self._call, self._place, self._file = call, place, None if fd is None else call.file(fd)
        self.inode: Attributes | None
        if place is not None:
            self.inode, self.mode, self.read_only = call.kernel.tree.attributes(place), place.mode, place.read_only
        else:
            assert self._file is not None
            self.inode, self.mode = self._file.attributes, self._file.status().mode
            self.read_only = self._file.place is not None and self._file.place.read_only

    def changed(self) -> None:
        assert self.inode is not None
        self.inode.ctime = realtime(self._call.cpu)
        if self._place is not None:
            tell_of_place(self._call.cpu, self._call.kernel.tree, self._place, IN_ATTRIB)
        elif self._file is not None:
            tell_of_file(self._call.cpu, self._file, IN_ATTRIB)


def setxattr(call: Call, path: int, name: int, value: int, size: int, flags: int) -> int:
    text, data = _name(call, name, flags), _value(call, value, size)
    return _set(call, _at(call, path, follow=True), text, data, flags)


def lsetxattr(call: Call, path: int, name: int, value: int, size: int, flags: int) -> int:
    text, data = _name(call, name, flags), _value(call, value, size)
    return _set(call, _at(call, path, follow=False), text, data, flags)


def fsetxattr(call: Call, fd: int, name: int, value: int, size: int, flags: int) -> int:
    target = _Target(call, fd=fd)
    return _set(call, target, _name(call, name, flags), _value(call, value, size), flags)


def getxattr(call: Call, path: int, name: int, value: int, size: int) -> int:
    return _get(call, _at(call, path, follow=True), _name(call, name), value, size)


def lgetxattr(call: Call, path: int, name: int, value: int, size: int) -> int:
    return _get(call, _at(call, path, follow=False), _name(call, name), value, size)


def fgetxattr(call: Call, fd: int, name: int, value: int, size: int) -> int:
    return _get(call, _Target(call, fd=fd), _name(call, name), value, size)


def listxattr(call: Call, path: int, address: int, size: int) -> int:
    return _list(call, _at(call, path, follow=True), address, size)


def llistxattr(call: Call, path: int, address: int, size: int) -> int:
    return _list(call, _at(call, path, follow=False), address, size)


def flistxattr(call: Call, fd: int, address: int, size: int) -> int:
    return _list(call, _Target(call, fd=fd), address, size)


def removexattr(call: Call, path: int, name: int) -> int:
    return _remove(call, _at(call, path, follow=True), _name(call, name))


def lremovexattr(call: Call, path: int, name: int) -> int:
    return _remove(call, _at(call, path, follow=False), _name(call, name))


def fremovexattr(call: Call, fd: int, name: int) -> int:
    return _remove(call, _Target(call, fd=fd), _name(call, name))


# -- arguments --------------------------------------------------------------------------------------------------------


def _at(call: Call, path: int, *, follow: bool) -> _Target:
    name = call.memory.read_path(path)
    if not name:
        raise LinuxError(Errno.ENOENT)
    place = call.walk(AT_FDCWD, name, follow=follow)
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    return _Target(call, place=place)


def _name(call: Call, address: int, flags: int = 0) -> bytes:
    """Raises LinuxError EINVAL (flags), EFAULT, ERANGE (empty, or too long)."""
    if as_int(flags) & ~(_CREATE | _REPLACE):
        raise LinuxError(Errno.EINVAL)
    try:
        name = call.memory.read_string(address, _LONGEST_NAME + 1)
    except LinuxError as error:
        raise LinuxError(Errno.ERANGE) if error.errno == Errno.E2BIG else error from None
    if not 0 < len(name) <= _LONGEST_NAME:
        raise LinuxError(Errno.ERANGE)
    return name


def _value(call: Call, address: int, size: int) -> bytes:
    if size > _VALUE_MAX:
        raise LinuxError(Errno.E2BIG)
    return call.memory.read(address, size) if size else b""


# -- the four operations ----------------------------------------------------------------------------------------------


def _check(call: Call, target: _Target, name: bytes, *, change: bool) -> dict[bytes, bytes]:
    """Linux: xattr_permission and xattr_resolve_name; the inode's attributes. Raises LinuxError."""
    refused = LinuxError(Errno.EPERM if change else Errno.ENODATA)
    if change and target.read_only:
        raise LinuxError(Errno.EROFS)
    if name.startswith(_TRUSTED) and not call.task.credentials.has(CAP_SYS_ADMIN):
        raise refused
    if name.startswith(_USER) and not (stat.S_ISREG(target.mode) or stat.S_ISDIR(target.mode)):
        raise refused
    if name.startswith(_SECURITY) and change and not call.task.credentials.has(CAP_SYS_ADMIN):
        raise LinuxError(Errno.EPERM)
    if name.startswith(_USER) and target.inode is not None:
        wanted = MAY_WRITE if change else MAY_READ
        if not grants(call.task.credentials, target.inode, target.mode, wanted):
            raise LinuxError(Errno.EACCES)
    known = name.startswith((_USER, _TRUSTED, _SECURITY)) or name in (_ACL + b"access", _ACL + b"default")
    if target.inode is None or target.inode.generated or not known:
        raise LinuxError(Errno.EOPNOTSUPP)
    if name in (_USER, _TRUSTED, _SECURITY):
        raise LinuxError(Errno.EINVAL)
    return target.inode.xattrs


def _set(call: Call, target: _Target, name: bytes, value: bytes, flags: int) -> int:
    xattrs = _check(call, target, name, change=True)
    if name.startswith(_ACL):
        raise call.unsupported("access control lists", Errno.EOPNOTSUPP)
    if flags & _CREATE and name in xattrs:
        raise LinuxError(Errno.EEXIST)
    if flags & _REPLACE and name not in xattrs:
        raise LinuxError(Errno.ENODATA)
    assert target.inode is not None
    others = sum(len(key) + len(data) for key, data in xattrs.items() if key != name)
    if others + len(name) + len(value) > _ALL_MAX:
        raise LinuxError(Errno.ENOSPC)
    target.inode.xattrs = {**xattrs, name: value}
    target.changed()
    return 0


def _get(call: Call, target: _Target, name: bytes, address: int, size: int) -> int:
    """Its size, and with `size` not 0 its value. Errors: ENODATA, ERANGE."""
    xattrs = _check(call, target, name, change=False)
    if name not in xattrs:
        raise LinuxError(Errno.ENODATA)
    return _give(call, xattrs[name], address, size)


def _list(call: Call, target: _Target, address: int, size: int) -> int:
    xattrs = target.inode.xattrs if target.inode is not None else {}
    sees_all = call.task.credentials.has(CAP_SYS_ADMIN)
    names = [name for name in sorted(xattrs) if sees_all or not name.startswith(_TRUSTED)]
    return _give(call, b"".join(name + b"\0" for name in names), address, size)


def _give(call: Call, data: bytes, address: int, size: int) -> int:
    if size:
        if len(data) > size:
            raise LinuxError(Errno.ERANGE)
        call.memory.write(address, data)
    return len(data)


def _remove(call: Call, target: _Target, name: bytes) -> int:
    xattrs = _check(call, target, name, change=True)
    if name not in xattrs:
        raise LinuxError(Errno.ENODATA)
    assert target.inode is not None
    target.inode.xattrs = {key: value for key, value in xattrs.items() if key != name}
    target.changed()
    return 0
