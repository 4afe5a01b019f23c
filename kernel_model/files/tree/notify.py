"""What watches of inodes are told (fs/notify/): events on an inode, and on the directory that holds it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kernel_model.abi.files import O_ACCMODE, O_RDONLY
from kernel_model.abi.inotify import IN_CLOSE_NOWRITE, IN_CLOSE_WRITE, IN_DELETE_SELF, IN_EXCL_UNLINK, IN_ISDIR, IN_OPEN
from kernel_model.files.tree.host_inodes import HostInode

if TYPE_CHECKING:
    from kernel_model.files.file import File
    from kernel_model.files.tree.attributes import Attributes
    from kernel_model.files.tree.directory import HeldName
    from kernel_model.files.tree.place import Place
    from kernel_model.files.tree.tree import Tree
    from pffemu.hw.cpu import Cpu


@dataclass(frozen=True, slots=True)
class Opening:
    """An open file's inode in the tree."""

    tree: Tree
    place: Place
    inode: Attributes
    held: HeldName | None = None  # its name, in RAM

    @property
    def now(self) -> Place:
        """Where it lies by now."""
        if self.held is not None:
            return replace(self.place, names=(*self.place.names[:-1], self.held.name), parent=self.held.parent)
        names = self.inode.names if isinstance(self.inode, HostInode) else None
        return self.place if names is None else replace(self.place, names=names)

    @property
    def path(self) -> bytes | None:
        """Its path by now, if that is known."""
        names = None if self.held is None else self.held.names
        if self.held is None or names is None:
            return None
        return b"/" + b"/".join((*self.tree.mount_path(self.held.parent), *names))


def opened(cpu: Cpu, tree: Tree, file: File) -> None:
    """`file` was opened in the tree: count it, and tell of it."""
    inode, place = file.attributes, file.place
    if inode is None or place is None:
        return
    inode.opens += 1
    named = place.parent is not None and place.parent.children.get(place.name) is inode
    held = place.parent.hold(place.name) if named and place.parent is not None else None
    file.opening = Opening(tree, place, inode, held)
    tell_of_file(cpu, file, IN_OPEN)


def closed(cpu: Cpu, file: File) -> None:
    """`file` is closed."""
    assert file.opening is not None
    inode, tree = file.opening.inode, file.opening.tree
    inode.opens -= 1
    if file.opening.held is not None:
        file.opening.held.drop()
    tell_of_file(cpu, file, IN_CLOSE_NOWRITE if file.flags & O_ACCMODE == O_RDONLY else IN_CLOSE_WRITE)
    tell_if_gone(cpu, tree, inode)


def tell_of_file(cpu: Cpu, file: File, mask: int) -> None:
    """Something happened through an open file."""
    opening = file.opening
    if opening is not None and opening.tree.inotify.watches:
        tell_of(cpu, opening.tree, opening.now, opening.inode, mask)


def tell_of_place(cpu: Cpu, tree: Tree, place: Place, mask: int) -> None:
    """Something happened to what lies at `place`."""
    if tree.inotify.watches:
        tell_of(cpu, tree, place, tree.attributes(place), mask)


def tell_of(cpu: Cpu, tree: Tree, place: Place, inode: Attributes, mask: int) -> None:
    """Tell the directory that holds the inode, then the inode (fsnotify_parent)."""
    mask |= IN_ISDIR if place.is_directory else 0
    directory = tree.directory_of(place)
    if directory is not None:
        for watch in directory.watches:
            if not (inode.gone and watch.mask & IN_EXCL_UNLINK):
                watch.inotify.happened(cpu, watch, mask, 0, place.name)
    tell(cpu, inode, mask)


def tell_directory(cpu: Cpu, tree: Tree, place: Place, mask: int, cookie: int = 0) -> None:
    """A name in a directory was made, removed or moved. `mask`: with IN_ISDIR for a directory."""
    if not tree.inotify.watches:
        return
    directory = tree.directory_of(place)
    if directory is not None:
        for watch in directory.watches:
            watch.inotify.happened(cpu, watch, mask, cookie, place.name)


def tell(cpu: Cpu, inode: Attributes, mask: int) -> None:
    """An event on the inode alone."""
    for watch in inode.watches:
        watch.inotify.happened(cpu, watch, mask, 0, b"")


def tell_if_gone(cpu: Cpu, tree: Tree, inode: Attributes) -> None:
    """If the inode has neither a name nor an open file any more, its watches end."""
    if inode.gone and not inode.opens:
        for watch in inode.watches:
            watch.inotify.happened(cpu, watch, IN_DELETE_SELF, 0, b"")
            if watch in inode.watches:  # no IN_ONESHOT
                watch.inotify.unwatch(cpu, watch)
