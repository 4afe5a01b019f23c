"""The page cache of files on disk under pressure: answers stay right, and each page is on exactly one list."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from kernel_model.mm.page_tables import HELD
from kernel_model.mm.reclaim.page import Where
from pffemu import Machine
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_W
from pffemu.errors import UsageError
from pffemu.events.page_cache import DiskCompleted, DiskRequested, PageReclaimed
from tests.page_cache_guests import FILE, Access, caches, load, run, store

MANY = 600  # pages of a file
ACCESSES = st.lists(st.builds(Access, st.integers(0, MANY - 1), st.booleans()), min_size=20, max_size=120)


def check_lists(machine: Machine) -> None:
    """Each page in a cache is on one list, the one it names; entries hold cached pages; clean ones are not writable."""
    kernel = machine.kernel
    memory = kernel.file_memory
    lists = {Where.INACTIVE: memory.lists.inactive, Where.ACTIVE: memory.lists.active,
             Where.UNEVICTABLE: memory.lists.unevictable}  # fmt: skip
    pages = [page for cache in caches(machine) for page in cache.pages.values()]
    assert len({page.frame for page in pages}) == len(pages) == len(memory.lists)
    for page in pages:
        assert [where for where, members in lists.items() if members.get(page.frame) is page] == [page.where]
        assert page.file.pages[page.offset] is page
        assert page.dirty == (memory.writeback.dirty.get(page.frame) is page)
    by_frame = {page.frame: page for page in pages}
    for mm in kernel._mms.values():
        for vma in mm.vmas:
            for address, entry in mm.pages.used(vma.start, vma.end) if vma.start == FILE else ():
                page = by_frame[entry & PTE_ADDRESS]
                assert entry & HELD
                assert page.offset == vma.offset + address - vma.start
                assert page.reading is None
                assert page.dirty or not entry & PTE_W


def check_requests(events: list[Any]) -> None:
    """No page is evicted while the disk reads or writes it."""
    busy: dict[int, set[int]] = {}
    for event in events:
        if isinstance(event, DiskRequested):
            busy[event.request] = {event.offset // PAGE_SIZE + page for page in range(event.pages)}
        elif isinstance(event, DiskCompleted):
            del busy[event.request]
        elif isinstance(event, PageReclaimed):
            assert not any(event.offset // PAGE_SIZE in pages for pages in busy.values())


class Checks:
    """An event sink that checks the lists at every eviction and completion."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.count = machine, 0

    def __call__(self, event: Any) -> None:
        if isinstance(event, DiskCompleted) or (isinstance(event, PageReclaimed) and event.offset % 7 == 0):
            self.count += 1
            if not isinstance(event, PageReclaimed):
                check_lists(self.machine)


@given(accesses=ACCESSES, quota=st.sampled_from([16, 20, 64]), cpus=st.sampled_from([1, 2]))
@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.generate))
def test_content_and_lists_under_a_quota(accesses: list[Access], quota: int, cpus: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = run(
            Path(folder), accesses, MANY, quota=quota * PAGE_SIZE, cpus=cpus,
            watch=lambda machine: machine.events.sinks.append(Checks(machine)),
        )  # fmt: skip
    assert done.is_right
    check_lists(done.machine)
    check_requests(done.events)
    assert done.most_cached <= quota


def test_a_file_may_be_larger_than_ram(tmp_path: Path) -> None:
    pages = [load(page) if page % 3 else store(page) for page in range(1500)]
    done = run(tmp_path, pages + [load(page) for page in range(1500)], 1500, ram=3 << 20)
    assert done.is_right
    assert len(done.of(PageReclaimed)) > 1000


@pytest.mark.parametrize("quota", [1, 15 * PAGE_SIZE])
def test_a_quota_below_the_least_is_refused(quota: int) -> None:
    with pytest.raises(UsageError, match=f"quota={quota}: .*"):
        Machine(quota=quota)
