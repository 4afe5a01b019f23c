"""The chown and chmod families (fs/open.c)."""

from __future__ import annotations

import stat

from kernel_model.abi.files import AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW
from kernel_model.abi.inotify import IN_ATTRIB
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.files import File
from kernel_model.files.host_file import HostNode
from kernel_model.files.tree import change
from kernel_model.files.tree.attributes import Attributes
from kernel_model.files.tree.notify import tell_of_file, tell_of_place
from kernel_model.files.tree.permission import check_owner, inode_at
from kernel_model.files.tree.place import Place
from kernel_model.task.credentials import CAP_CHOWN, CAP_FSETID
from kernel_model.time.realtime import realtime

_UNCHANGED = 0xFFFF_FFFF
_RIGHTS = 0o7777


def chown(call: Call, path: int, uid: int, gid: int) -> int:
    return fchownat(call, AT_FDCWD, path, uid, gid, 0)


def lchown(call: Call, path: int, uid: int, gid: int) -> int:
    return fchownat(call, AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW)


def fchownat(call: Call, directory: int, path: int, uid: int, gid: int, flags: int) -> int:
    """Change the owner that the kernel keeps, not the host's. A number of -1 leaves it as it is."""
    if flags & 0xFFFF_FFFF & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise LinuxError(Errno.EINVAL)
    place = present_at(call, directory, path, flags)
    if place is None:
        return _give(call, call.any_file(directory), uid, gid)
    if place.read_only:
        raise LinuxError(Errno.EROFS)
    inode = call.kernel.tree.attributes(place)
    _check_chown(call, inode, _number(uid), _number(gid))
    change.give_to(inode, place.mode, _number(uid), _number(gid), realtime(call.cpu))
    tell_of_place(call.cpu, call.kernel.tree, place, IN_ATTRIB)
    return 0


def fchown(call: Call, fd: int, uid: int, gid: int) -> int:
    return _give(call, call.file(fd), uid, gid)


def _give(call: Call, file: File, uid: int, gid: int) -> int:
    if file.attributes is not None:
        _check_chown(call, file.attributes, _number(uid), _number(gid))
        mode = file.status().mode
        change.give_to(file.attributes, mode, _number(uid), _number(gid), realtime(call.cpu))
        tell_of_file(call.cpu, file, IN_ATTRIB)
    return 0


def _check_chown(call: Call, inode: Attributes, uid: int | None, gid: int | None) -> None:
    """Linux: chown_ok, chgrp_ok. Raises LinuxError EPERM."""
    who = call.task.credentials
    if who.has(CAP_CHOWN):
        return
    owns = who.user.fs == inode.uid
    in_group = gid in (None, inode.gid, who.group.fs, *who.groups)
    if (uid is not None and not (owns and uid == inode.uid)) or (gid is not None and not (owns and in_group)):
        raise LinuxError(Errno.EPERM)


def _number(value: int) -> int | None:
    value &= 0xFFFF_FFFF
    return None if value == _UNCHANGED else value


def chmod(call: Call, path: int, mode: int) -> int:
    return fchmodat(call, AT_FDCWD, path, mode)


def fchmodat(call: Call, directory: int, path: int, mode: int) -> int:
    return fchmodat2(call, directory, path, mode, 0)


def fchmodat2(call: Call, directory: int, path: int, mode: int, flags: int) -> int:
    if flags & 0xFFFF_FFFF & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise LinuxError(Errno.EINVAL)
    place = present_at(call, directory, path, flags)
    if place is None:
        return _change_mode(call, directory, mode)
    if place.read_only:
        raise LinuxError(Errno.EROFS)
    if place.is_link:
        raise LinuxError(Errno.EOPNOTSUPP)
    inode = inode_at(call, place)
    check_owner(call, inode)
    change.set_mode(call, place, _granted(call, inode, mode))
    return 0


def _granted(call: Call, inode: Attributes, mode: int) -> int:
    """The mode that chmod sets: set-group-ID only for members of the group."""
    who = call.task.credentials
    member = inode.gid == who.group.fs or inode.gid in who.groups or who.has(CAP_FSETID)
    return mode & (_RIGHTS if member else _RIGHTS & ~stat.S_ISGID)


def fchmod(call: Call, fd: int, mode: int) -> int:
    call.file(fd)
    return _change_mode(call, fd, mode)


def _change_mode(call: Call, fd: int, mode: int) -> int:
    file = call.any_file(fd)
    if file.place is not None and file.place.read_only:
        raise LinuxError(Errno.EROFS)
    inode = file.attributes
    if inode is not None:
        check_owner(call, inode)
        mode = _granted(call, inode, mode)
    if isinstance(file, HostNode):
        change.set_mode_of_open(call, file, mode)
    elif file.place is not None:
        change.set_mode(call, file.place, mode)
    else:
        file.set_mode(mode & _RIGHTS)
    return 0


def present_at(call: Call, directory: int, path: int, flags: int) -> Place | None:
    """The place that a path call with AT_* `flags` names; None: the descriptor `directory` itself (AT_EMPTY_PATH).

    Raises LinuxError ENOENT.
    """
    name = b"" if not path and flags & AT_EMPTY_PATH else call.memory.read_path(path)
    if not name:
        if not flags & AT_EMPTY_PATH:
            raise LinuxError(Errno.ENOENT)
        if as_int(directory) != AT_FDCWD:
            return None
        name = b"."
    place = call.walk(directory, name, follow=not flags & AT_SYMLINK_NOFOLLOW)
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    return place
