"""System calls for xUI's additions to user interrupts. Their numbers (1000 on) are pffemu's own."""

from __future__ import annotations

from kernel_model.abi import uapi
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call
from pffemu.arch import msrs
from pffemu.arch.uitt import USER_VECTORS
from pffemu.hw.msrs import wrmsr


def kb_timer(call: Call, user_vector: int, flags: int) -> int:
    """0. Let the calling thread arm its kernel-bypass timer (SETTIMER), which raises `user_vector`; without
    XUI_KB_TIMER_ENABLE: no longer, and an armed one is disarmed.

    The timer is the thread's, and ends with its handler. Errors: EINVAL (flags, no handler), ENOSPC (vector above 63).
    """
    flags &= 0xFFFF_FFFF
    if flags & ~uapi.XUI_KB_TIMER_ENABLE or not call.task.handler_registered:
        raise LinuxError(Errno.EINVAL)
    if user_vector >= USER_VECTORS:
        raise LinuxError(Errno.ENOSPC)
    config = user_vector | msrs.KB_TIMER_ENABLE if flags else 0
    wrmsr(call.cpu, msrs.KB_TIMER_CONFIG, config)
    if not flags:
        wrmsr(call.cpu, msrs.KB_TIMER_DEADLINE, 0)
        wrmsr(call.cpu, msrs.KB_TIMER_PERIOD, 0)
    return 0
