"""syslog (kernel/printk/printk.c): the kernel's log, which is empty: messages of this kernel go to the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import as_int
from kernel_model.call.rights import need
from kernel_model.task.credentials import CAP_SYSLOG
from kernel_model.wait.queue import Blocked
from pffemu.arch.paging import USER_END

if TYPE_CHECKING:
    from kernel_model.call.call import Call

_READ, _READ_ALL, _READ_CLEAR, _CONSOLE_LEVEL, _SIZE_BUFFER = 2, 3, 4, 8, 10
_BUFFER: Final = 1 << 17  # bytes
_KINDS: Final = range(11)


def syslog(call: Call, kind: int, address: int, length: int) -> int:
    """Errors: EPERM, EINVAL, EFAULT. SYSLOG_ACTION_READ waits for a message, which never comes."""
    what, size = as_int(kind), as_int(length)
    if what not in (_READ_ALL, _SIZE_BUFFER):
        need(call.task, CAP_SYSLOG)
    if what not in _KINDS:
        raise LinuxError(Errno.EINVAL)
    if what in (_READ, _READ_ALL, _READ_CLEAR):
        if not address or size < 0:
            raise LinuxError(Errno.EINVAL)
        if not size:
            return 0
        if address + size > USER_END:
            raise LinuxError(Errno.EFAULT)
        if what == _READ:
            raise Blocked(why="a message of the kernel (syslog)")
    if what == _CONSOLE_LEVEL and not 1 <= size <= 8:
        raise LinuxError(Errno.EINVAL)
    return _BUFFER if what == _SIZE_BUFFER else 0
