"""New inodes and their owners (fs/inode.c, inode_init_owner)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.files import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.tree.devices import DeviceNode
from kernel_model.files.tree.fifo import FifoNode
from kernel_model.files.tree.regular import Regular
from kernel_model.files.tree.socket_node import SocketNode
from kernel_model.task.credentials import CAP_FSETID

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.attributes import Attributes
    from kernel_model.files.tree.directory import Directory
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.node import Node

_S_ISGID, _S_IXGRP = 0o2000, 0o010


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


def take_owner(call: Caller, inode: Attributes, mode: int, group: int, directory_mode: int) -> int:
    """Give a new `inode` its owner, in a set-group-ID directory the directory's `group`; returns its mode."""
    who = call.task.credentials
    inode.uid, inode.gid = who.user.fs, who.group.fs
    if directory_mode & _S_ISGID:
        inode.gid = group
        member = group == who.group.fs or group in who.groups or who.has(CAP_FSETID)
        if mode & S_IFMT == S_IFDIR:
            mode |= _S_ISGID
        elif mode & _S_IXGRP and not member:
            mode &= ~_S_ISGID
    return mode


def own(call: Caller, node: Node, parent: Directory) -> None:
    """Give a new `node` in `parent` its owner."""
    node.mode = take_owner(call, node, node.mode, parent.gid, parent.mode)
