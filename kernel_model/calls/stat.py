"""stat and its relatives, access, readlink, statfs, getdents (fs/stat.c, fs/open.c, fs/readdir.c)."""

from __future__ import annotations

import stat as modes
import struct
from collections.abc import Callable
from typing import Final

from kernel_model.abi.files import (
    AT_EACCESS,
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_NO_AUTOMOUNT,
    AT_STATX_SYNC_TYPE,
    AT_SYMLINK_NOFOLLOW,
    NAME_MAX,
    O_NOATIME,
)
from kernel_model.abi.inotify import IN_ACCESS
from kernel_model.abi.structs import Statfs, Statx
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.files.directory_file import DirectoryFile
from kernel_model.files.host_file import PathFile
from kernel_model.files.status import FileStatus
from kernel_model.files.tree.file_system import TMPFS_MAGIC
from kernel_model.files.tree.notify import tell_of_file
from kernel_model.files.tree.permission import check, of_real_user
from kernel_model.files.tree.place import Place
from kernel_model.time.realtime import realtime
from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw.page_walk import WRITE

_NS: Final = 1_000_000_000
_STATX_BASIC: Final = 0x7FF
_STATX_BTIME: Final = 0x800
_STATX_RESERVED: Final = 1 << 31
_W_OK = 2
_DIRENT: Final = struct.Struct("<QqHB")  # struct linux_dirent64 up to the name
_OLD_DIRENT: Final = struct.Struct("<QQH")  # struct linux_dirent up to the name
_ANON_INODE_MAGIC: Final = 0x09041934
_MAGICS: Final = {modes.S_IFIFO: 0x50495045, modes.S_IFSOCK: 0x534F434B, modes.S_IFREG: TMPFS_MAGIC}  # linux/magic.h
_ST_RDONLY, _ST_VALID, _ST_RELATIME = 0x0001, 0x0020, 0x1000  # f_flags


def fstat(call: Call, fd: int, address: int) -> int:
    call.memory.write_struct(address, call.any_file(fd).status().as_struct())
    return 0


def stat(call: Call, path: int, address: int) -> int:
    return newfstatat(call, AT_FDCWD, path, address, 0)


def lstat(call: Call, path: int, address: int) -> int:
    return newfstatat(call, AT_FDCWD, path, address, AT_SYMLINK_NOFOLLOW)


def newfstatat(call: Call, directory: int, path: int, address: int, flags: int) -> int:
    """stat of a path; with AT_EMPTY_PATH and an empty path, of the descriptor."""
    status = _status(call, directory, path, flags, AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW)
    call.memory.write_struct(address, status.as_struct())
    return 0


