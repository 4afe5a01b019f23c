"""capget and capset (kernel/capability.c, security/commoncap.c)."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import as_int
from kernel_model.calls.credential import commit
from kernel_model.task.credentials import ALL_CAPABILITIES, CAP_SETPCAP

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.task.credentials import Credentials

_VERSIONS: Final = {0x1998_0330: 1, 0x2007_1026: 2, 0x2008_0522: 2}  # -> 32-bit words of each set
_NEWEST: Final = 0x2008_0522


def capget(call: Call, header: int, data: int) -> int:
    """The sets of a thread (0: the caller). Errors: EINVAL (a version, which is replaced), ESRCH, EFAULT."""
    words = _words(call, header, probing=not data)
    if not words:
        return 0
    pid = as_int(call.memory.read_u32(header + 4))
    if pid < 0:
        raise LinuxError(Errno.EINVAL)
    task = call.task if not pid else call.kernel.find_task(pid)
    if task is None:
        raise LinuxError(Errno.ESRCH)
    if data:
        call.memory.write(data, _pack(task.credentials, words))
    return 0


def _words(call: Call, header: int, *, probing: bool) -> int:
    """Words of each set in the caller's version; 0: it only asks for the version. Raises LinuxError EINVAL."""
    words = _VERSIONS.get(call.memory.read_u32(header))
    if words is None:
        call.memory.write_u32(header, _NEWEST)
        if not probing:
            raise LinuxError(Errno.EINVAL)
    return words or 0


def _pack(credentials: Credentials, words: int) -> bytes:
    sets = (credentials.effective, credentials.permitted, credentials.inheritable)
    return b"".join(struct.pack("<3I", *(mask >> 32 * i & 0xFFFF_FFFF for mask in sets)) for i in range(words))


def capset(call: Call, header: int, data: int) -> int:
    """Change the caller's sets. Errors: EPERM (another thread, or more than it may), EINVAL, EFAULT."""
    words = _words(call, header, probing=False)
    pid = as_int(call.memory.read_u32(header + 4))
    if pid not in (0, call.task.tid):
        raise LinuxError(Errno.EPERM)
    values = list(struct.iter_unpack("<3I", call.memory.read(data, 12 * words)))
    effective, permitted, inheritable = (
        sum(part[i] << 32 * word for word, part in enumerate(values)) & ALL_CAPABILITIES for i in range(3)
    )
    old, bounding = call.task.credentials, ALL_CAPABILITIES & ~call.task.settings.dropped_capabilities
    refused = (
        (not old.has(CAP_SETPCAP) and inheritable & ~(old.inheritable | old.permitted))
        or inheritable & ~(old.inheritable | bounding)
        or permitted & ~old.permitted
        or effective & ~permitted
    )
    if refused:
        raise LinuxError(Errno.EPERM)
    ambient = old.ambient & permitted & inheritable
    new = replace(old, effective=effective, permitted=permitted, inheritable=inheritable, ambient=ambient)
    return commit(call, new)
