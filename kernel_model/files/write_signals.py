"""Writes that end in a signal: no reader is left, or the file may not grow (fs/pipe.c, mm/filemap.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from kernel_model.abi.limits import FSIZE
from kernel_model.abi.signal import SI_USER
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.files.seek import OFFSET_MAX
from kernel_model.signal.send import send_to_task
from kernel_model.task.siginfo import SigInfo

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller


def broken_pipe(call: Caller) -> NoReturn:
    """Send SIGPIPE to the writer. Raises LinuxError EPIPE."""
    _send(call, Signal.SIGPIPE)
    raise LinuxError(Errno.EPIPE)


def too_large(call: Caller) -> NoReturn:
    """Send SIGXFSZ to the writer. Raises LinuxError EFBIG."""
    _send(call, Signal.SIGXFSZ)
    raise LinuxError(Errno.EFBIG)


def room_below_limit(call: Caller, offset: int) -> int:
    """Linux: generic_write_checks; how many bytes fit from `offset` on. SIGXFSZ at RLIMIT_FSIZE.

    Raises LinuxError EFBIG.
    """
    limit = call.process.limits[FSIZE][0]
    if offset >= limit:
        too_large(call)
    if offset >= OFFSET_MAX:
        raise LinuxError(Errno.EFBIG)
    return min(limit, OFFSET_MAX) - offset


def _send(call: Caller, signal: Signal) -> None:
    info = SigInfo.from_user(signal, SI_USER, call.process.pid, call.task.credentials.user.real)
    send_to_task(call.kernel, call.cpu, info, call.task)
