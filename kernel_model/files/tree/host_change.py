"""Changes of the host's directories, and of what the kernel keeps of their files. All raise LinuxError."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from kernel_model.abi.files import S_IFCHR, S_IFMT, S_IFREG
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.host_tree import host_errors, key_of, open_host, parent_of
from kernel_model.files.tree.create import new_node, take_owner
from kernel_model.files.tree.directory import Directory
from kernel_model.files.tree.host_inodes import HOST_RIGHTS, HostInode
from kernel_model.time.realtime import realtime

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.host_file import HostFile
    from kernel_model.files.tree.node import Node
    from kernel_model.files.tree.place import Place

_RENAME_EXCHANGE = 2


@contextmanager
def _changing(call: Caller, place: Place) -> Iterator[tuple[int, bytes]]:
    """A descriptor of the directory that holds `place`, and the name in it; the directory counts as modified."""
    with parent_of(place) as (at, name), host_errors():
        yield at, name
        _directory(call, at, place).modified(realtime(call.cpu))


def _directory(call: Caller, at: int, place: Place) -> HostInode:
    """The inode of the directory behind descriptor `at`, which holds `place`."""
    return call.kernel.tree.host_inodes.keep(key_of(os.fstat(at)), place.names[:-1])


def made(call: Caller, status: os.stat_result, mode: int, at: int, place: Place) -> HostInode:
    """The guest has made a file at `place` in the directory behind `at`: it gets its owner, and all of `mode`."""
    inode = call.kernel.tree.host_inodes.make(status, place.names, realtime(call.cpu))
    directory = _directory(call, at, place)
    inode.rights = take_owner(call, inode, mode, directory.gid, directory.rights) & ~(HOST_RIGHTS | S_IFMT)
    return inode


def make_directory(call: Caller, place: Place, mode: int) -> None:
    with _changing(call, place) as (at, name):
        os.mkdir(name, mode & HOST_RIGHTS, dir_fd=at)
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
        try:
            os.fchmod(fd, mode & HOST_RIGHTS)  # the host's umask is not the guest's
            status = os.fstat(fd)
        finally:
            os.close(fd)
        made(call, status, status.st_mode | mode, at, place)


def make_file(call: Caller, place: Place, access: int, mode: int) -> tuple[int, Place, HostInode]:
    """Make and open a regular file. `access`: O_* for the descriptor, which belongs to the caller."""
    with _changing(call, place) as (at, _):
        fd = open_host(place, access | os.O_CREAT | os.O_EXCL, mode & HOST_RIGHTS)
        os.fchmod(fd, mode & HOST_RIGHTS)
        status = os.fstat(fd)
        inode = made(call, status, S_IFREG | mode, at, place)
    return fd, replace(place, mode=inode.mode(status.st_mode), key=key_of(status)), inode


def make_link(call: Caller, place: Place, text: bytes) -> None:
    with _changing(call, place) as (at, name):
        os.symlink(text, name, dir_fd=at)
        status = os.lstat(name, dir_fd=at)
        made(call, status, status.st_mode, at, place)


def make_node(call: Caller, place: Place, mode: int) -> Node | None:
    """mknod. A FIFO or socket on the host is a name only: it is never opened there. No devices: EPERM."""
    if mode & S_IFMT == S_IFREG:
        os.close(make_file(call, place, os.O_WRONLY, mode)[0])
        return None
    if mode & S_IFMT not in (S_IFCHR, S_IFMT) and place.key is None:
        with _changing(call, place) as (at, name):
            os.mknod(name, mode & (S_IFMT | HOST_RIGHTS), dir_fd=at)
            status = os.lstat(name, dir_fd=at)
            made(call, status, mode, at, place)
        return node_at(call, replace(place, mode=mode, key=key_of(status)))
    raise LinuxError(Errno.EPERM)


def node_at(call: Caller, place: Place) -> Node:
    """The node of a FIFO or socket, made if the guest has not used it yet."""
    if place.node is not None:
        return place.node
    tree = call.kernel.tree
    assert place.key is not None
    inode = tree.host_inodes.keep(place.key, place.names)
    node = new_node(tree.host_fs, place.mode, (0, 0), realtime(call.cpu))
    node.number, node.uid, node.gid = inode.number, inode.uid, inode.gid
    inode.node = node
    return node


def remove(call: Caller, place: Place, *, directory: bool) -> None:
    with _changing(call, place) as (at, name):
        links = os.lstat(name, dir_fd=at).st_nlink
        os.rmdir(name, dir_fd=at) if directory else os.unlink(name, dir_fd=at)
    _unlinked(call, place, directory or links <= 1)


def _unlinked(call: Caller, place: Place, last: bool) -> None:
    """A name is gone. `last`: the file had no other."""
    assert place.key is not None
    inodes, now = call.kernel.tree.host_inodes, realtime(call.cpu)
    if place.node is not None:
        place.node.unlinked(now)
    inode = inodes.get(place.key)
    if inode is not None:
        inode.ctime, inode.gone = now, last
        if last and place.is_directory:
            inode.node, inode.names = _removed_directory(call, inode, place.mode), place.names
        elif last:
            inode.names = place.names
        elif inode.names == place.names:
            inode.names = None
    if last:
        inodes.forget(place.key)


def _removed_directory(call: Caller, inode: HostInode, mode: int) -> Directory:
    """What a removed directory is to those that still hold it: empty, and without a way up."""
    fs = call.kernel.tree.host_fs
    node = Directory(fs, inode.number, mode, inode.ctime)
    node.uid, node.gid, node.links, node.gone = inode.uid, inode.gid, 0, True
    return node


def link(call: Caller, source: Place, target: Place) -> None:
    with parent_of(source) as (old_at, old), _changing(call, target) as (at, name):
        os.link(old, name, src_dir_fd=old_at, dst_dir_fd=at, follow_symlinks=False)
    call.kernel.tree.attributes(source).ctime = realtime(call.cpu)
    if source.node is not None:
        source.node.linked(realtime(call.cpu))


def link_open_file(call: Caller, file: HostFile, target: Place) -> None:
    """Give the file behind `file`, which may have no name, another one."""
    if file.place.mount is not target.mount:
        raise LinuxError(Errno.EXDEV)
    with _changing(call, target) as (at, name):
        os.link(f"/proc/self/fd/{file.host()}", name, dst_dir_fd=at)
    file.host_inode.ctime = realtime(call.cpu)
    if file.unnamed:
        file.place, file.unnamed = replace(target, mode=file.place.mode, key=file.place.key), False


def rename(call: Caller, source: Place, target: Place, flags: int) -> None:
    exchange = bool(flags & _RENAME_EXCHANGE)
    if flags & ~(_RENAME_EXCHANGE | 1):
        raise LinuxError(Errno.EINVAL)
    moved = [call.kernel.tree.attributes(place) for place in (source, target) if place is source or exchange]
    last = not exchange and target.key is not None and _names_of(target) <= 1
    with _changing(call, source) as (old_at, old), _changing(call, target) as (at, name):
        if exchange:
            _exchange(old_at, old, at, name)
        else:
            os.rename(old, name, src_dir_fd=old_at, dst_dir_fd=at)
    if not exchange and target.key not in (None, source.key):
        _unlinked(call, target, last)
    for attributes in moved:
        attributes.ctime = realtime(call.cpu)
    moves = [(source.names, target.names)]
    call.kernel.tree.host_inodes.moved(*moves, *([(target.names, source.names)] if exchange else []))


def _names_of(place: Place) -> int:
    with parent_of(place) as (at, name), host_errors():
        return 1 if place.is_directory else os.lstat(name, dir_fd=at).st_nlink


def _exchange(old_at: int, old: bytes, at: int, name: bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(old_at, old, at, name, _RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), "renameat2")


def set_mode(call: Caller, place: Place, mode: int) -> None:
    """chmod: the host gets no set-ID bits, and nothing of FIFOs and sockets."""
    inode = call.kernel.tree.attributes(place)
    if place.node is not None:
        place.node.mode = place.node.mode & S_IFMT | mode
        place.node.ctime = realtime(call.cpu)
        return
    assert isinstance(inode, HostInode)
    fd = open_host(place, os.O_RDONLY)
    try:
        set_mode_of(call, fd, inode, mode)
    finally:
        os.close(fd)


def set_mode_of(call: Caller, descriptor: int, inode: HostInode, mode: int) -> None:
    """fchmod."""
    with host_errors():
        os.fchmod(descriptor, mode & HOST_RIGHTS)
    inode.rights, inode.ctime = mode & ~HOST_RIGHTS & 0o7777, realtime(call.cpu)
