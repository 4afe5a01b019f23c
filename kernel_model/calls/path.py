"""Calls that change a file tree: mkdir, unlink, rename, link, symlink, chmod, truncate (fs/namei.c, fs/open.c)."""

from __future__ import annotations

import os
import stat

from kernel_model.abi.files import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_REMOVEDIR,
    AT_SYMLINK_FOLLOW,
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
)
from kernel_model.abi.inotify import IN_MODIFY
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.calls.file import check_growth
from kernel_model.calls.open import break_leases, refuse_running
from kernel_model.files.host_tree import host_errors, open_host
from kernel_model.files.tree import change
from kernel_model.files.tree.generated import GeneratedFile
from kernel_model.files.tree.notify import tell_of_place
from kernel_model.files.tree.opened import place_of_file
from kernel_model.files.tree.permission import MAY_WRITE, check
from kernel_model.files.tree.place import Place
from kernel_model.files.tree.regular import Regular
from kernel_model.task.credentials import CAP_MKNOD
from kernel_model.time.realtime import realtime

_OFFSET_SIGN = 1 << 63


def mkdir(call: Call, path: int, mode: int) -> int:
    return mkdirat(call, AT_FDCWD, path, mode)


def mkdirat(call: Call, directory: int, path: int, mode: int) -> int:
    place = _walk_to_entry(call, directory, path)
    change.make_directory(call, place, mode & 0o1777 & ~call.process.umask)
    return 0


def mknod(call: Call, path: int, mode: int, device: int) -> int:
    return mknodat(call, AT_FDCWD, path, mode, device)


def mknodat(call: Call, directory: int, path: int, mode: int, device: int) -> int:
    """A regular file, FIFO, socket or device. Errors: EPERM (a directory; a device under a root), EINVAL."""
    kind = mode & S_IFMT or S_IFREG
    if kind == S_IFDIR:
        raise LinuxError(Errno.EPERM)
    if kind not in (S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK):
        raise LinuxError(Errno.EINVAL)
    if kind in (S_IFCHR, S_IFBLK) and not call.task.credentials.has(CAP_MKNOD):
        raise LinuxError(Errno.EPERM)
    place = _walk_to_entry(call, directory, path)
    device &= 0xFFFF_FFFF
    numbers = (device >> 8 & 0xFFF, device & 0xFF | device >> 12 & 0xF_FF00)
    change.make_node(call, place, kind | mode & 0o7777 & ~call.process.umask, numbers)
    return 0


def rmdir(call: Call, path: int) -> int:
    return unlinkat(call, AT_FDCWD, path, AT_REMOVEDIR)


def unlink(call: Call, path: int) -> int:
    return unlinkat(call, AT_FDCWD, path, 0)


def unlinkat(call: Call, directory: int, path: int, flags: int) -> int:
    """Remove a file, or with AT_REMOVEDIR an empty directory."""
    if flags & 0xFFFF_FFFF & ~AT_REMOVEDIR:
        raise LinuxError(Errno.EINVAL)
    name = call.memory.read_path(path)
    if flags & AT_REMOVEDIR and name.rstrip(b"/").split(b"/")[-1] in (b".", b".."):
        raise LinuxError(Errno.EINVAL if name.rstrip(b"/").split(b"/")[-1] == b"." else Errno.ENOTEMPTY)
    if not name:
        raise LinuxError(Errno.ENOENT)
    change.remove(call, call.walk(directory, name, entry=True), directory=bool(flags & AT_REMOVEDIR))
    return 0


def rename(call: Call, old: int, new: int) -> int:
    return renameat2(call, AT_FDCWD, old, AT_FDCWD, new, 0)


def renameat(call: Call, old_directory: int, old: int, new_directory: int, new: int) -> int:
    return renameat2(call, old_directory, old, new_directory, new, 0)


def renameat2(call: Call, old_directory: int, old: int, new_directory: int, new: int, flags: int) -> int:
    """Rename, replace, exchange, or leave a whiteout (a device 0:0)."""
    flags &= 0xFFFF_FFFF
    if flags & ~(change.RENAME_NOREPLACE | change.RENAME_EXCHANGE | change.RENAME_WHITEOUT):
        raise LinuxError(Errno.EINVAL)
    if flags & change.RENAME_EXCHANGE and flags & (change.RENAME_NOREPLACE | change.RENAME_WHITEOUT):
        raise LinuxError(Errno.EINVAL)
    old_name, new_name = call.memory.read_path(old), call.memory.read_path(new)
    source = _entry(call, old_directory, old_name)
    target = _entry(call, new_directory, new_name)
    if source.mount is target.mount and (_is_no_entry(old_name) or _is_no_entry(new_name)):
        raise LinuxError(Errno.EBUSY)
    change.rename(call, source, target, flags)
    return 0


