"""stat and its relatives, access, readlink, statfs, getdents (fs/stat.c, fs/open.c, fs/readdir.c)."""

from __future__ import annotations

import stat as modes
import struct
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
from kernel_model.files.tree.notify import tell_of_file
from kernel_model.time.realtime import realtime
from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw.page_walk import WRITE

_NS: Final = 1_000_000_000
_STATX_BASIC: Final = 0x7FF
_STATX_BTIME: Final = 0x800
_STATX_RESERVED: Final = 1 << 31
_W_OK, _X_OK = 2, 1
_DIRENT: Final = struct.Struct("<QqHB")  # struct linux_dirent64 up to the name
_TMPFS_MAGIC: Final = 0x01021994


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
    """Root may read and write every file, and execute one with any execute bit."""
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
    if wanted & _X_OK and modes.S_ISREG(place.mode) and not place.mode & 0o111:
        raise LinuxError(Errno.EACCES)
    if wanted & _W_OK and place.read_only:
        raise LinuxError(Errno.EROFS)
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
        file = call.any_file(directory)
        if not isinstance(file, PathFile):
            raise LinuxError(Errno.ENOENT)
        place = file.place
    target = call.kernel.tree.read_link(place, call)[: as_int(size)]
    call.memory.write(address, target)
    return len(target)


def getdents64(call: Call, fd: int, address: int, size: int) -> int:
    """Whole entries, by name; 0 at the end. Raises EINVAL when the next one does not fit."""
    directory = call.file(fd)
    if not isinstance(directory, DirectoryFile):
        raise LinuxError(Errno.ENOTDIR)
    data, taken, entries = b"", 0, directory.entries(call)
    for name, mode, number in entries:
        length = (_DIRENT.size + len(name) + 1 + 7) // 8 * 8
        if len(data) + length > size & 0xFFFF_FFFF:
            break
        taken += 1
        head = _DIRENT.pack(number, directory.position + taken, length, mode >> 12 & 15)
        data += (head + name).ljust(length, b"\0")
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
    place = call.walk(AT_FDCWD, call.memory.read_path(path))
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    return _statfs(call, address)


def fstatfs(call: Call, fd: int, address: int) -> int:
    call.any_file(fd)
    return _statfs(call, address)


def _statfs(call: Call, address: int) -> int:
    """Every tree looks like a tmpfs half as large as guest RAM."""
    blocks = call.mm.ram.size // PAGE_SIZE // 2
    call.memory.write_struct(
        address,
        Statfs(
            f_type=_TMPFS_MAGIC, f_bsize=PAGE_SIZE, f_blocks=blocks, f_bfree=blocks, f_bavail=blocks,
            f_files=blocks, f_ffree=blocks, f_namelen=NAME_MAX, f_frsize=PAGE_SIZE,
        ),
    )  # fmt: skip
    return 0
