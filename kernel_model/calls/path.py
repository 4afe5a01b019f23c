"""Calls that change a file tree: mkdir, unlink, rename, link, symlink, chmod, truncate (fs/namei.c, fs/open.c)."""

from __future__ import annotations

import os

from kernel_model.abi.files import AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, AT_SYMLINK_NOFOLLOW
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.calls.file import check_growth
from kernel_model.files.host_file import HostNode
from kernel_model.files.host_tree import Place, host_errors

_RENAME_NOREPLACE, _RENAME_EXCHANGE, _RENAME_WHITEOUT = 1, 2, 4
_OFFSET_SIGN = 1 << 63


def mkdir(call: Call, path: int, mode: int) -> int:
    return mkdirat(call, AT_FDCWD, path, mode)


def mkdirat(call: Call, directory: int, path: int, mode: int) -> int:
    place = _walk(call, directory, path, follow=False)
    if place.exists:
        raise LinuxError(Errno.EEXIST)
    wanted = mode & 0o1777 & ~call.process.umask
    with call.kernel.tree.parent(place) as (parent, name), host_errors():
        os.mkdir(name, wanted, dir_fd=parent)
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.fchmod(fd, wanted)  # the host's umask is not the guest's
        finally:
            os.close(fd)
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
    place = _present(call.walk(directory, name, follow=False))
    if not flags & AT_REMOVEDIR and place.is_directory:
        raise LinuxError(Errno.EISDIR)
    with call.kernel.tree.parent(place) as (parent, last), host_errors():
        if flags & AT_REMOVEDIR:
            os.rmdir(last, dir_fd=parent)
        else:
            os.unlink(last, dir_fd=parent)
    return 0


def rename(call: Call, old: int, new: int) -> int:
    return renameat2(call, AT_FDCWD, old, AT_FDCWD, new, 0)


def renameat(call: Call, old_directory: int, old: int, new_directory: int, new: int) -> int:
    return renameat2(call, old_directory, old, new_directory, new, 0)


def renameat2(call: Call, old_directory: int, old: int, new_directory: int, new: int, flags: int) -> int:
    """Rename, also with RENAME_NOREPLACE; other flags are not modelled: EINVAL."""
    flags &= 0xFFFF_FFFF
    if flags & ~(_RENAME_NOREPLACE | _RENAME_EXCHANGE | _RENAME_WHITEOUT):
        raise LinuxError(Errno.EINVAL)
    if flags & (_RENAME_EXCHANGE | _RENAME_WHITEOUT):
        raise call.unsupported("renameat2 with RENAME_EXCHANGE or RENAME_WHITEOUT", Errno.EINVAL)
    source = _present(_walk(call, old_directory, old, follow=False))
    target = _walk(call, new_directory, new, follow=False)
    if target.exists and flags & _RENAME_NOREPLACE:
        raise LinuxError(Errno.EEXIST)
    if target.as_directory and not source.is_directory:
        raise LinuxError(Errno.ENOTDIR)
    if source.mount is not target.mount:
        raise LinuxError(Errno.EXDEV)
    tree = call.kernel.tree
    with tree.parent(source) as (old_fd, old_name), tree.parent(target) as (new_fd, new_name), host_errors():
        os.rename(old_name, new_name, src_dir_fd=old_fd, dst_dir_fd=new_fd)
    return 0


def link(call: Call, old: int, new: int) -> int:
    return linkat(call, AT_FDCWD, old, AT_FDCWD, new, 0)


def linkat(call: Call, old_directory: int, old: int, new_directory: int, new: int, flags: int) -> int:
    if flags & 0xFFFF_FFFF & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH):
        raise LinuxError(Errno.EINVAL)
    source = _present(_walk(call, old_directory, old, follow=bool(flags & AT_SYMLINK_FOLLOW)))
    target = _walk(call, new_directory, new, follow=False)
    if target.exists:
        raise LinuxError(Errno.EEXIST)
    if source.is_directory:
        raise LinuxError(Errno.EPERM)
    if source.mount is not target.mount:
        raise LinuxError(Errno.EXDEV)
    tree = call.kernel.tree
    with tree.parent(source) as (old_fd, old_name), tree.parent(target) as (new_fd, new_name), host_errors():
        os.link(old_name, new_name, src_dir_fd=old_fd, dst_dir_fd=new_fd, follow_symlinks=False)
    return 0


def symlink(call: Call, target: int, path: int) -> int:
    return symlinkat(call, target, AT_FDCWD, path)


def symlinkat(call: Call, target: int, directory: int, path: int) -> int:
    """Make a link to any text; walks follow it within the guest's tree."""
    text = call.memory.read_path(target)
    if not text:
        raise LinuxError(Errno.ENOENT)
    place = _walk(call, directory, path, follow=False)
    if place.exists:
        raise LinuxError(Errno.EEXIST)
    if place.as_directory:
        raise LinuxError(Errno.ENOENT)
    with call.kernel.tree.parent(place) as (parent, name), host_errors():
        os.symlink(text, name, dir_fd=parent)
    return 0


def chmod(call: Call, path: int, mode: int) -> int:
    return fchmodat(call, AT_FDCWD, path, mode)


def fchmodat(call: Call, directory: int, path: int, mode: int) -> int:
    return _chmod(call, _present(_walk(call, directory, path, follow=True)), mode)


def fchmodat2(call: Call, directory: int, path: int, mode: int, flags: int) -> int:
    if flags & 0xFFFF_FFFF & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise LinuxError(Errno.EINVAL)
    return _chmod(call, _present(_walk(call, directory, path, follow=not flags & AT_SYMLINK_NOFOLLOW)), mode)


def fchmod(call: Call, fd: int, mode: int) -> int:
    file = call.file(fd)
    if not isinstance(file, HostNode):
        raise LinuxError(Errno.EPERM)
    return _chmod(call, file.place, mode)


def _chmod(call: Call, place: Place, mode: int) -> int:
    if place.mount is None or place.mount.read_only:
        raise LinuxError(Errno.EROFS)
    fd = call.kernel.tree.open(place, os.O_RDONLY)
    try:
        with host_errors():
            os.fchmod(fd, mode & 0o7777)
    finally:
        os.close(fd)
    return 0


def truncate(call: Call, path: int, size: int) -> int:
    if size & _OFFSET_SIGN:
        raise LinuxError(Errno.EINVAL)
    place = _present(_walk(call, AT_FDCWD, path, follow=True))
    if place.is_directory:
        raise LinuxError(Errno.EISDIR)
    if place.mount is None or place.mount.read_only:
        raise LinuxError(Errno.EROFS)
    fd = call.kernel.tree.open(place, os.O_WRONLY)
    try:
        check_growth(call, os.fstat(fd).st_size, size)
        with host_errors():
            os.ftruncate(fd, size)
    finally:
        os.close(fd)
    pages = call.kernel.host_pages.find(place.names)
    if pages is not None:
        pages.truncate(size)
    return 0


def _walk(call: Call, directory: int, path: int, *, follow: bool) -> Place:
    name = call.memory.read_path(path)
    if not name:
        raise LinuxError(Errno.ENOENT)
    return call.walk(as_int(directory), name, follow=follow)


def _present(place: Place) -> Place:
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    return place
