"""The path of a fill, of a clean eviction and of a write-back under each mechanism: kernel entries, wakes, switches."""

from __future__ import annotations

from functools import cache

import pytest

from guest.caching.mechanisms import chosen_mechanisms
from guest.caching.touch import ASCENDING, touch
from guest.caching.workload import CacheSetting
from pffemu.cli.compare_run import run
from pffemu.machine.options import MachineOptions
from pffemu.report.cache_run import CacheRun

PAGES = 32  # of each kind
OPTIONS = MachineOptions()
COUNTED = ("kernel_entries", "wakes", "context_switches")
NOTHING = (0, 0, 0)


@cache
def counts(name: str, pages: int, quota: int, write: bool) -> dict[str, int]:
    return measured(name, pages, quota, write).counts


def measured(name: str, pages: int, quota: int, write: bool, threads: int = 1) -> CacheRun:
    (mechanism,) = chosen_mechanisms(name)
    done = run(
        touch("steps", pages, pages, order=ASCENDING, write=write), CacheSetting(mechanism, quota, threads), OPTIONS
    )
    assert done.summary.correct
    return done


def each(more: dict[str, int], less: dict[str, int]) -> tuple[float, ...]:
    return tuple((more[key] - less[key]) / PAGES for key in COUNTED)


# entries, wakes, switches of a fill, of a clean eviction and of a write-back
PATHS = {
    "pin": (NOTHING, NOTHING, NOTHING),
    # membarrier
    "swizzle": (NOTHING, (1, 0, 0), NOTHING),
    # #PF, pwrite to the memfd, mprotect, sigreturn, #PF of the page that is there now; mprotect, fallocate; mprotect
    "sigsegv": ((5, 0, 0), (2, 0, 0), (1, 0, 0)),
    # #PF, read, UFFDIO_COPY; the handler's wake and the thread's; madvise; UFFDIO_WRITEPROTECT
    "uffd": ((3, 2, 2), (1, 0, 0), (1, 0, 0)),
    # #PF, UFFDIO_COPY, sigreturn
    "uffd-sigbus": ((3, 0, 0), (1, 0, 0), (1, 0, 0)),
    # #PF, UFFDIO_COPY, UFFDIO_UPCALL_RETURN
    "upcall": ((3, 0, 0), (1, 0, 0), (1, 0, 0)),
    # #PF; UFFDIO_EVICT
    "daemon": ((1, 0, 0), (1, 0, 0), NOTHING),
    # #PF, in which the kernel evicts and writes back, too
    "policy": ((1, 0, 0), NOTHING, NOTHING),
    # EXMAP_ACTION: allocate; free
    "exmap": ((1, 0, 0), (1, 0, 0), NOTHING),
    # UFFDIO_COPY
    "userfault": ((1, 0, 0), (1, 0, 0), (1, 0, 0)),
    "pff": ((1, 0, 0), (1, 0, 0), (1, 0, 0)),
    "pff-pte": ((1, 0, 0), (1, 0, 0), (1, 0, 0)),
    # the unit; forwarded when the quota is used up: UFFDIO_DRAIN, PAGEDROP; UFFDIO_WRITEPROTECT
    "hw": (NOTHING, (1, 0, 0), (1, 0, 0)),
}


@pytest.mark.parametrize("name", PATHS)
def test_what_a_fill_an_eviction_and_a_write_back_enter_and_wake(name: str) -> None:
    fill, eviction, write_back = PATHS[name]
    some, read = counts(name, PAGES, 0, False), counts(name, 2 * PAGES, 0, False)
    clean = counts(name, 2 * PAGES, PAGES, False)
    written, dirty = counts(name, 2 * PAGES, 0, True), counts(name, 2 * PAGES, PAGES, True)
    assert each(read, some) == fill
    assert each(clean, read) == eviction
    assert tuple(d - c for d, c in zip(each(dirty, written), each(clean, read), strict=True)) == write_back


def test_who_handles() -> None:
    """Frames pushed by the hardware, messages to another thread, signals: none other than the mechanism's own."""
    for name, frames, messages in (("pff", 1, 0), ("uffd", 0, 1), ("sigsegv", 0, 0), ("uffd-sigbus", 0, 0)):
        found = counts(name, 2 * PAGES, 0, False)
        assert (found["forwarded"], found["uffd_messages"]) == (frames * 2 * PAGES, messages * 2 * PAGES), name


def test_a_threads_evictions_interrupt_the_other_core_only_where_pages_are_unmapped() -> None:
    """TLB shootdowns: one a set of pages; frames of a user-space pool are reused without."""
    profile = OPTIONS.cpu.profile
    told = {}
    for name, batch in (("pin", 1), ("pff", 1), ("pff", 8)):
        (mechanism,) = chosen_mechanisms(name)
        setting = CacheSetting(mechanism, PAGES, 2, batch=batch)
        done = run(touch("steps", 2 * PAGES, 2 * PAGES), setting, OPTIONS)
        told[name, batch] = done.to_json(profile, 0.5)["measured"]["ipis"]
    assert told["pin", 1] == 0
    assert told["pff", 1] > 2 * told["pff", 8] > 0
