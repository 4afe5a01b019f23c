"""mount and umount2 (fs/namespace.c): file systems in RAM at other places of the tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kernel_model.abi.files import AT_FDCWD
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.files import File
from kernel_model.files.tree.directory import Directory
from kernel_model.files.tree.node import DirectoryNode
from kernel_model.files.tree.place import Place
from kernel_model.task.credentials import CAP_SYS_ADMIN
from kernel_model.time.realtime import realtime

_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_MOVE = 0x1, 0x20, 0x1000, 0x2000
_MS_PROPAGATION: Final = 0x1E_0000  # MS_UNBINDABLE, PRIVATE, SLAVE, SHARED
_MNT_DETACH, _UMOUNT_NOFOLLOW, _UMOUNT_KNOWN = 2, 8, 0xF
_GENERATED: Final = {b"proc": (b"proc",), b"sysfs": (b"sys",)}
_NUMBERS: Final = (b"mode", b"uid", b"gid", b"size", b"nr_inodes")  # options of a tmpfs
_OPTIONS: Final = (*_NUMBERS, b"nr_blocks", b"huge", b"mpol", b"inode64", b"inode32")


def mount(call: Call, _source: int, target: int, kind: int, flags: int, data: int) -> int:
    """Mount a tmpfs, or /proc or /sys once more; MS_REMOUNT changes MS_RDONLY. Nothing is bound or moved: EINVAL."""
    name = call.memory.read_path(kind) if kind else b""
    options = call.memory.read_string(data, 4096) if data else b""
    place = _target(call, call.memory.read_path(target), follow=True)
    if flags & _MS_REMOUNT:
        root = _mounted(call, place)
        if flags & _MS_RDONLY and any(file.writable for file in _open_files(call, root)):
            raise LinuxError(Errno.EBUSY)
        root.fs.read_only = bool(flags & _MS_RDONLY)
        return 0
    if flags & _MS_PROPAGATION and not flags & (_MS_BIND | _MS_MOVE):
        return 0
    if flags & (_MS_BIND | _MS_MOVE):
        raise call.unsupported("mount with MS_BIND or MS_MOVE", Errno.EINVAL)
    if not name:
        raise LinuxError(Errno.EINVAL)
    root = _new_root(call, name, _parsed(options))
    if not place.is_directory:
        raise LinuxError(Errno.ENOTDIR)
    root.fs.read_only = bool(flags & _MS_RDONLY) if isinstance(root, Directory) else False
    call.kernel.tree.mount_over(place, root)
    call.kernel.scheduler.wake_all(call.cpu, call.kernel.tree.mounts_changed)
    return 0


def umount2(call: Call, target: int, flags: int) -> int:
    """Errors: EINVAL (nothing is mounted there), EBUSY (in use, without MNT_DETACH; or the kernel's own)."""
    flags &= 0xFFFF_FFFF
    if flags & ~_UMOUNT_KNOWN:
        raise LinuxError(Errno.EINVAL)
    place = _target(call, call.memory.read_path(target), follow=not flags & _UMOUNT_NOFOLLOW)
    root = _mounted(call, place)
    if not flags & _MNT_DETACH and _in_use(call, root):
        raise LinuxError(Errno.EBUSY)
    call.kernel.tree.unmount(place)
    call.kernel.scheduler.wake_all(call.cpu, call.kernel.tree.mounts_changed)
    if isinstance(root, Directory) and not _in_use(call, root):
        _free(root, realtime(call.cpu))
    return 0


def _target(call: Call, name: bytes, *, follow: bool) -> Place:
    if not name:
        raise LinuxError(Errno.ENOENT)
    place = call.walk(AT_FDCWD, name, follow=follow)
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    if not call.task.credentials.has(CAP_SYS_ADMIN):
        raise LinuxError(Errno.EPERM)
    return place


def _mounted(call: Call, place: Place) -> DirectoryNode:
    """The root that is mounted at `place`. Raises LinuxError EINVAL; EBUSY for a directory of the host."""
    if not place.is_root:
        raise LinuxError(Errno.EINVAL)
    if not isinstance(place.node, DirectoryNode):
        raise LinuxError(Errno.EBUSY)
    return place.node


def _new_root(call: Call, kind: bytes, options: dict[bytes, int]) -> DirectoryNode:
    tree = call.kernel.tree
    if kind in _GENERATED:
        return tree.roots[_GENERATED[kind]]
    if kind not in (b"tmpfs", b"ramfs"):
        raise LinuxError(Errno.ENODEV)
    root = tree.new_root(kind.decode(), options.get(b"mode", 0o1777 if kind == b"tmpfs" else 0o755))
    root.uid, root.gid = options.get(b"uid", 0), options.get(b"gid", 0)
    root.born(realtime(call.cpu))
    root.fs.limit(options.get(b"size"), options.get(b"nr_inodes"))
    return root


def _parsed(options: bytes) -> dict[bytes, int]:
    """The options of a tmpfs that are numbers. Raises LinuxError EINVAL for one that is unknown, or no number."""
    found = {}
    for option in filter(None, options.split(b",")):
        name, _, value = option.partition(b"=")
        if name not in _OPTIONS:
            raise LinuxError(Errno.EINVAL)
        if name in _NUMBERS:
            shift = {b"k": 10, b"m": 20, b"g": 30}.get(value[-1:].lower(), 0)
            try:
                found[name] = int(value[:-1] if shift else value, 8 if name == b"mode" else 10) << shift
            except ValueError:
                raise LinuxError(Errno.EINVAL) from None
    return found


def _in_use(call: Call, root: DirectoryNode) -> bool:
    """Whether a file of the file system is open, mapped or somebody's current directory, or something lies over it."""
    tree, fs = call.kernel.tree, root.fs
    places = [process.cwd for process in call.kernel.processes.values()]
    used = any(place is not None and place.node is not None and place.node.fs is fs for place in places)
    return (
        used or bool(_open_files(call, root)) or tree.covers(root) or (isinstance(root, Directory) and _is_mapped(root))
    )


def _open_files(call: Call, root: DirectoryNode) -> list[File]:
    """All open files of the file system."""
    files = [file for process in call.kernel.processes.values() for file in process.files.files()]
    return [
        file
        for file in files
        if file.place is not None and file.place.node is not None and file.place.node.fs is root.fs
    ]


def _below(root: Directory) -> Iterator[Directory]:
    """`root` and all directories below it, however deep, each before those in it."""
    waiting = [root]
    while waiting:
        directory = waiting.pop()
        yield directory
        waiting += [node for node in directory.children.values() if isinstance(node, Directory)]


def _is_mapped(root: Directory) -> bool:
    return any(getattr(node, "is_mapped", False) for each in _below(root) for node in each.children.values())


def _free(root: Directory, now: int) -> None:
    for directory in reversed(list(_below(root))):
        for name in list(directory.children):
            directory.remove(name, now)
