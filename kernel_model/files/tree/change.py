"""Changes of the tree: make, remove, link and rename what lies at a place, in RAM or on the host (fs/namei.c)."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.host_file import HostFile
from kernel_model.files.host_tree import host_errors, key_of, parent_of
from kernel_model.files.tree.devices import DeviceNode
from kernel_model.files.tree.directory import Directory
from kernel_model.files.tree.fifo import FifoNode
from kernel_model.files.tree.link import Link
from kernel_model.files.tree.node import Node
from kernel_model.files.tree.opened import OpenedNode
from kernel_model.files.tree.regular import Regular
from kernel_model.files.tree.socket_node import SocketNode
from kernel_model.time.realtime import realtime

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.place import Place

RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4
_RIGHTS: Final = 0o7777


def check_new(place: Place, *, directory: bool = False) -> None:
    """Linux: filename_create. Raises LinuxError EEXIST, EROFS, ENOENT for a slash behind what is no directory."""
    if place.exists:
        raise LinuxError(Errno.EEXIST)
    if place.as_directory and not directory:
        raise LinuxError(Errno.ENOENT)
    if place.read_only:
        raise LinuxError(Errno.EROFS)


def holder(place: Place) -> Directory:
    """The directory in RAM that holds `place`. Raises LinuxError: ENOENT of generated directories and removed ones."""
    if place.parent is None or place.parent.removed:
        raise LinuxError(Errno.EPERM if place.exists else Errno.ENOENT)
    return place.parent


def make_directory(call: Caller, place: Place, mode: int) -> None:
    """mkdir. `mode`: after the umask."""
    check_new(place, directory=True)
    if place.mount is None:
        parent, now = holder(place), realtime(call.cpu)
        node = Directory(parent.fs, parent.fs.new_number(), mode, now)
        parent.own(node)
        parent.add(place.name, node, now)
        return
    with parent_of(place) as (at, name), host_errors():
        os.mkdir(name, mode & 0o777, dir_fd=at)
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
        try:
            os.fchmod(fd, mode & 0o777)  # the host's umask is not the guest's
        finally:
            os.close(fd)


def make_link(call: Caller, place: Place, text: bytes) -> None:
    """symlink: a link to any text; walks follow it within the guest's tree."""
    check_new(place)
    if place.mount is None:
        parent, now = holder(place), realtime(call.cpu)
        node = Link(parent.fs, parent.fs.new_number(), text, now)
        parent.own(node)
        parent.add(place.name, node, now)
        return
    with parent_of(place) as (at, name), host_errors():
        os.symlink(text, name, dir_fd=at)


def make_node(call: Caller, place: Place, mode: int, device: tuple[int, int] = (0, 0)) -> Node:
    """mknod: `mode` with S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR or S_IFBLK. No devices on the host: EPERM there."""
    check_new(place)
    now = realtime(call.cpu)
    if place.mount is not None:
        return _make_host_node(call, place, mode, now)
    parent = holder(place)
    node = new_node(parent.fs, mode, device, now)
    parent.own(node)
    parent.add(place.name, node, now)
    return node


def _make_host_node(call: Caller, place: Place, mode: int, now: int) -> Node:
    """A FIFO or socket on the host is a name only: it is never opened there."""
    tree = call.kernel.tree
    if mode & S_IFMT in (S_IFCHR, S_IFBLK):
        raise LinuxError(Errno.EPERM)
    node = new_node(tree.host_fs, mode, (0, 0), now)
    try:
        with parent_of(place) as (at, name), host_errors():
            os.mknod(name, mode & (S_IFMT | 0o777), dir_fd=at)
            status = os.lstat(name, dir_fd=at)
    except LinuxError:
        tree.host_fs.drop_inode()
        raise
    tree.host_nodes[key_of(status)] = node
    return node


