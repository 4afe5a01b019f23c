"""pkey_alloc, pkey_free, pkey_mprotect (mm/mprotect.c): as on a CPU without protection keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import as_int
from kernel_model.calls.memory import mprotect

if TYPE_CHECKING:
    from kernel_model.call.call import Call


def pkey_alloc(call: Call, flags: int, rights: int) -> int:
    raise LinuxError(Errno.EINVAL)


def pkey_free(call: Call, key: int) -> int:
    raise LinuxError(Errno.EINVAL)


def pkey_mprotect(call: Call, address: int, length: int, prot: int, key: int) -> int:
    """Key -1 is mprotect. Errors: EINVAL (no other key exists)."""
    if as_int(key) != -1:
        raise LinuxError(Errno.EINVAL)
    return mprotect(call, address, length, prot)
