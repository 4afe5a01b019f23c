"""The names of a fault's phases, in the debugger, trace lanes and documentation."""

from __future__ import annotations

from typing import Any, Final

from pffemu.events.details import AreaFound, ConditionChecked, SignalTaken, UifCleared, WordPushed
from pffemu.events.directed import (
    DirectedDecline,
    DirectedStep,
    DirectedWait,
    FramesDonated,
    PageReturned,
    RecordsTaken,
)
from pffemu.events.hw import FramePushed, FramePushRefused, HandlerEntered, MmuDecision, Resumed, Uiret, WalkRefused
from pffemu.events.kernel import (
    ContextSwitch,
    FaultAbandoned,
    KernelPageFault,
    MinorFault,
    Syscall,
    SyscallReturned,
    ThreadBlocked,
    ThreadWoken,
)
from pffemu.events.page_cache import DiskRequested, PageDirtied, PageReclaimed, ReadAhead
from pffemu.events.userfaultfd import IoctlStep, MessageQueued, MessageRead, PageInstalled

# In the order in which a fault goes through them: first those of ring 3, then those of the path through the kernel.
PHASES: Final[dict[type[Any], str]] = {
    WalkRefused: "walk refused",
    DirectedStep: "directed step",
    DirectedWait: "directed wait",
    DirectedDecline: "declined",
    ConditionChecked: "condition",
    MmuDecision: "decision",
    WordPushed: "push",
    FramePushed: "frame",
    FramePushRefused: "push refused",
    UifCleared: "UIF cleared",
    HandlerEntered: "handler",
    Uiret: "uiret",
    Resumed: "resume",
    KernelPageFault: "exception entry",
    AreaFound: "area",
    SignalTaken: "signal",
    MinorFault: "page mapped",
    ReadAhead: "read-ahead",
    DiskRequested: "disk request",
    PageReclaimed: "page evicted",
    PageDirtied: "page dirtied",
    FaultAbandoned: "abandoned",
    MessageQueued: "message",
    ThreadBlocked: "block",
    ThreadWoken: "wake",
    ContextSwitch: "switch",
    MessageRead: "message read",
    Syscall: "system call",
    IoctlStep: "ioctl stage",
    PageInstalled: "page installed",
    SyscallReturned: "return",
    PageReturned: "page returned",
    FramesDonated: "frames donated",
    RecordsTaken: "records taken",
}