def host_node(call: Caller, place: Place) -> Node:
    """The node of a FIFO or socket that lies on the host, made if the guest has not used it yet."""
    tree = call.kernel.tree
    if place.node is not None:
        return place.node
    assert place.key is not None
    node = tree.host_nodes[place.key] = new_node(tree.host_fs, place.mode, (0, 0), realtime(call.cpu))
    return node


def socket_at(place: Place) -> File | None:
    """The socket that is bound to the name `place`; None: none is, or none any more."""
    return place.node.socket if isinstance(place.node, SocketNode) else None


def new_node(fs: FileSystem, mode: int, device: tuple[int, int], now: int) -> Node:
    """A node without a name. Raises LinuxError ENOSPC, EINVAL for a kind that mknod does not make."""
    kind = mode & S_IFMT
    if kind == S_IFREG:
        return Regular(fs, fs.new_number(), mode, now)
    if kind == S_IFIFO:
        return FifoNode(fs, fs.new_number(), mode, now)
    if kind == S_IFSOCK:
        return SocketNode(fs, fs.new_number(), mode, now)
    if kind in (S_IFCHR, S_IFBLK):
        return DeviceNode(fs, fs.new_number(), mode, device, now)
    raise LinuxError(Errno.EINVAL)


def remove(call: Caller, place: Place, *, directory: bool) -> None:
    """unlink, or rmdir with `directory`. Raises LinuxError."""
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    if directory and place.is_root:
        raise LinuxError(Errno.EBUSY)
    if place.read_only:
        raise LinuxError(Errno.EROFS)
    if place.is_directory != directory:
        raise LinuxError(Errno.ENOTDIR if directory or place.as_directory else Errno.EISDIR)
    if not directory and place.as_directory:
        raise LinuxError(Errno.ENOTDIR)
    if call.kernel.tree.is_mount_point(place):
        raise LinuxError(Errno.EBUSY)
    if place.mount is not None:
        with parent_of(place) as (at, name), host_errors():
            os.rmdir(name, dir_fd=at) if directory else os.unlink(name, dir_fd=at)
        forget_host_node(call, place)
        return
    parent = holder(place)
    if isinstance(place.node, Directory) and place.node.children:
        raise LinuxError(Errno.ENOTEMPTY)
    parent.remove(place.name, realtime(call.cpu))


def forget_host_node(call: Caller, place: Place) -> None:
    """A name of a FIFO or socket on the host is gone."""
    tree = call.kernel.tree
    if place.node is None or place.key is None:
        return
    place.node.unlinked(realtime(call.cpu))
    if not place.node.links:
        del tree.host_nodes[place.key]


def hard_link(call: Caller, source: Place, target: Place) -> None:
    """link. Raises LinuxError."""
    if not source.exists:
        raise LinuxError(Errno.ENOENT)
    check_new(target)
    if isinstance(source.node, OpenedNode) and isinstance(source.node.file, HostFile):
        _link_open_file(source.node.file, target)
        return
    if not _same_file_system(source, target):
        raise LinuxError(Errno.EXDEV)
    if source.is_directory:
        raise LinuxError(Errno.EPERM)
    if source.mount is not None:
        with parent_of(source) as (old_fd, old), parent_of(target) as (new_fd, new), host_errors():
            os.link(old, new, src_dir_fd=old_fd, dst_dir_fd=new_fd, follow_symlinks=False)
        if source.node is not None:
            source.node.links += 1
        return
    node, now = source.node, realtime(call.cpu)
    assert node is not None
    link_node(node, holder(target), target.name, now)


def _link_open_file(file: HostFile, target: Place) -> None:
    """Give the host's file behind `file`, which may have none, a name. Raises LinuxError."""
    if file.place.mount is not target.mount:
        raise LinuxError(Errno.EXDEV)
    with parent_of(target) as (at, name), host_errors():
        os.link(f"/proc/self/fd/{file.host()}", name, dst_dir_fd=at)
    if file.unnamed:
        file.place, file.unnamed = replace(target, mode=file.place.mode, key=file.place.key), False


