"""open, openat, openat2, creat; chdir, fchdir, getcwd, umask (fs/open.c, fs/namei.c)."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Hashable
from dataclasses import replace
from typing import Final

from kernel_model.abi.files import (
    AT_FDCWD,
    O_ACCMODE,
    O_APPEND,
    O_ASYNC,
    O_CREAT,
    O_DIRECT,
    O_DIRECTORY,
    O_DSYNC,
    O_EXCL,
    O_LARGEFILE,
    O_NOATIME,
    O_NOCTTY,
    O_NOFOLLOW,
    O_NONBLOCK,
    O_PATH,
    O_RDONLY,
    O_SYNC,
    O_TMPFILE,
    O_TRUNC,
    O_WRONLY,
    RESOLVE_BENEATH,
    RESOLVE_CACHED,
    RESOLVE_IN_ROOT,
    RESOLVE_KNOWN,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
)
from kernel_model.abi.inotify import IN_CREATE, IN_MODIFY
from kernel_model.abi.uapi import O_CLOEXEC, Errno, LinuxError
from kernel_model.call.call import Call
from kernel_model.files import File
from kernel_model.files.directory_file import DirectoryFile
from kernel_model.files.host_file import HostDirectory, HostFile, PathFile
from kernel_model.files.host_tree import key_of, open_host
from kernel_model.files.tree.change import make_node
from kernel_model.files.tree.create import own, take_owner
from kernel_model.files.tree.directory import Directory, path_below
from kernel_model.files.tree.host_change import make_file, node_at
from kernel_model.files.tree.notify import opened, tell_directory, tell_of_file
from kernel_model.files.tree.permission import (
    MAY_EXEC,
    MAY_READ,
    MAY_WRITE,
    check,
    check_directory,
    check_owner,
    inode_at,
)
from kernel_model.files.tree.place import Place
from kernel_model.files.tree.regular import Regular
from kernel_model.time.realtime import realtime
from pffemu.arch.paging import PAGE_SIZE

_KNOWN: Final = (
    O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT
    | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE
)  # fmt: skip
_OF_OPENING: Final = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC  # not kept in the file's flags
_WITH_PATH: Final = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC
_HOW_SIZE: Final = 24  # bytes of struct open_how
_MODE: Final = 0o7777
_WANTED: Final = (MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE)  # by access mode
_TMPFILE: Final = O_TMPFILE & ~O_DIRECTORY


def open_(call: Call, path: int, flags: int, mode: int) -> int:
    return openat(call, AT_FDCWD, path, flags, mode)


def creat(call: Call, path: int, mode: int) -> int:
    return openat(call, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode)


def openat(call: Call, directory: int, path: int, flags: int, mode: int) -> int:
    """A descriptor of a file under the roots, or of a special file. Unknown flags are ignored, as on Linux."""
    flags &= _KNOWN
    if flags & O_PATH:
        flags &= _WITH_PATH
    name = call.memory.read_path(path)
    return _open(call, directory, name, flags, mode & _MODE)


def openat2(call: Call, directory: int, path: int, how: int, size: int) -> int:
    """openat2, whose flags must all be known and fit."""
    if size < _HOW_SIZE:
        raise LinuxError(Errno.EINVAL)
    if size > PAGE_SIZE:
        raise LinuxError(Errno.E2BIG)
    words = call.memory.read(how, size)
    if any(words[_HOW_SIZE:]):
        raise LinuxError(Errno.E2BIG)
    flags, mode, resolve = struct.unpack_from("<3Q", words)
    if flags & ~_KNOWN or resolve & ~RESOLVE_KNOWN or mode & ~_MODE:
        raise LinuxError(Errno.EINVAL)
    if resolve & RESOLVE_BENEATH and resolve & RESOLVE_IN_ROOT:
        raise LinuxError(Errno.EINVAL)
    if mode and not flags & O_CREAT and flags & O_TMPFILE != O_TMPFILE:
        raise LinuxError(Errno.EINVAL)
    if flags & O_PATH and flags & ~_WITH_PATH:
        raise LinuxError(Errno.EINVAL)
    if resolve & RESOLVE_CACHED and flags & (O_TRUNC | O_CREAT | _TMPFILE):
        raise LinuxError(Errno.EAGAIN)
    return _open(call, directory, call.memory.read_path(path), flags, mode, resolve)


def _open(call: Call, directory: int, name: bytes, flags: int, mode: int, resolve: int = 0) -> int:
    if flags & (O_CREAT | O_DIRECTORY) == O_CREAT | O_DIRECTORY:
        raise LinuxError(Errno.EINVAL)
    if not name:
        raise LinuxError(Errno.ENOENT)
    if flags & _TMPFILE:
        if flags & (O_TMPFILE | O_CREAT) != O_TMPFILE or flags & O_ACCMODE == O_RDONLY:
            raise LinuxError(Errno.EINVAL)
        fd = call.new_fd()
        file = _open_unnamed(call, call.walk(directory, name, resolve=resolve), flags, mode & ~call.process.umask)
        file.created = True
        opened(call.cpu, call.kernel.tree, file)
        return call.process.files.install(fd, file, bool(flags & O_CLOEXEC))
    fd = call.new_fd()
    call.closes_on_exec, call.without_terminal = bool(flags & O_CLOEXEC), bool(flags & O_NOCTTY)
    if (
        flags & O_CREAT
        and name.endswith(b"/")
        and not name.rstrip(b"/").endswith((b"/.", b"/.."))
        and name.strip(b"/.")
    ):
        call.walk(directory, name.rstrip(b"/"), follow=False, resolve=resolve)
        raise LinuxError(Errno.EISDIR)
    exclusive = flags & (O_CREAT | O_EXCL) == O_CREAT | O_EXCL
    follow = not flags & O_NOFOLLOW and not exclusive
    place = call.walk(directory, name, follow=follow, resolve=resolve)
    file = _open_place(call, place, flags, mode & ~call.process.umask)
    if not place.exists:
        file.created = True
        tell_directory(call.cpu, call.kernel.tree, place, IN_CREATE)
    if not flags & O_PATH:
        opened(call.cpu, call.kernel.tree, file)
    if place.exists and flags & O_TRUNC:
        tell_of_file(call.cpu, file, IN_MODIFY)
    return call.process.files.install(fd, file, bool(flags & O_CLOEXEC))


def _open_place(call: Call, place: Place, flags: int, mode: int) -> File:
    kept = flags & ~_OF_OPENING | (0 if flags & O_PATH else O_LARGEFILE)
    _check(place, flags)
    if flags & O_PATH:
        return PathFile(call.kernel.tree, call.kernel.tree.hold(place), kept)
    wanted = _WANTED[flags & O_ACCMODE] | (MAY_WRITE if flags & O_TRUNC else 0)
    keeps_data = stat.S_ISREG(place.mode) or place.is_directory
    if place.read_only and (not place.exists or (wanted & MAY_WRITE and keeps_data)):
        raise LinuxError(Errno.EROFS)
    if place.exists:
        check(call, place, wanted)
        if flags & O_NOATIME:
            check_owner(call, inode_at(call, place))
    else:
        check_directory(call, place)
    if wanted & MAY_WRITE:
        refuse_running(call, place)
    break_leases(call, place, writing=bool(wanted & MAY_WRITE), nonblocking=bool(flags & O_NONBLOCK))
    if place.mount is not None:
        return _open_host(call, place, flags, kept, mode)
    if place.is_directory:
        return DirectoryFile(place, kept)
    if not place.exists:
        node = make_node(call, place, S_IFREG | mode)
        assert node is not None
        return node.open(call, replace(place, node=node, mode=node.mode), kept)
    assert place.node is not None
    if flags & O_TRUNC:
        place.node.empty(realtime(call.cpu))
    return place.node.open(call, place, kept)


def refuse_running(call: Call, place: Place) -> None:
    """Raises LinuxError ETXTBSY when the file at `place` is a running program."""
    if place.exists and stat.S_ISREG(place.mode):
        inode = place.identity
        if any(process.program == inode for process in call.kernel.processes.values() if process.tasks):
            raise LinuxError(Errno.ETXTBSY)


def open_files(call: Call, inode: Hashable) -> list[File]:
    """The open files of an inode, of all processes, without O_PATH's."""
    files = {file: None for process in call.kernel.processes.values() for file in process.files.files()}
    return [file for file in files if not file.flags & O_PATH and file.inode == inode]


