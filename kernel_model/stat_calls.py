"""fstat, newfstatat, readlink (fs/stat.c)."""

from __future__ import annotations

from kernel_model.syscall import Call, as_int
from kernel_model.uapi import Errno, LinuxError
from kernel_model.uapi_files import AT_EMPTY_PATH, AT_NO_AUTOMOUNT, AT_SYMLINK_NOFOLLOW


def fstat(call: Call, fd: int, address: int) -> int:
    call.memory.write_struct(address, call.file(fd).status().as_struct())
    return 0


def newfstatat(call: Call, directory: int, path: int, address: int, flags: int) -> int:
    """With AT_EMPTY_PATH: fstat. There are no named files: ENOENT."""
    if flags & 0xFFFF_FFFF & ~(AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW):
        raise LinuxError(Errno.EINVAL)
    if not call.memory.read_path(path):
        if not flags & AT_EMPTY_PATH:
            raise LinuxError(Errno.ENOENT)
        return fstat(call, directory, address)
    raise LinuxError(Errno.ENOENT)


def readlink(call: Call, path: int, address: int, size: int) -> int:
    """Only /proc/self/exe is one."""
    if as_int(size) <= 0:
        raise LinuxError(Errno.EINVAL)
    if call.memory.read_path(path) != b"/proc/self/exe":
        raise LinuxError(Errno.ENOENT)
    target = call.process.exe.encode(errors="surrogateescape")[:size]
    call.memory.write(address, target)
    return len(target)
