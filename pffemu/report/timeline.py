"""One fault as text in two lanes: the faulting thread and its core, and the kernel and handler thread.

Times are virtual cycles after the refused walk, by the clock of the event's core.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from pffemu.events.directed import DirectedDecline, DirectedStep, DirectedWait, FramesDonated, RecordsTaken
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
from pffemu.events.signals import SignalReturned
from pffemu.events.userfaultfd import IoctlStep, MessageQueued, MessageRead, PageInstalled

Describe = Callable[[int], str]  # an address as symbol+offset

LANE: Final = 44  # columns
_TIME: Final = 8

_DECISIONS: Final = {"forward": "forward to ring 3", "kernel": "to the kernel"}

_STEPS: Final = {
    "check": "directive, rights and quota checked",
    "claim": "entry made BUSY",
    "frame": "frame taken from the ring",
    "source": "source translated with user rights",
    "fill": "page filled",
    "record": "record written",
    "publish": "entry published",
}


def _owner(core: int) -> str:
    return "the kernel, which changes the mappings" if core < 0 else f"core {core}, which fills the page"


_LEFT: Final[dict[type[Any], Callable[[Any], str]]] = {
    WalkRefused: lambda e: f"page walk refused: {e.address:#x}",
    MmuDecision: lambda e: f"MMU: {_DECISIONS[e.decision]} ({e.reason})",
    DirectedStep: lambda e: f"unit: {_STEPS[e.step]}",
    DirectedWait: lambda e: f"unit: waits for {_owner(e.owner)}",
    DirectedDecline: lambda e: f"unit: declines ({e.reason})",
    FramePushed: lambda e: f"frame of {e.size} bytes on its own stack",
    FramePushRefused: lambda e: f"frame refused: no page at {e.address:#x}",
    HandlerEntered: lambda e: f"its handler runs at {e.rip:#x}, UIF=0",
    Uiret: lambda e: f"UIRET, UIF={e.uif}",
    Resumed: lambda e: f"resumes at {e.rip:#x}",
    ThreadBlocked: lambda e: f"sleeps ({e.waits_for})",
    ContextSwitch: lambda e: "runs again (context switch)",
}

_RIGHT: Final[dict[type[Any], Callable[[Any], str]]] = {
    RecordsTaken: lambda e: f"takes over {e.records} records of the unit",
    FramesDonated: lambda e: f"{e.frames} frames to the ring of core {e.ring}",
    KernelPageFault: lambda e: "#PF enters the kernel",
    MinorFault: lambda e: f"{e.page} page mapped",
    ReadAhead: lambda e: f"read-ahead ({e.why}): {e.pages} pages",
    DiskRequested: lambda e: f"disk: {e.what} of {e.pages} pages",
    PageReclaimed: lambda e: f"page {e.offset:#x} evicted, {e.entries} entries",
    PageDirtied: lambda e: "page becomes dirty",
    MessageQueued: lambda e: "uffd_msg queued",
    ThreadWoken: lambda e: f"thread {e.woken} woken (core {e.woken_cpu})",
    ContextSwitch: lambda e: f"handler thread {e.tid} runs (context switch)",
    MessageRead: lambda e: "uffd_msg read by the handler thread",
    Syscall: lambda e: f"system call {e.name}",
    SyscallReturned: lambda e: f"{e.name} returns {e.result}",
    IoctlStep: lambda e: f"{e.ioctl}: {e.step}",
    PageInstalled: lambda e: "page-table entry set",
    ThreadBlocked: lambda e: f"handler thread {e.tid} sleeps ({e.waits_for})",
}

_ENDS: Final = (Resumed, SignalReturned, FaultAbandoned)


class Row(NamedTuple):
    """One event of a fault: `lane` 0 is the faulting thread's, 1 the kernel's and handler thread's."""

    cycles: int  # after the refused walk
    lane: int
    text: str


def rows(fault: Sequence[Any], describe: Describe = hex) -> list[Row]:
    """The rows of a timeline from the events of one fault, WalkRefused first. `describe`: an address in words."""
    placed = [row_of(event, fault[0].tid, fault[0].time, describe) for event in fault]
    return [row for row in placed if row.text]


def row_of(event: Any, tid: int, start: int = 0, describe: Describe = hex) -> Row:
    """The row of one event of a fault of thread `tid`; its text is empty for events that a timeline does not show."""
    lane, text = _place(event, tid)
    if isinstance(event, HandlerEntered | Resumed):
        text = text.replace(f"{event.rip:#x}", describe(event.rip))
    return Row(event.time - start, lane, text)


def lane_titles(fault: Sequence[Any]) -> tuple[str, str]:
    """The titles of the two lanes."""
    handlers = sorted({event.tid for event in fault} - {fault[0].tid, 0})
    right = "kernel" if not handlers else f"kernel, handler thread {', '.join(map(str, handlers))}"
    return f"faulting thread {fault[0].tid} (core {fault[0].cpu})", right


def one_fault_title(mode: str, profile: str, which: str = "One fault") -> str:
    """The title: the mode, and the profile that the times are from."""
    return f"{which} under {mode} ({profile})"


def timeline(fault: Sequence[Any], title: str, describe: Describe = hex) -> str:
    """The events of one fault, WalkRefused first, as text in two lanes; without events, a line that says so."""
    if not fault:
        return f"{title}\n  (no fault to show)"
    left, right = lane_titles(fault)
    lines = [title, f"{'cycles':>{_TIME}} | {left:<{LANE}} | {right}", _rule()]
    before = None
    for time, lane, text in rows(fault, describe):
        shown = "" if time == before else f"{time:,}"
        before = time
        cells = (text, "") if lane == 0 else ("", text)
        lines.append(f"{shown:>{_TIME}} | {cells[0]:<{LANE}} | {cells[1]}".rstrip())
    took = fault[-1].time - fault[0].time
    until = "from fault to resume" if isinstance(fault[-1], _ENDS) else "since the fault, which is not over"
    lines += [_rule(), f"{took:>{_TIME},} | virtual cycles {until}"]
    return "\n".join(lines)


def _rule() -> str:
    return f"{'-' * (_TIME + 1)}+{'-' * (LANE + 2)}+{'-' * (LANE + 2)}"


def _place(event: Any, tid: int) -> tuple[int, str]:
    """(lane, text); the text is empty for events a timeline does not show."""
    kind = type(event)
    if event.tid == tid and kind in _LEFT:
        return 0, _LEFT[kind](event)
    return (1, _RIGHT[kind](event)) if kind in _RIGHT else (1, "")