def break_leases(call: Call, place: Place, *, writing: bool, nonblocking: bool = False) -> None:
    """Wait for the holders of leases on the regular file at `place`. Raises LinuxError EAGAIN; Blocked."""
    if place.exists and stat.S_ISREG(place.mode):
        leases = call.kernel.file_locks.leases
        leases.break_for(call, place.identity, writing=writing, nonblocking=nonblocking)


def _open_host(call: Call, place: Place, flags: int, kept: int, mode: int) -> File:
    tree = call.kernel.tree
    if stat.S_ISFIFO(place.mode) or stat.S_ISSOCK(place.mode):
        return node_at(call, place).open(call, place, kept)
    if not place.exists:
        descriptor, place, inode = make_file(call, place, flags & (O_ACCMODE | O_TRUNC), mode)
        return HostFile(place, inode, kept, descriptor, call.kernel.host_pages)
    assert place.key is not None
    inode = tree.host_inodes.keep(place.key, place.names)
    if place.is_directory:
        return HostDirectory(tree.hold(place), inode, kept, open_host(place, os.O_RDONLY | os.O_DIRECTORY))
    descriptor = open_host(place, flags & (O_ACCMODE | O_TRUNC))
    if flags & O_TRUNC:
        inode.modified(realtime(call.cpu))
    return HostFile(place, inode, kept, descriptor, call.kernel.host_pages)


