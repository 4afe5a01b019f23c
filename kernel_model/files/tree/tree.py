"""The guest's file tree: what is mounted where, and the one walk over it (fs/namei.c, fs/namespace.c).

In RAM lie the root, /dev, /dev/shm and what generates files (/proc). A host directory (--root) hides what lies at its
guest path; /tmp and /var/tmp are in RAM unless a host directory has them.
"""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.host_tree import Mount, Names, host_status, key_of, list_host, look, read_host_link
from kernel_model.files.inotify import InotifyAccount
from kernel_model.files.status import FileStatus
from kernel_model.files.tree.attributes import Attributes
from kernel_model.files.tree.devices import DEVICES, DeviceNode
from kernel_model.files.tree.directory import Directory, last_path, path_below
from kernel_model.files.tree.file_system import TMPFS_MAGIC, FileSystem, InodeAccount
from kernel_model.files.tree.generated import GeneratedDirectory
from kernel_model.files.tree.host_inodes import HostInodes, status_of
from kernel_model.files.tree.link import Link
from kernel_model.files.tree.node import DirectoryNode, LinkNode
from kernel_model.files.tree.place import Place
from kernel_model.files.tree.walk import How, Walk
from kernel_model.time.realtime import EPOCH, realtime
from kernel_model.wait.queue import WaitQueue
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.mm.frames import FrameAllocator
    from pffemu.hw.ram import Ram

_FOLLOW: Final = How()
_STICKY_ALL: Final = 0o1777
_DEV_LINKS: Final = {
    b"fd": b"/proc/self/fd", b"stdin": b"/proc/self/fd/0", b"stdout": b"/proc/self/fd/1", b"stderr": b"/proc/self/fd/2",
}  # fmt: skip
_INODES_MIN: Final = 1024
MOUNTS_MAX: Final = 1000  # fs.mount-max
_FIRST_DEVICE: Final = 20  # st_dev of the file systems in RAM; the host's are below


