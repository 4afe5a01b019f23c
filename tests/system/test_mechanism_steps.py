"""Which core does what in one fill, one clean and one dirty eviction, under every mechanism of the cache library.

Written as "core: step step core: step", in the order of the events. The touching thread is on core 0, helpers are on
the cores behind it. Mechanism kernel has tests of its own (test_page_cache_paths.py).
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from guest.caching.mechanisms import MECHANISMS, CacheMechanism
from guest.caching.touch import touch
from guest.caching.workload import CacheSetting
from pffemu.arch.paging import page_of
from pffemu.cli.compare_run import run
from pffemu.machine.options import MachineOptions
from pffemu.report.measured import MARK

QUOTA: Final = 16
PAGES: Final = 24
NAMES: Final = {
    "WalkRefused": "refused", "KernelPageFault": "#PF", "SignalDelivered": "signal", "HandlerEntered": "handler",
    "MessageRead": "message", "ThreadBlocked": "sleep", "ThreadWoken": "wake", "ContextSwitch": "switch",
    "IpiSent": "IPI", "PageReturned": "page-out", "Resumed": "again", "SignalReturned": "again",
}  # fmt: skip
UNIT: Final = "check claim frame source fill record publish"  # of a core, under hw
FILL: Final = {
    "pin": "",
    "swizzle": "",
    "sigsegv": "0: refused #PF signal pwrite64 mprotect rt_sigreturn again refused #PF again",
    "uffd": "0: refused #PF wake sleep 1: switch message UFFDIO_COPY wake read sleep 0: switch again",
    "uffd-sigbus": "0: refused #PF signal UFFDIO_COPY rt_sigreturn again",
    "upcall": "0: refused #PF handler UFFDIO_COPY ioctl again",
    "daemon": "0: refused #PF again",
    "policy": "0: refused #PF again",
    "exmap": "0: ioctl",
    "userfault": "0: refused handler UFFDIO_COPY again",
    "pff": "0: refused handler UFFDIO_COPY again",
    "pff-pte": "0: refused handler UFFDIO_COPY again",
    "hw": f"0: refused {UNIT} again",
}
CLEAN: Final = {
    "pin": "",
    "swizzle": "0: membarrier",
    "sigsegv": "0: refused #PF signal mprotect fallocate pwrite64 mprotect rt_sigreturn again refused #PF again",
    "uffd": "0: refused #PF wake sleep 1: switch message madvise UFFDIO_COPY wake read sleep 0: switch again",
    "uffd-sigbus": "0: refused #PF signal madvise UFFDIO_COPY rt_sigreturn again",
    "upcall": "0: refused #PF handler madvise UFFDIO_COPY ioctl again",
    "daemon": "0: refused #PF 1: ioctl clean 0: again",
    "policy": "0: refused #PF clean again",
    "exmap": "0: ioctl clean ioctl",
    "userfault": "0: refused handler madvise UFFDIO_COPY again",
    "pff": "0: refused handler madvise UFFDIO_COPY again",
    "pff-pte": "0: refused handler madvise UFFDIO_COPY again",
    "hw": f"0: refused handler ioctl page-out again refused {UNIT} again",
}
DIRTY: Final = {  # a store that throws a page out that was stored to; where the steps are equal, ring 3 writes it back
    **CLEAN,
    "sigsegv": "0: refused #PF signal mprotect mprotect fallocate pwrite64 mprotect rt_sigreturn again"
    " refused #PF again",
    "uffd": "0: refused #PF wake sleep 1: switch message UFFDIO_WRITEPROTECT madvise UFFDIO_COPY wake read sleep"
    " 0: switch again",
    "uffd-sigbus": "0: refused #PF signal UFFDIO_WRITEPROTECT madvise UFFDIO_COPY rt_sigreturn again",
    "upcall": "0: refused #PF handler UFFDIO_WRITEPROTECT madvise UFFDIO_COPY ioctl again",
    "daemon": "0: refused #PF 1: ioctl dirty 0: again",
    "policy": "0: refused #PF dirty again",
    "userfault": "0: refused handler UFFDIO_WRITEPROTECT madvise UFFDIO_COPY again",
    "pff": "0: refused handler UFFDIO_WRITEPROTECT madvise UFFDIO_COPY again",
    "pff-pte": "0: refused handler UFFDIO_WRITEPROTECT madvise UFFDIO_COPY again",
    "hw": f"0: refused handler ioctl UFFDIO_WRITEPROTECT page-out again refused {UNIT} again"
    " refused handler ioctl UFFDIO_WRITEPROTECT again",  # the page came in protected
}


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


def steps(events: list[Any]) -> str:
    told: list[str] = []
    core = None
    for at, event in enumerate(events):
        kind = type(event).__name__
        name = NAMES.get(kind, "")
        if kind == "Syscall":
            name = event.name if event.name != "ioctl" else ioctl_of(events[at + 1])
        elif kind == "DirectedStep":
            name = event.step
        elif kind == "PageEvicted":
            name = "dirty" if event.dirty else "clean"
        if not name:
            continue
        if event.cpu != core:
            core = event.cpu
            told.append(f"{core}:")
        told.append(name)
    return " ".join(told)


def ioctl_of(event: Any) -> str:
    return event.ioctl if type(event).__name__ == "IoctlStep" else "ioctl"


@pytest.mark.parametrize("mechanism", [one for one in MECHANISMS if one.name in FILL], ids=lambda one: one.name)
def test_steps(mechanism: CacheMechanism) -> None:
    name = mechanism.name
    assert steps(last_operation(mechanism, 2, write=False)) == FILL[name]
    assert steps(last_operation(mechanism, QUOTA + 1, write=False)) == CLEAN[name]
    assert steps(last_operation(mechanism, QUOTA + 1, write=True)) == DIRTY[name]


def test_every_mechanism_has_its_steps() -> None:
    names = {one.name for one in MECHANISMS} - {"kernel"}
    assert FILL.keys() == CLEAN.keys() == DIRTY.keys() == names
