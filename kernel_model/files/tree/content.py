"""The bytes of a regular file, as the kernel reads them (fs/kernel_read_file.c)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.host_tree import host_errors, open_host
from kernel_model.files.tree.regular import Regular

if TYPE_CHECKING:
    from kernel_model.files.tree.place import Place


def read_whole(place: Place, limit: int) -> bytes:
    """The file at `place`, at most `limit` bytes. Raises LinuxError: EACCES of files without bytes of their own."""
    if isinstance(place.node, Regular):
        return place.node.cache.read(0, min(limit, place.node.size))
    if place.mount is None:
        raise LinuxError(Errno.EACCES)
    with os.fdopen(open_host(place, os.O_RDONLY), "rb") as file, host_errors():
        return file.read(limit)