def statx(call: Call, directory: int, path: int, flags: int, mask: int, address: int) -> int:
    """Write the basic fields; `mask` has no other effect."""
    if mask & _STATX_RESERVED or flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE:
        raise LinuxError(Errno.EINVAL)
    known = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW | AT_STATX_SYNC_TYPE
    status = _status(call, directory, path, flags, known)
    times = [(ns // _NS, ns % _NS) for ns in (status.atime, status.btime, status.ctime, status.mtime)]
    call.memory.write_struct(
        address,
        Statx(
            stx_mask=_STATX_BASIC | (_STATX_BTIME if status.btime else 0), stx_blksize=status.block_size,
            stx_nlink=status.links, stx_uid=status.uid, stx_gid=status.gid, stx_mode=status.mode,
            stx_ino=status.inode, stx_size=status.size, stx_blocks=status.blocks_used,
            stx_atime=times[0], stx_btime=times[1], stx_ctime=times[2], stx_mtime=times[3],
            stx_rdev_major=status.rdev >> 8, stx_rdev_minor=status.rdev & 0xFF, stx_dev_minor=status.device,
        ),
    )  # fmt: skip
    return 0


def _status(call: Call, directory: int, path: int, flags: int, known: int) -> FileStatus:
    if flags & 0xFFFF_FFFF & ~known:
        raise LinuxError(Errno.EINVAL)
    name = b"" if not path and flags & AT_EMPTY_PATH else call.memory.read_path(path)
    if name:
        return call.kernel.tree.status(call.walk(directory, name, follow=not flags & AT_SYMLINK_NOFOLLOW))
    if not flags & AT_EMPTY_PATH:
        raise LinuxError(Errno.ENOENT)
    if as_int(directory) == AT_FDCWD:
        return call.kernel.tree.status(call.walk(AT_FDCWD, b"."))
    return call.any_file(directory).status()


def access(call: Call, path: int, mode: int) -> int:
    return faccessat2(call, AT_FDCWD, path, mode, 0)


def faccessat(call: Call, directory: int, path: int, mode: int) -> int:
    return faccessat2(call, directory, path, mode, 0)


def faccessat2(call: Call, directory: int, path: int, mode: int, flags: int) -> int:
    """What the real user may do, or with AT_EACCESS the effective one."""
    wanted = as_int(mode)
    if wanted & ~7 or flags & 0xFFFF_FFFF & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise LinuxError(Errno.EINVAL)
    name = call.memory.read_path(path)
    if not name:
        if not flags & AT_EMPTY_PATH:
            raise LinuxError(Errno.ENOENT)
        call.any_file(directory)
        return 0
    place = call.walk(directory, name, follow=not flags & AT_SYMLINK_NOFOLLOW)
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    if wanted & _W_OK and place.read_only and not modes.S_ISFIFO(place.mode):
        raise LinuxError(Errno.EROFS)
    who = call.task.credentials
    check(call, place, wanted, who if flags & AT_EACCESS else of_real_user(who))
    return 0


def readlink(call: Call, path: int, address: int, size: int) -> int:
    return readlinkat(call, AT_FDCWD, path, address, size)


def readlinkat(call: Call, directory: int, path: int, address: int, size: int) -> int:
    """Bytes of the link's target, cut off at `size`, without a NUL."""
    if as_int(size) <= 0:
        raise LinuxError(Errno.EINVAL)
    name = call.memory.read_path(path)
    if name:
        place = call.walk(directory, name, follow=False)
    else:
        file = None if as_int(directory) == AT_FDCWD else call.any_file(directory)
        if not isinstance(file, PathFile):
            raise LinuxError(Errno.ENOENT)
        place = file.place
    target = call.kernel.tree.read_link(place, call)[: as_int(size)]
    call.memory.write(address, target)
    return len(target)


def getdents(call: Call, fd: int, address: int, size: int) -> int:
    """As getdents64, in the older form: the type is the last byte of an entry."""
    return _getdents(call, fd, address, size, _old_entry)


def getdents64(call: Call, fd: int, address: int, size: int) -> int:
    """Whole entries, by name; 0 at the end. Raises EINVAL when the next one does not fit."""
    return _getdents(call, fd, address, size, _entry)


def _entry(name: bytes, mode: int, number: int, position: int) -> bytes:
    length = (_DIRENT.size + len(name) + 1 + 7) // 8 * 8
    return (_DIRENT.pack(number, position, length, mode >> 12 & 15) + name).ljust(length, b"\0")


def _old_entry(name: bytes, mode: int, number: int, position: int) -> bytes:
    length = (_OLD_DIRENT.size + len(name) + 2 + 7) // 8 * 8
    return (_OLD_DIRENT.pack(number, position, length) + name).ljust(length - 1, b"\0") + bytes([mode >> 12 & 15])


def _getdents(call: Call, fd: int, address: int, size: int, pack: Callable[[bytes, int, int, int], bytes]) -> int:
    directory = call.file(fd)
    if not isinstance(directory, DirectoryFile):
        raise LinuxError(Errno.ENOTDIR)
    data, taken, entries = b"", 0, directory.entries(call)
    for name, mode, number in entries:
        entry = pack(name, mode, number, directory.position + taken + 1)
        if len(data) + len(entry) > size & 0xFFFF_FFFF:
            break
        data, taken = data + entry, taken + 1
    if not taken and entries:
        raise LinuxError(Errno.EINVAL)
    call.memory.parts(address, len(data), WRITE)
    if directory.attributes is not None and not directory.flags & O_NOATIME:
        directory.attributes.accessed(realtime(call.cpu))
    tell_of_file(call.cpu, directory, IN_ACCESS)
    directory.position += taken
    call.memory.write(address, data)
    return len(data)


def statfs(call: Call, path: int, address: int) -> int:
    name = call.memory.read_path(path)
    place = call.walk(AT_FDCWD, name) if name else None
    if place is None or not place.exists:
        raise LinuxError(Errno.ENOENT)
    return _statfs(call, place, address)


def fstatfs(call: Call, fd: int, address: int) -> int:
    file = call.any_file(fd)
    if file.place is None:
        magic = _MAGICS.get(modes.S_IFMT(file.status().mode), _ANON_INODE_MAGIC)
        call.memory.write_struct(
            address, Statfs(f_type=magic, f_bsize=PAGE_SIZE, f_namelen=NAME_MAX, f_frsize=PAGE_SIZE)
        )
        return 0
    return _statfs(call, file.place, address)


def _statfs(call: Call, place: Place | None, address: int) -> int:
    """What is on the host looks like a tmpfs half as large as guest RAM, and empty."""
    fs = call.kernel.tree.host_fs
    if place is not None and place.mount is None and place.node is not None:
        fs = place.node.fs
    on_host = fs is call.kernel.tree.host_fs
    stores = fs.magic == TMPFS_MAGIC
    pages, free = fs.pages_max if stores else 0, fs.pages_max if on_host else fs.free_pages if stores else 0
    inodes = fs.inodes_max if stores else 0
    call.memory.write_struct(
        address,
        Statfs(
            f_type=fs.magic, f_bsize=PAGE_SIZE, f_blocks=pages, f_bfree=free, f_bavail=free, f_files=inodes,
            f_ffree=inodes - fs.inodes if stores else 0, f_namelen=NAME_MAX, f_frsize=PAGE_SIZE,
            f_flags=_ST_VALID | (_ST_RDONLY if place is not None and place.read_only else 0) | _ST_RELATIME,
        ),
    )  # fmt: skip
    return 0
