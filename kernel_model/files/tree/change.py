"""Changes of the tree: make, remove, link and rename what lies at a place, in RAM or on the host (fs/namei.c)."""

from __future__ import annotations

import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

from kernel_model.abi.files import S_IFCHR
from kernel_model.abi.inotify import IN_ATTRIB, IN_CREATE, IN_DELETE, IN_ISDIR, IN_MOVE_SELF, IN_MOVED_FROM, IN_MOVED_TO
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.host_file import HostFile
from kernel_model.files.tree import host_change
from kernel_model.files.tree.attributes import without_set_id
from kernel_model.files.tree.create import new_node, own
from kernel_model.files.tree.devices import DeviceNode
from kernel_model.files.tree.directory import Directory
from kernel_model.files.tree.host_inodes import HostInode
from kernel_model.files.tree.link import Link
from kernel_model.files.tree.node import Node
from kernel_model.files.tree.notify import tell, tell_directory, tell_if_gone, tell_of_file, tell_of_place
from kernel_model.files.tree.opened import OpenedNode
from kernel_model.files.tree.permission import MAY_WRITE, check, check_directory, check_removal
from kernel_model.files.tree.socket_node import SocketNode
from kernel_model.time.realtime import realtime

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.host_file import HostNode
    from kernel_model.files.tree.attributes import Attributes
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.place import Place

RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT = 1, 2, 4


def check_new(call: Caller, place: Place, *, directory: bool = False) -> None:
    """Linux: filename_create and may_create. Raises LinuxError EEXIST, EROFS, EACCES.

    ENOENT for a slash behind what is no directory.
    """
    if place.exists:
        raise LinuxError(Errno.EEXIST)
    if place.as_directory and not directory:
        raise LinuxError(Errno.ENOENT)
    if place.read_only:
        raise LinuxError(Errno.EROFS)
    check_directory(call, place)


def holder(place: Place) -> Directory:
    """The directory in RAM that holds `place`. Raises LinuxError: ENOENT of generated directories and removed ones."""
    if place.parent is None or place.parent.removed:
        raise LinuxError(Errno.EPERM if place.exists else Errno.ENOENT)
    return place.parent


def _add(call: Caller, place: Place, make: Callable[[FileSystem, int], Node]) -> Node:
    """Put a new inode in the directory that holds `place`. `make`: given the file system and the time."""
    parent, now = holder(place), realtime(call.cpu)
    node = make(parent.fs, now)
    own(call, node, parent)
    parent.add(place.name, node, now)
    return node


def make_directory(call: Caller, place: Place, mode: int) -> None:
    """mkdir. `mode`: after the umask."""
    check_new(call, place, directory=True)
    if place.mount is not None:
        host_change.make_directory(call, place, mode)
    else:
        _add(call, place, lambda fs, now: Directory(fs, fs.new_number(), mode, now))
    tell_directory(call.cpu, call.kernel.tree, place, IN_CREATE | IN_ISDIR)


def make_link(call: Caller, place: Place, text: bytes) -> None:
    """symlink: a link to any text; walks follow it within the guest's tree."""
    check_new(call, place)
    if place.mount is not None:
        host_change.make_link(call, place, text)
    else:
        _add(call, place, lambda fs, now: Link(fs, fs.new_number(), text, now))
    tell_directory(call.cpu, call.kernel.tree, place, IN_CREATE)


def make_node(call: Caller, place: Place, mode: int, device: tuple[int, int] = (0, 0)) -> Node | None:
    """mknod: `mode` with S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR or S_IFBLK; None: a regular file on the host."""
    check_new(call, place)
    node: Node | None
    if place.mount is not None:
        node = host_change.make_node(call, place, mode)
    else:
        node = _add(call, place, lambda fs, now: new_node(fs, mode, device, now))
    tell_directory(call.cpu, call.kernel.tree, place, IN_CREATE)
    return node


def socket_at(place: Place) -> File | None:
    """The socket that is bound to the name `place`; None: none is, or none any more."""
    return place.node.socket if isinstance(place.node, SocketNode) else None


def remove(call: Caller, place: Place, *, directory: bool) -> None:
    """unlink, or rmdir with `directory`. Raises LinuxError."""
    if place.is_root:
        raise LinuxError(Errno.EBUSY if directory or not place.is_directory else Errno.EISDIR)
    if place.read_only:
        raise LinuxError(Errno.EROFS)
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    check_removal(call, place)
    if place.is_directory != directory:
        raise LinuxError(Errno.ENOTDIR if directory else Errno.EISDIR)
    if not directory and place.as_directory:
        raise LinuxError(Errno.ENOTDIR)
    if call.kernel.tree.is_mount_point(place):
        raise LinuxError(Errno.EBUSY)
    inode = watched(call, place)
    if place.mount is not None:
        host_change.remove(call, place, directory=directory)
    else:
        parent = holder(place)
        if isinstance(place.node, Directory) and place.node.children:
            raise LinuxError(Errno.ENOTEMPTY)
        parent.remove(place.name, realtime(call.cpu))
    if inode is not None:
        if not directory:
            tell(call.cpu, inode, IN_ATTRIB)
        tell_if_gone(call.cpu, call.kernel.tree, inode)
        tell_directory(call.cpu, call.kernel.tree, place, IN_DELETE | (IN_ISDIR if directory else 0))


def watched(call: Caller, place: Place) -> Attributes | None:
    """The inode at `place`, if anything is watched at all."""
    tree = call.kernel.tree
    return tree.attributes(place) if tree.inotify.watches and place.exists else None


