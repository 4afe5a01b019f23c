"""The steps of one fill, one clean and one dirty eviction under a mechanism of the cache library, and when they happen.

`python -m tests.mechanism_steps` writes the timelines in docs/mechanisms.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from guest.caching.mechanisms import MECHANISMS, CacheMechanism
from guest.caching.touch import touch
from guest.caching.workload import CacheSetting
from pffemu.arch.paging import page_of
from pffemu.cli.compare_run import run
from pffemu.machine.options import MachineOptions
from pffemu.report.measured import MARK

PAGE: Final = Path(__file__).parents[1] / "docs" / "mechanisms.md"
QUOTA: Final = 16
PAGES: Final = 24
NAMES: Final = {
    "WalkRefused": "refused", "KernelPageFault": "#PF", "SignalDelivered": "signal", "HandlerEntered": "handler",
    "MessageRead": "message", "ThreadBlocked": "sleep", "ThreadWoken": "wake", "ContextSwitch": "switch",
    "IpiSent": "IPI", "PageReturned": "page-out", "Resumed": "again", "SignalReturned": "again",
}  # fmt: skip
OPERATIONS: Final = {"fill": (2, False), "clean eviction": (QUOTA + 1, False), "dirty eviction": (QUOTA + 1, True)}


def events_of(mechanism: CacheMechanism, operations: int, *, write: bool) -> list[Any]:
    """The measured part of a run of one thread that touches page after page."""
    found: list[Any] = []
    done = run(
        touch("one", PAGES, operations, write=write),
        CacheSetting(mechanism, QUOTA),
        MachineOptions(),
        sinks=[found.append],
    )
    assert done.summary.correct
    marks = [at for at, event in enumerate(found) if getattr(event, "name", "") == MARK and event.tid == 1]
    return found[marks[1] + 1 : marks[2]]


def last_operation(mechanism: CacheMechanism, operations: int, *, write: bool) -> list[Any]:
    """The events of the last access: from its first fault on, or those that one access less does not have."""
    events = events_of(mechanism, operations, write=write)
    if not mechanism.faults:
        return events[len(events_of(mechanism, operations - 1, write=write)) if operations > 1 else 0 :]
    refused = [at for at, event in enumerate(events) if type(event).__name__ == "WalkRefused"]
    page = page_of(events[refused[-1]].address)
    return events[next(at for at in refused if page_of(events[at].address) == page) :]


def timeline(events: list[Any]) -> list[tuple[int, int, str]]:
    """(cycles since the first event, core, step) of each event that is a step."""
    told = []
    for at, event in enumerate(events):
        kind = type(event).__name__
        name = NAMES.get(kind, "")
        if kind == "Syscall":
            name = event.name if event.name != "ioctl" else ioctl_of(events[at + 1])
        elif kind == "DirectedStep":
            name = event.step
        elif kind == "PageEvicted":
            name = "dirty" if event.dirty else "clean"
        if name:
            told.append((event.time - events[0].time, event.cpu, str(name)))
    return told


def by_core(told: list[tuple[int, int, str]], *, times: bool) -> str:
    """As text: "core: step step core: step", with `times` the cycles before each step."""
    words: list[str] = []
    core = None
    for cycles, cpu, name in told:
        if cpu != core:
            core = cpu
            words.append(f"{core}:" if not times else f"**core {core}**")
        words.append(f"{cycles:,} {name}" + " ·" if times else name)
    return " ".join(words).rstrip(" ·")


def ioctl_of(event: Any) -> str:
    return event.ioctl if type(event).__name__ == "IoctlStep" else "ioctl"


def markers(name: str) -> tuple[str, str]:
    """What stands before and after the mechanism's timeline on the page."""
    return f"<!-- timeline {name} -->\n", f"<!-- /timeline {name} -->"


def table(mechanism: CacheMechanism) -> str:
    """The mechanism's timeline in the documentation."""
    lines = ["| | cycles after the refused access |", "|---|---|"]
    for what, (operations, write) in OPERATIONS.items():
        told = timeline(last_operation(mechanism, operations, write=write))
        lines.append(f"| {what} | {by_core(told, times=True) or 'its own code alone'} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    for one in MECHANISMS:
        if one.name != "kernel":
            begin, end = markers(one.name)
            before, _, rest = text.partition(begin)
            text = before + begin + table(one) + end + rest.partition(end)[2]
    PAGE.write_text(text, encoding="utf-8")