def link(call: Call, old: int, new: int) -> int:
    return linkat(call, AT_FDCWD, old, AT_FDCWD, new, 0)


def linkat(call: Call, old_directory: int, old: int, new_directory: int, new: int, flags: int) -> int:
    if flags & 0xFFFF_FFFF & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH):
        raise LinuxError(Errno.EINVAL)
    source = _linked(call, old_directory, call.memory.read_path(old), flags)
    change.hard_link(call, source, _walk_to_entry(call, new_directory, new))
    return 0


def _linked(call: Call, directory: int, name: bytes, flags: int) -> Place:
    """The file that is to get another name. AT_EMPTY_PATH and no name: the descriptor's."""
    if name:
        return call.walk(directory, name, follow=bool(flags & AT_SYMLINK_FOLLOW))
    if not flags & AT_EMPTY_PATH:
        raise LinuxError(Errno.ENOENT)
    if as_int(directory) == AT_FDCWD:
        return call.walk(AT_FDCWD, b".")
    return place_of_file(call, call.any_file(directory))


def symlink(call: Call, target: int, path: int) -> int:
    return symlinkat(call, target, AT_FDCWD, path)


def symlinkat(call: Call, target: int, directory: int, path: int) -> int:
    """Make a link to any text; walks follow it within the guest's tree."""
    text = call.memory.read_path(target)
    if not text:
        raise LinuxError(Errno.ENOENT)
    change.make_link(call, _walk_to_entry(call, directory, path), text)
    return 0


def truncate(call: Call, path: int, size: int) -> int:
    if size & _OFFSET_SIGN:
        raise LinuxError(Errno.EINVAL)
    place = _present(_walk(call, AT_FDCWD, path, follow=True))
    if place.is_directory:
        raise LinuxError(Errno.EISDIR)
    if not stat.S_ISREG(place.mode):
        raise LinuxError(Errno.EINVAL)
    if place.read_only:
        raise LinuxError(Errno.EROFS)
    refuse_running(call, place)
    break_leases(call, place, writing=True)
    check(call, place, MAY_WRITE)
    if isinstance(place.node, Regular):
        check_growth(call, place.node.size, size)
        place.node.truncate(size, realtime(call.cpu))
        tell_of_place(call.cpu, call.kernel.tree, place, IN_MODIFY)
        return 0
    if isinstance(place.node, GeneratedFile):
        return 0
    if place.mount is None:
        raise LinuxError(Errno.EACCES)
    fd = open_host(place, os.O_WRONLY)
    try:
        check_growth(call, os.fstat(fd).st_size, size)
        with host_errors():
            os.ftruncate(fd, size)
    finally:
        os.close(fd)
    call.kernel.tree.attributes(place).modified(realtime(call.cpu))
    pages = call.kernel.host_pages.find(place.key) if place.key is not None else None
    if pages is not None:
        pages.truncate(size)
    tell_of_place(call.cpu, call.kernel.tree, place, IN_MODIFY)
    return 0


def _walk(call: Call, directory: int, path: int, *, follow: bool) -> Place:
    name = call.memory.read_path(path)
    if not name:
        raise LinuxError(Errno.ENOENT)
    return call.walk(as_int(directory), name, follow=follow)


def _walk_to_entry(call: Call, directory: int, path: int) -> Place:
    """The place of a name that is to be made. Raises LinuxError EEXIST for one that is not a name: ".", "..", "/"."""
    name = call.memory.read_path(path)
    place = _entry(call, directory, name)
    if _is_no_entry(name):
        raise LinuxError(Errno.EEXIST)
    return place


def _entry(call: Call, directory: int, name: bytes) -> Place:
    if not name:
        raise LinuxError(Errno.ENOENT)
    return call.walk(directory, name, entry=True)


def _is_no_entry(name: bytes) -> bool:
    """Whether a path ends in ".", "..", or is "/"."""
    return name.rstrip(b"/").rpartition(b"/")[2] in (b"", b".", b"..")


def _present(place: Place) -> Place:
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    return place
