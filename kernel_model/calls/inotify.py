"""inotify_init1, inotify_add_watch, inotify_rm_watch (fs/notify/inotify/inotify_user.c)."""

from __future__ import annotations

from kernel_model.abi.files import AT_FDCWD
from kernel_model.abi.inotify import (
    IN_ALL_EVENTS,
    IN_DONT_FOLLOW,
    IN_EXCL_UNLINK,
    IN_KNOWN,
    IN_MASK_ADD,
    IN_MASK_CREATE,
    IN_ONESHOT,
    IN_ONLYDIR,
)
from kernel_model.abi.uapi import O_CLOEXEC, O_NONBLOCK, Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.files.inotify import INSTANCES_MAX, Inotify
from kernel_model.files.tree.permission import MAY_READ, check

_KEPT = IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK


def inotify_init(call: Call) -> int:
    return inotify_init1(call, 0)


def inotify_init1(call: Call, flags: int) -> int:
    flags &= 0xFFFF_FFFF
    if flags & ~(O_CLOEXEC | O_NONBLOCK):
        raise LinuxError(Errno.EINVAL)
    account = call.kernel.tree.inotify
    if account.instances >= INSTANCES_MAX:
        raise LinuxError(Errno.EMFILE)
    fd = call.new_fd()
    return call.process.files.install(fd, Inotify(call.kernel.scheduler, account, flags), bool(flags & O_CLOEXEC))


def inotify_add_watch(call: Call, fd: int, path: int, mask: int) -> int:
    """The number of the watch; one inode has one in each instance, whose mask a second call changes."""
    mask &= 0xFFFF_FFFF
    if not mask & IN_KNOWN:
        raise LinuxError(Errno.EINVAL)
    file = call.file(fd)
    if mask & IN_MASK_ADD and mask & IN_MASK_CREATE:
        raise LinuxError(Errno.EINVAL)
    inotify = _inotify(file)
    name = call.memory.read_path(path)
    if not name:
        raise LinuxError(Errno.ENOENT)
    place = call.walk(AT_FDCWD, name, follow=not mask & IN_DONT_FOLLOW)
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    if mask & IN_ONLYDIR and not place.is_directory:
        raise LinuxError(Errno.ENOTDIR)
    check(call, place, MAY_READ)
    inode = call.kernel.tree.attributes(place)
    watch = inotify.watch_of(inode)
    if watch is None:
        return inotify.watch(inode, mask & _KEPT).number
    if mask & IN_MASK_CREATE:
        raise LinuxError(Errno.EEXIST)
    watch.mask = mask & _KEPT | (watch.mask if mask & IN_MASK_ADD else 0)
    return watch.number


def inotify_rm_watch(call: Call, fd: int, number: int) -> int:
    inotify = _inotify(call.file(fd))
    watch = inotify.watches.get(as_int(number))
    if watch is None:
        raise LinuxError(Errno.EINVAL)
    inotify.unwatch(call.cpu, watch)
    return 0


def _inotify(file: object) -> Inotify:
    if not isinstance(file, Inotify):
        raise LinuxError(Errno.EINVAL)
    return file
