"""The types of events, in the order in which counts are listed, and their names in a trace."""

from __future__ import annotations

from typing import Any

from pffemu.events.directed import (
    DirectedDecline,
    DirectedStep,
    DirectedWait,
    FramesDonated,
    PageReturned,
    RecordsTaken,
)
from pffemu.events.hw import (
    FramePushed,
    FramePushRefused,
    HandlerEntered,
    InterruptAccepted,
    IpiSent,
    Mmio,
    MmuDecision,
    NotificationProcessed,
    Resumed,
    SendUipi,
    Timer,
    Uiret,
    UserInterruptFlag,
    WalkRefused,
)
from pffemu.events.kernel import (
    ContextSwitch,
    FaultAbandoned,
    ForwardingSwitched,
    KernelPageFault,
    MinorFault,
    ProcessExited,
    ProcessKilled,
    Syscall,
    SyscallReturned,
    ThreadBlocked,
    ThreadCreated,
    ThreadExited,
    ThreadWoken,
    Warned,
)
from pffemu.events.page_cache import DiskCompleted, DiskRequested, PageDirtied, PageReclaimed, ReadAhead
from pffemu.events.signals import SignalDelivered, SignalReturned, SignalSent
from pffemu.events.userfaultfd import IoctlStep, MessageQueued, MessageRead, PageEvicted, PageInstalled, PageSynced

EVENTS: tuple[type[Any], ...] = (
    WalkRefused, MmuDecision, FramePushed, FramePushRefused, HandlerEntered, Uiret, UserInterruptFlag, Resumed, Mmio,
    KernelPageFault, MinorFault, FaultAbandoned, Syscall, SyscallReturned, IoctlStep, PageInstalled, MessageQueued,
    MessageRead, PageEvicted, PageSynced,
    ThreadCreated, ThreadBlocked, ThreadWoken, ContextSwitch, ForwardingSwitched, SendUipi, IpiSent,
    InterruptAccepted, NotificationProcessed, Timer, ThreadExited, ProcessExited, ProcessKilled,
    SignalSent, SignalDelivered, SignalReturned, Warned,
    DiskRequested, DiskCompleted, ReadAhead, PageReclaimed, PageDirtied,
    DirectedStep, DirectedWait, DirectedDecline, PageReturned, FramesDonated, RecordsTaken,
)  # fmt: skip


def name_of(event: type[Any]) -> str:
    """`FramePushed` is `frame_pushed` in a trace."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in event.__name__).lstrip("_")