def link_node(node: Node, parent: Directory, name: bytes, now: int) -> None:
    """Give `node` another name. Raises LinuxError ENOENT when it has none any more, ENOSPC."""
    if not node.links and not node.linkable:
        raise LinuxError(Errno.ENOENT)
    node.fs.charge_inode()
    node.linked(now)
    parent.add(name, node, now)


def rename(call: Caller, source: Place, target: Place, flags: int) -> None:
    """renameat2, in the order of do_renameat2 and vfs_rename. Raises LinuxError."""
    if not _same_file_system(source, target):
        raise LinuxError(Errno.EXDEV)
    exchange = bool(flags & RENAME_EXCHANGE)
    if not source.exists:
        raise LinuxError(Errno.ENOENT)
    if target.exists and flags & RENAME_NOREPLACE:
        raise LinuxError(Errno.EEXIST)
    if exchange and not target.exists:
        raise LinuxError(Errno.ENOENT)
    if not source.is_directory and (source.as_directory or (target.as_directory and not exchange)):
        raise LinuxError(Errno.ENOTDIR)
    if exchange and target.as_directory and not target.is_directory:
        raise LinuxError(Errno.ENOTDIR)
    if source.read_only:
        raise LinuxError(Errno.EROFS)
    if source.mount is not None:
        if flags & (RENAME_EXCHANGE | RENAME_WHITEOUT):
            raise LinuxError(Errno.EINVAL)
        with parent_of(source) as (old_fd, old), parent_of(target) as (new_fd, new), host_errors():
            os.rename(old, new, src_dir_fd=old_fd, dst_dir_fd=new_fd)
        if target.key != source.key:
            forget_host_node(call, target)
        return
    _rename_in_ram(call, source, target, flags)


def _rename_in_ram(call: Caller, source: Place, target: Place, flags: int) -> None:
    old, new, node, other = holder(source), holder(target), source.node, target.node
    assert node is not None
    if isinstance(node, Directory) and new.is_below(node):
        raise LinuxError(Errno.EINVAL)
    if isinstance(other, Directory) and old.is_below(other):
        raise LinuxError(Errno.EINVAL if flags & RENAME_EXCHANGE else Errno.ENOTEMPTY)
    if node is other:
        return
    if other is not None and not flags & RENAME_EXCHANGE and node.is_directory != other.is_directory:
        raise LinuxError(Errno.ENOTDIR if node.is_directory else Errno.EISDIR)
    if call.kernel.tree.is_mount_point(source) or (other is not None and call.kernel.tree.is_mount_point(target)):
        raise LinuxError(Errno.EBUSY)
    now = realtime(call.cpu)
    if flags & RENAME_EXCHANGE:
        assert other is not None
        old.take(source.name, now)
        new.take(target.name, now)
        old.add(source.name, other, now)
        new.add(target.name, node, now)
        node.ctime = other.ctime = now
        return
    if isinstance(other, Directory) and other.children:
        raise LinuxError(Errno.ENOTEMPTY)
    whiteout = None
    if flags & RENAME_WHITEOUT:
        whiteout = DeviceNode(node.fs, node.fs.new_number(), S_IFCHR, (0, 0), now)
    if other is not None:
        new.remove(target.name, now)
    old.take(source.name, now)
    new.add(target.name, node, now)
    if whiteout is not None:
        old.add(source.name, whiteout, now)
    node.ctime = now


def _same_file_system(source: Place, target: Place) -> bool:
    if source.mount is not None or target.mount is not None:
        return source.mount is target.mount
    one = source.parent.fs if source.parent is not None else source.node.fs if source.node is not None else None
    other = target.parent.fs if target.parent is not None else target.node.fs if target.node is not None else None
    return one is other


def set_mode(place: Place, mode: int, now: int) -> None:
    """chmod of a node in RAM."""
    assert place.node is not None
    place.node.mode = stat.S_IFMT(place.node.mode) | mode & _RIGHTS
    place.node.ctime = now