class Tree:
    """The mounts, by guest path: host directories, and the roots of file systems in RAM."""

    def __init__(self, mounts: list[Mount], ram: Ram, frames: FrameAllocator) -> None:
        self._ram, self._frames = ram, frames
        self._devices = _FIRST_DEVICE
        self.hosts: dict[Names, Mount] = {}
        self.roots: dict[Names, DirectoryNode] = {}
        self.mounted: list[tuple[Names, DirectoryNode, DirectoryNode | None]] = []  # by mount, the last one last
        self.host_inodes = HostInodes()
        self.inotify = InotifyAccount()
        self.moves = 0  # renames so far: the cookies of inotify's events
        self.unnamed = 0  # files made with O_TMPFILE on the host
        self._inodes = InodeAccount(max(_INODES_MIN, ram.size // PAGE_SIZE))
        self.host_fs = FileSystem(
            "host", 1, TMPFS_MAGIC, ram, frames, self._inodes
        )  # what FIFOs and sockets there count against
        self.mount_changes, self.mounts_changed = 0, WaitQueue("a mount")  # for poll of /proc/mounts
        self.rootfs: Directory = self.new_root("tmpfs", 0o755)
        self.roots[()] = self.rootfs
        for mount in mounts:
            self.add(mount)
        self._make_dev()
        for names in ((b"tmp",), (b"var", b"tmp")):
            directory = self.make_path(names)
            directory.mode = stat.S_IFDIR | _STICKY_ALL
            if not self._host_has(names):
                self.mount(names, self.new_root("tmpfs", _STICKY_ALL) if () in self.hosts else directory)

    # -- what is mounted --------------------------------------------------------------------------------------------

    def add(self, mount: Mount) -> None:
        """Show a host directory or file. The last one at a guest path counts."""
        self.make_path(mount.guest[:-1])
        if mount.guest and mount.listed:
            self.make_path(mount.guest)
        self.hosts[mount.guest] = mount

    def mount(self, names: Names, root: DirectoryNode) -> None:
        """Show `root`, of a file system in RAM or a generated one, at a guest path."""
        at = self.make_path(names)
        if at is not root:
            self.roots[names] = root

    def mount_over(self, place: Place, root: DirectoryNode) -> None:
        """mount: show `root` at the directory `place`. Raises LinuxError ENOSPC, EBUSY for a host directory's root."""
        if len(self.mounted) >= MOUNTS_MAX:
            raise LinuxError(Errno.ENOSPC)
        if place.names in self.hosts or not place.names:
            raise LinuxError(Errno.EBUSY)
        covered = self.roots.get(place.names)
        self.mount(place.names, root)
        self.mounted.append((place.names, root, covered))
        self.mount_changes += 1

    def unmount(self, place: Place) -> None:
        """umount: show what the last mount at `place` has covered. Raises LinuxError EBUSY for the kernel's own."""
        for entry in reversed(self.mounted):
            names, root, covered = entry
            if names == place.names and root is place.node:
                self.mounted.remove(entry)
                self.mount_changes += 1
                del self.roots[names]
                if covered is not None:
                    self.roots[names] = covered
                return
        raise LinuxError(Errno.EBUSY)

    def covers(self, root: DirectoryNode) -> bool:
        """Whether another mount lies below the one of `root`."""
        at = [names for names, one in self.roots.items() if one is root]
        return any(names != one and names[: len(one)] == one for one in at for names in (*self.roots, *self.hosts))

    def new_file_system(self, name: str, magic: int = TMPFS_MAGIC) -> FileSystem:
        """A file system in RAM with a device number of its own."""
        self._devices += 1
        return FileSystem(name, self._devices, magic, self._ram, self._frames, self._inodes)

    def new_root(self, name: str, mode: int) -> Directory:
        """The root of a new file system in RAM."""
        fs = self.new_file_system(name)
        return Directory(fs, fs.new_number(), mode, EPOCH)

    def make_path(self, names: Names) -> Directory:
        """The directory that lies in RAM at `names`, below everything that is mounted; made if it is missing."""
        directory = self.rootfs
        for name in names:
            found = directory.find(None, name)
            if found is None:
                found = Directory(directory.fs, directory.fs.new_number(), 0o755, EPOCH)
                directory.add(name, found, EPOCH)
            assert isinstance(found, Directory)
            directory = found
        return directory

    def _make_dev(self) -> None:
        dev = self.new_root("devtmpfs", 0o755)
        self.mount((b"dev",), dev)
        for name, (device, rights) in DEVICES.items():
            dev.add(name, DeviceNode(dev.fs, dev.fs.new_number(), stat.S_IFCHR | rights, device, EPOCH), EPOCH)
        for name, target in _DEV_LINKS.items():
            dev.add(name, Link(dev.fs, dev.fs.new_number(), target, EPOCH), EPOCH)
        dev.add(b"shm", Directory(dev.fs, dev.fs.new_number(), _STICKY_ALL, EPOCH), EPOCH)
        self.roots[b"dev", b"shm"] = self.new_root("tmpfs", _STICKY_ALL)
        dev.add(b"pts", Directory(dev.fs, dev.fs.new_number(), 0o755, EPOCH), EPOCH)

    def _host_has(self, names: Names) -> bool:
        mount = self.host_of(names)
        status = None if mount is None else look(mount, names)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def host_of(self, names: Names) -> Mount | None:
        """The host directory that `names` lie in, if no file system in RAM hides them."""
        for length in range(len(names), -1, -1):
            if names[:length] in self.hosts:
                return self.hosts[names[:length]]
            if length and names[:length] in self.roots:
                return None
        return None

    def is_mount_point(self, place: Place) -> bool:
        """Whether something is mounted at `place`, or below a directory there."""
        length = len(place.names)
        return any(names[:length] == place.names for names in (*self.hosts, *self.roots) if names)

    # -- walking ----------------------------------------------------------------------------------------------------

    def walk(self, start: Place | None, path: bytes, caller: Caller | None, how: How = _FOLLOW) -> Place:
        """Resolve `path` from directory `start` (None: the root); the last component need not exist.

        Raises LinuxError ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES, EXDEV.
        """
        return Walk(self, caller, how).run(start, path)

    def same_mount(self, one: Place, other: Place) -> bool:
        """Whether both lie in the same mount."""
        if one.mount is not None or other.mount is not None:
            return one.mount is other.mount
        return one.node is not None and other.node is not None and one.node.fs is other.node.fs

    def again(self, place: Place) -> Place:
        """Where a directory that was reached before is now: one in RAM may have been renamed or removed."""
        if isinstance(place.node, Directory):
            names = path_below(place.node) or last_path(place.node)
            current = place.names if names is None else (*self.mount_path(place.node), *names)
            return replace(place, names=current, mode=place.node.mode)
        if place.mount is None:
            return place
        inode = place.inode
        if inode is not None and isinstance(inode.node, Directory):
            return Place(inode.names or place.names, inode.node.mode, node=inode.node)
        now = self.place_at(place.names if inode is None or inode.names is None else inode.names)
        return replace(now, inode=inode)

    def hold(self, place: Place) -> Place:
        """`place`, to be kept for `again`: a directory on the host is found again after it was renamed or removed."""
        if place.mount is None or place.key is None or not place.is_directory:
            return place
        return replace(place, inode=self.host_inodes.keep(place.key, place.names))

    def mount_path(self, directory: Directory) -> Names:
        """Where the file system of `directory` is mounted."""
        return next((names for names, root in self.roots.items() if root.fs is directory.fs), ())

    def place_at(self, names: Names, caller: Caller | None = None) -> Place:
        """The place of a path without links. `caller`: who looks, which matters in a generated directory only."""
        mount = self.host_of(names)
        if mount is not None:
            return self._on_host(mount, names)
        at = max((root for root in self.roots if names[: len(root)] == root), key=len)
        place = self._root_place(at)
        for name in names[len(at) :]:
            if not isinstance(place.node, DirectoryNode):
                return Place(names, 0)
            place = self.child(place, name, caller)
        return place

    def _root_place(self, names: Names) -> Place:
        """The root of what is mounted at `names`."""
        mount = self.hosts.get(names)
        if mount is not None:
            return self._on_host(mount, names)
        root = self.roots[names]
        return Place(names, root.mode, node=root, is_root=True)

    def _on_host(self, mount: Mount, names: Names) -> Place:
        status, is_root = look(mount, names), names == mount.guest
        if status is not None:
            key = key_of(status)
            inode = self.host_inodes.get(key)
            node, mode = (None, status.st_mode & ~0o7000) if inode is None else (inode.node, inode.mode(status.st_mode))
            return Place(names, mode, mount, key, node=node, is_root=is_root)
        if not any(other[: len(names)] == names for other in (*self.hosts, *self.roots) if other != mount.guest):
            return Place(names, 0, mount, is_root=is_root)
        leading = self.make_path(names)  # it leads to another mount
        return Place(names, leading.mode, node=leading, parent=leading.up)

    def child(self, place: Place, name: bytes, caller: Caller | None) -> Place:
        """What is called `name` in the directory at `place`."""
        names = (*place.names, name)
        if names in self.hosts or names in self.roots:
            return self._root_place(names)
        if place.mount is not None:
            return self._on_host(place.mount, names)
        assert isinstance(place.node, DirectoryNode)
        node = place.node.find(caller, name)
        parent = place.node if isinstance(place.node, Directory) else None
        return Place(names, 0 if node is None else node.mode, node=node, parent=parent)

    def holder(self, place: Place, caller: Caller | None) -> Place:
        """The directory that the name `place` lies in, or would."""
        if place.parent is not None:
            return Place(place.names[:-1], place.parent.mode, node=place.parent)
        return self.place_at(place.names[:-1], caller)

    def parent(self, place: Place, caller: Caller | None) -> Place:
        """What ".." means in the directory at `place`."""
        if isinstance(place.node, Directory) and not place.is_root:
            up = place.node.up
            if up.up is not up:
                return Place(place.names[:-1], up.mode, node=up, parent=up.up)
        return self.place_at(place.names[:-1], caller)

    # -- what lies at a place ---------------------------------------------------------------------------------------

    def read_link(self, place: Place, caller: Caller | None) -> bytes:
        """The target of a link. Raises LinuxError EINVAL when `place` is not a link, ENOENT."""
        if not place.is_link:
            raise LinuxError(Errno.EINVAL if place.exists else Errno.ENOENT)
        if caller is not None and (place.mount is not None or isinstance(place.node, Link)):
            self.attributes(place).accessed(realtime(caller.cpu))
        if isinstance(place.node, LinkNode):
            return place.node.target(caller)
        return read_host_link(place)

    def attributes(self, place: Place) -> Attributes:
        """Owner and times of what lies at `place`, to be changed."""
        if place.node is not None:
            return place.node
        assert place.key is not None
        return self.host_inodes.keep(place.key, place.names)

    def directory_of(self, place: Place) -> Attributes | None:
        """The inode of the directory that holds the name `place`; None: what is mounted there has no name."""
        if place.is_root or (place.mount is None and place.parent is None):
            return None
        if place.parent is not None:
            return place.parent
        above = self.place_at(place.names[:-1])
        return self.attributes(above) if above.exists else None

    def status(self, place: Place) -> FileStatus:
        """stat of `place`. Raises LinuxError ENOENT."""
        if not place.exists:
            raise LinuxError(Errno.ENOENT)
        if place.node is not None:
            return place.node.status()
        status = host_status(place)
        key = key_of(status)
        if status.st_nlink > 1 and not place.is_directory:
            self.host_inodes.keep(key, place.names)  # its other names are to show the same number
        return status_of(self.host_inodes.at(key, place.names), status, place.mount)

    def _number(self, place: Place) -> int:
        """st_ino of what lies at `place`."""
        if place.mount is not None and place.key is not None:
            return self.host_inodes.at(place.key, place.names).number
        assert place.node is not None
        return place.node.number

    def list(self, place: Place, caller: Caller | None) -> list[tuple[bytes, int, int]]:
        """(name, st_mode, st_ino) of everything in a directory, "." and ".." first, then by name."""
        own: list[tuple[bytes, int, int]] = []
        if isinstance(place.node, DirectoryNode):
            if isinstance(place.node, Directory) and place.node.removed:
                raise LinuxError(Errno.ENOENT)
            own = place.node.entries(caller)
        elif place.mount is not None:
            inodes = self.host_inodes
            own = sorted(
                (name, status.st_mode, inodes.at(key_of(status), (*place.names, name)).number)
                for name, status in list_host(place)
            )
        above = self.parent(place, caller)
        dots = [(b".", place.mode, self._number(place)), (b"..", above.mode, self._number(above))]
        mounted = {name: self.child(place, name, caller) for name in self._mounted_in(place)}
        if not mounted:
            return dots + own
        listed = [entry for entry in own if entry[0] not in mounted]
        listed += [(name, root.mode, self._number(root)) for name, root in mounted.items()]
        return dots + sorted(listed)

    def _mounted_in(self, place: Place) -> set[bytes]:
        """Names in the directory at `place` that mounts add to it or hide."""
        depth = len(place.names)
        if isinstance(place.node, GeneratedDirectory) and not place.is_root:
            return set()
        if place.mount is None and self.place_at(place.names).node is not place.node:
            return set()
        names = {names for names, mount in self.hosts.items() if mount.listed} | set(self.roots)
        return {one[depth] for one in names if len(one) > depth and one[:depth] == place.names}