def _open_unnamed(call: Call, directory: Place, flags: int, mode: int) -> File:
    """O_TMPFILE: a regular file without a name in `directory`, which link may give one unless O_EXCL."""
    if not directory.exists:
        raise LinuxError(Errno.ENOENT)
    if not directory.is_directory:
        raise LinuxError(Errno.ENOTDIR)
    if directory.read_only:
        raise LinuxError(Errno.EROFS)
    check(call, directory, MAY_WRITE | MAY_EXEC)
    kept = flags & ~_OF_OPENING | O_LARGEFILE
    if directory.mount is not None:
        return _open_unnamed_on_host(call, directory, flags, kept, mode)
    if not isinstance(directory.node, Directory):
        raise LinuxError(Errno.EOPNOTSUPP)
    node = Regular(directory.node.fs, directory.node.fs.new_number(), mode, realtime(call.cpu))
    own(call, node, directory.node)
    node.linkable = not flags & O_EXCL
    names = (*directory.names, b"#%d (deleted)" % node.number)
    file = node.open(call, Place(names, node.mode, node=node), kept)
    node.unlinked(node.ctime)
    return file


def _open_unnamed_on_host(call: Call, directory: Place, flags: int, kept: int, mode: int) -> File:
    tree = call.kernel.tree
    access = flags & (O_ACCMODE | O_EXCL) | os.O_TMPFILE
    descriptor = open_host(directory, access, mode & 0o777)
    os.fchmod(descriptor, mode & 0o777)
    tree.unnamed += 1
    status = os.fstat(descriptor)
    names = (*directory.names, b"#%d (deleted)" % tree.unnamed)
    place = Place(names, status.st_mode, directory.mount, key_of(status))
    inode = tree.host_inodes.make(status, names, realtime(call.cpu))
    inode.rights = take_owner(call, inode, mode, 0, 0) & 0o7000
    file = HostFile(place, inode, kept, descriptor, call.kernel.host_pages)
    file.unnamed = True
    return file


def _check(place: Place, flags: int) -> None:
    """Check `flags` against the kind of file at `place`. Raises LinuxError."""
    if not place.exists:
        if not flags & O_CREAT:
            raise LinuxError(Errno.ENOENT)
        return
    if flags & O_CREAT and flags & O_EXCL:
        raise LinuxError(Errno.EEXIST)
    if place.mode & S_IFMT == S_IFLNK and not flags & O_PATH:
        raise LinuxError(Errno.ENOTDIR if flags & O_DIRECTORY else Errno.ELOOP)
    if flags & O_DIRECTORY and not place.is_directory:
        raise LinuxError(Errno.ENOTDIR)
    if place.is_directory and (flags & (O_CREAT | O_TRUNC) or flags & O_ACCMODE != O_RDONLY) and not flags & O_PATH:
        raise LinuxError(Errno.EISDIR)


def chdir(call: Call, path: int) -> int:
    place = call.walk(AT_FDCWD, call.memory.read_path(path))
    return _change_directory(call, place)


def fchdir(call: Call, fd: int) -> int:
    file = call.any_file(fd)
    if file.place is None:
        raise LinuxError(Errno.ENOTDIR)
    return _change_directory(call, call.kernel.tree.again(file.place))


def _change_directory(call: Call, place: Place) -> int:
    if not place.exists:
        raise LinuxError(Errno.ENOENT)
    if not place.is_directory:
        raise LinuxError(Errno.ENOTDIR)
    check(call, place, MAY_EXEC)
    call.process.cwd = call.kernel.tree.hold(place)
    return 0


def getcwd(call: Call, address: int, size: int) -> int:
    """Bytes written, with the final NUL. Raises ENOENT when the directory was removed."""
    place = call.process.cwd
    path = b"/\0" if place is None else current_path(call, place) + b"\0"
    if len(path) > size:
        raise LinuxError(Errno.ERANGE)
    call.memory.write(address, path)
    return len(path)


def current_path(call: Call, place: Place) -> bytes:
    """The path of a current directory. Raises LinuxError ENOENT."""
    now = call.kernel.tree.again(place)
    if isinstance(now.node, Directory) and path_below(now.node) is None:
        raise LinuxError(Errno.ENOENT)
    return now.path


def umask(call: Call, mask: int) -> int:
    before, call.process.umask = call.process.umask, mask & 0o777
    return before
