"""The user-interrupt registers of a core, and those of its kernel-bypass timer, which the kernel switches."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class UintrState:
    """The user-interrupt state of the running thread (SDM), which XSAVES saves."""

    uif: bool = False
    handler: int = 0  # UIHANDLER
    stackadjust: int = 0  # UISTACKADJUST; bit 0: load instead of subtract
    uirr: int = 0  # one bit per user vector
    uinv: int = 0  # notification vector; 0: none
    upidaddr: int = 0  # linear address of the thread's own UPID
    uittaddr: int = 0  # linear address of the UITT, 16-byte aligned
    uitt_enabled: bool = False  # IA32_UINTR_TT bit 0: SENDUIPI may be used
    uittsz: int = 0  # highest index of the table


@dataclass(slots=True)
class KbTimer:
    """xUI's kernel-bypass timer of the running thread: ring 3 arms it, its expiry sets a bit of UIRR."""

    enabled: bool = False  # by the kernel; else SETTIMER is #UD
    user_vector: int = 0
    deadline: int = 0  # virtual cycles of the next expiry; 0: not armed
    period: int = 0  # cycles; 0: one-shot
