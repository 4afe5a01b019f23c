"""The bytes of a regular file, as the kernel reads them (fs/kernel_read_file.c)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.host_file import HostFile
from kernel_model.files.host_tree import host_errors, open_host
from kernel_model.files.memfd import Memfd
from kernel_model.files.tree.opened import OpenedNode
from kernel_model.files.tree.regular import Regular

if TYPE_CHECKING:
    from kernel_model.files.file import File
    from kernel_model.files.tree.place import Place


def read_whole(place: Place, limit: int) -> bytes:
    """The file at `place`, at most `limit` bytes. Raises LinuxError: EACCES of files without bytes of their own."""
    if isinstance(place.node, Regular):
        return place.node.cache.read(0, min(limit, place.node.size))
    if isinstance(place.node, OpenedNode):
        return _read_opened(place.node.file, limit)
    if place.mount is None:
        raise LinuxError(Errno.EACCES)
    with os.fdopen(open_host(place, os.O_RDONLY), "rb") as file, host_errors():
        return file.read(limit)


def _read_opened(file: File, limit: int) -> bytes:
    if isinstance(file, Memfd):
        return file.cache.read(0, min(limit, file.cache.size))
    if isinstance(file, HostFile) and file.readable:
        with host_errors():
            return os.pread(file.host(), limit, 0)
    if file.place is None:
        raise LinuxError(Errno.EACCES)
    return read_whole(file.place, limit)
