"""What becomes of a write that nobody will read (fs/pipe.c, net/core/stream.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.siginfo import SigInfo
from kernel_model.signal_send import send_to_task
from kernel_model.uapi import Errno, LinuxError, Signal
from kernel_model.uapi_signal import SI_USER

if TYPE_CHECKING:
    from kernel_model.syscall import Call


def broken_pipe(call: Call) -> int:
    """SIGPIPE for the writer. Raises LinuxError EPIPE."""
    info = SigInfo.from_user(Signal.SIGPIPE, SI_USER, call.process.pid)
    send_to_task(call.kernel, call.cpu, info, call.task)
    raise LinuxError(Errno.EPIPE)
