"""The phases of a fault by name, and the steps below an event that only a debugger asks for.

Debugger, trace lanes and documentation use these names. The classes here are no part of a trace and are not counted:
they are made only while somebody listens to `EventBus.details`, and say what an event sums up (which condition of the
forwarding decision held, which word of the frame was pushed).
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pffemu import events
from pffemu.events import Hex, Label


class ConditionChecked(NamedTuple):
    """One condition of the decision where a fault goes; the first that does not hold sends it to the kernel."""

    time: int
    cpu: int
    tid: int
    condition: Label
    holds: int


class WordPushed(NamedTuple):
    """One word of the frame is on the user stack at `address`."""

    time: int
    cpu: int
    tid: int
    word: Label
    address: Hex
    value: Hex


class UifCleared(NamedTuple):
    """Delivery cleared the user-interrupt flag: nothing is forwarded until UIRET or STUI."""

    time: int
    cpu: int
    tid: int


class AreaFound(NamedTuple):
    """The kernel found the mapping that holds the address (all 0: none)."""

    time: int
    cpu: int
    tid: int
    start: Hex
    end: Hex
    userfaultfd: int


class SignalTaken(NamedTuple):
    """Thread `target` is about to run its handler for `signal`, or to die of it; it still stands where it was."""

    time: int
    cpu: int
    tid: int
    signal: int
    code: int
    target: int
    siginfo: bytes  # siginfo_t


DETAILS: Final[tuple[type[Any], ...]] = (ConditionChecked, WordPushed, UifCleared, AreaFound, SignalTaken)

# In the order in which a fault goes through them: first those of ring 3, then those of the path through the kernel.
PHASES: Final[dict[type[Any], str]] = {
    events.WalkRefused: "walk refused",
    ConditionChecked: "condition",
    events.MmuDecision: "decision",
    WordPushed: "push",
    events.FramePushed: "frame",
    events.FramePushRefused: "push refused",
    UifCleared: "UIF cleared",
    events.HandlerEntered: "handler",
    events.Uiret: "uiret",
    events.Resumed: "resume",
    events.KernelPageFault: "exception entry",
    AreaFound: "area",
    SignalTaken: "signal",
    events.MinorFault: "page mapped",
    events.MessageQueued: "message",
    events.ThreadBlocked: "block",
    events.ThreadWoken: "wake",
    events.ContextSwitch: "switch",
    events.MessageRead: "message read",
    events.Syscall: "system call",
    events.IoctlStep: "ioctl stage",
    events.PageInstalled: "page installed",
    events.SyscallReturned: "return",
}
