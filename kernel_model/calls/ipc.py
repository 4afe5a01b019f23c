"""What the calls of System V IPC share: struct ipc64_perm, and IPC_SET's part of it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel_model.abi.ipc import IPC_64
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import as_int

if TYPE_CHECKING:
    from kernel_model.ipc.ids import Permissions

_PERM: Final = struct.Struct("<iIIIIIH22x")  # key uid gid cuid cgid mode seq
PERM_SIZE: Final = _PERM.size


def command_of(number: int, command: int) -> int:
    """The command of a *ctl call. Raises LinuxError EINVAL for negative arguments."""
    if as_int(number) < 0 or as_int(command) < 0:
        raise LinuxError(Errno.EINVAL)
    return as_int(command) & ~IPC_64


def pack_permissions(permissions: Permissions, flags: int = 0) -> bytes:
    """struct ipc64_perm. `flags`: of the kind of object, shown in its mode."""
    return _PERM.pack(
        permissions.key, permissions.uid, permissions.gid, permissions.cuid, permissions.cgid,
        permissions.mode | flags, permissions.sequence,
    )  # fmt: skip


def wanted_of(octets: bytes) -> tuple[int, int, int]:
    """IPC_SET's owner, group and mode. Raises LinuxError EINVAL for a number that no user has."""
    _, uid, gid, _, _, mode, _ = _PERM.unpack(octets[:PERM_SIZE])
    if uid == 0xFFFF_FFFF or gid == 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)
    return uid, gid, mode
