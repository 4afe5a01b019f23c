"""membarrier (kernel/sched/membarrier.c): without effect, because cores see each other's stores at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import as_int

if TYPE_CHECKING:
    from kernel_model.call.call import Call

_GET_REGISTRATIONS: Final = 512
_PRIVATE, _SYNC_CORE = 8, 32
_KNOWN: Final = 0x7F | _GET_REGISTRATIONS  # not those of restartable sequences, which do not exist
_REGISTERS: Final = {4: 0, 16: _PRIVATE, 64: _SYNC_CORE}  # command -> the one it allows


def membarrier(call: Call, command: int, flags: int, cpu: int) -> int:
    """Registrations are checked, as on Linux without CONFIG_RSEQ. Errors: EINVAL, EPERM (not registered)."""
    what, process = as_int(command), call.process
    if flags & 0xFFFF_FFFF or what < 0 or what & (what - 1) or what & ~_KNOWN:
        raise LinuxError(Errno.EINVAL)
    if what == 0:
        return _KNOWN
    if what == _GET_REGISTRATIONS:
        return process.membarriers
    if what in _REGISTERS:
        process.membarriers |= what
    if what in (_PRIVATE, _SYNC_CORE) and not process.membarriers & 2 * what:
        raise LinuxError(Errno.EPERM)
    return 0