def hard_link(call: Caller, source: Place, target: Place) -> None:
    """link. Raises LinuxError."""
    if not source.exists:
        raise LinuxError(Errno.ENOENT)
    check_new(call, target)
    inode = watched(call, source)
    _hard_link(call, source, target)
    if inode is not None:
        tell(call.cpu, inode, IN_ATTRIB)
        tell_directory(call.cpu, call.kernel.tree, target, IN_CREATE)


def _hard_link(call: Caller, source: Place, target: Place) -> None:
    if isinstance(source.node, OpenedNode) and isinstance(source.node.file, HostFile):
        host_change.link_open_file(call, source.node.file, target)
        return
    if not _same_file_system(source, target):
        raise LinuxError(Errno.EXDEV)
    if source.is_directory:
        raise LinuxError(Errno.EPERM)
    if source.mount is not None:
        host_change.link(call, source, target)
        return
    node, now = source.node, realtime(call.cpu)
    assert node is not None
    link_node(node, holder(target), target.name, now)


def link_node(node: Node, parent: Directory, name: bytes, now: int) -> None:
    """Give `node` another name. Raises LinuxError ENOENT when it has none any more, ENOSPC."""
    if not node.links and not node.linkable:
        raise LinuxError(Errno.ENOENT)
    node.fs.charge_inode()
    node.linked(now)
    parent.add(name, node, now)


def rename(call: Caller, source: Place, target: Place, flags: int) -> None:
    """renameat2, in the order of do_renameat2 and vfs_rename. Raises LinuxError."""
    if any(place.parent is not None and place.parent.removed for place in (source, target)):
        raise LinuxError(Errno.ENOENT)
    if source.is_root or target.is_root:
        raise LinuxError(Errno.EBUSY)
    if not _same_file_system(source, target):
        raise LinuxError(Errno.EXDEV)
    if source.read_only:
        raise LinuxError(Errno.EROFS)
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
    _check_rename(call, source, target, exchange=exchange)
    inode, other = watched(call, source), watched(call, target)
    if source.mount is not None:
        host_change.rename(call, source, target, flags)
    else:
        _rename_in_ram(call, source, target, flags)
    if inode is not None and inode is not other:
        _tell_of_rename(call, (source, inode), (target, other), exchange=exchange)


def _check_rename(call: Caller, source: Place, target: Place, *, exchange: bool) -> None:
    """Raises LinuxError EACCES, EPERM."""
    check_removal(call, source)
    if target.exists:
        check_removal(call, target)
    else:
        check_directory(call, target)
    for place in (source, target) if exchange else (source,):
        if place.is_directory and source.names[:-1] != target.names[:-1]:
            check(call, place, MAY_WRITE)  # ".." changes


def _tell_of_rename(
    call: Caller, source: tuple[Place, Attributes], target: tuple[Place, Attributes | None], *, exchange: bool
) -> None:
    """Linux: fsnotify_move."""
    cpu, tree, (there, other) = call.cpu, call.kernel.tree, target
    moves = [(source[0], there, source[1])]
    if exchange and other is not None:
        moves.append((there, source[0], other))
    for old, new, inode in moves:
        tree.moves += 1
        is_dir = IN_ISDIR if old.is_directory else 0
        tell_directory(cpu, tree, old, IN_MOVED_FROM | is_dir, tree.moves)
        tell_directory(cpu, tree, new, IN_MOVED_TO | is_dir, tree.moves)
        if other is not None and not exchange:
            tell(cpu, other, IN_ATTRIB)
        tell(cpu, inode, IN_MOVE_SELF)
    if other is not None and not exchange:
        tell_if_gone(cpu, tree, other)


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
        _move_names((old, source.name, new, target.name), (new, target.name, old, source.name))
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
    _move_names((old, source.name, new, target.name))
    if whiteout is not None:
        old.add(source.name, whiteout, now)
    node.ctime = now


def _move_names(*moves: tuple[Directory, bytes, Directory, bytes]) -> None:
    """Open files follow the names they were opened by, all at once."""
    held = [(old.held.pop(name, None), new, to) for old, name, new, to in moves]
    for one, new, to in held:
        if one is not None:
            one.parent, one.name = new, to
            new.held[to] = one


def _same_file_system(source: Place, target: Place) -> bool:
    if source.mount is not None or target.mount is not None:
        return source.mount is target.mount
    one = source.parent.fs if source.parent is not None else source.node.fs if source.node is not None else None
    other = target.parent.fs if target.parent is not None else target.node.fs if target.node is not None else None
    return one is other


def set_mode(call: Caller, place: Place, mode: int) -> None:
    """chmod. Raises LinuxError."""
    if place.mount is not None:
        host_change.set_mode(call, place, mode)
    else:
        assert place.node is not None
        place.node.mode = stat.S_IFMT(place.node.mode) | mode
        place.node.ctime = realtime(call.cpu)
    tell_of_place(call.cpu, call.kernel.tree, place, IN_ATTRIB)


def set_mode_of_open(call: Caller, file: HostNode, mode: int) -> None:
    """fchmod of a file on the host."""
    host_change.set_mode_of(call, file.host(), file.host_inode, mode)
    tell_of_file(call.cpu, file, IN_ATTRIB)


def give_to(inode: Attributes, mode: int, uid: int | None, gid: int | None, now: int) -> None:
    """chown of a file with `mode`; None: as it is. What is no directory loses its set-ID bits."""
    inode.uid, inode.gid = inode.uid if uid is None else uid, inode.gid if gid is None else gid
    inode.ctime = now
    if isinstance(inode, Node):
        inode.mode = without_set_id(mode)
    elif isinstance(inode, HostInode):
        inode.rights = without_set_id(mode) & 0o7000
