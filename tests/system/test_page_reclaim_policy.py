"""Which pages reclaim takes: those in use stay, locked ones too, and pages that come back soon count as in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel_model.abi import mman
from kernel_model.mm.reclaim.page import Where
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS
from pffemu.events.kernel import SyscallReturned
from pffemu.events.page_cache import PageDirtied, PageReclaimed
from tests.page_cache_guests import FILE, caches, content_of, load, run, store
from tests.system.test_page_cache_paths import PAGES, RANDOM, advise, faults_on, flush_late

LOCK_THREE = f"""
    mov eax, SYS_mlock
    mov edi, {FILE:#x}
    mov esi, {3 * PAGE_SIZE}
    syscall
"""
SINGLE = {"quota": 32 * PAGE_SIZE, "fault_around": 1}


def test_a_page_in_use_stays(tmp_path: Path) -> None:
    accesses = [access for page in range(20, 180, 8) for access in (load(5), load(page))]
    done = run(tmp_path, accesses, PAGES, **SINGLE)
    assert done.is_right
    assert len(done.of(PageReclaimed)) > 100
    assert len(faults_on(done, 5)) == 1
    assert done.machine.kernel.file_memory.counters.pgactivate > 0


def test_with_madv_random_use_does_not_count(tmp_path: Path) -> None:
    accesses = [access for page in range(20, 120) for access in (load(5), load(page))]
    done = run(tmp_path, accesses, PAGES, before=RANDOM, **SINGLE)
    counters = done.machine.kernel.file_memory.counters
    assert done.is_right
    assert len(faults_on(done, 5)) > 1
    assert counters.pgscan_direct == counters.pgsteal_direct  # no page gets a second chance


def test_a_page_used_once_goes(tmp_path: Path) -> None:
    accesses = [load(5), *(load(page) for page in range(20, 180, 8)), load(5)]
    done = run(tmp_path, accesses, PAGES, **SINGLE)
    assert done.is_right
    assert len(faults_on(done, 5)) == 2


def test_locked_pages_stay(tmp_path: Path) -> None:
    accesses = [load(page) for page in range(60)]
    done = run(tmp_path, [*accesses, load(0), load(1), load(2)], PAGES, before=RANDOM + LOCK_THREE, quota=65536)
    assert done.is_right
    assert not {event.offset // PAGE_SIZE for event in done.of(PageReclaimed)} & {0, 1, 2}
    [cache] = caches(done.machine)
    assert [cache.pages[page * PAGE_SIZE].where for page in range(3)] == [Where.UNEVICTABLE] * 3


def test_pages_that_are_locked_no_more_go(tmp_path: Path) -> None:
    """With 15 of 16 pages locked, others are read one after the other; then the 15 go, too."""
    lock = f"""
    mov eax, SYS_mlock
    mov edi, {FILE:#x}
    mov esi, {15 * PAGE_SIZE}
    syscall
"""
    before = RANDOM + lock + advise(mman.MADV_POPULATE_READ, 20, 20) + lock.replace("SYS_mlock", "SYS_munlock")
    done = run(tmp_path, [load(page) for page in range(60, 100)], PAGES, before=before, quota=65536)
    assert done.is_right
    [cache] = caches(done.machine)
    assert not set(cache.pages) & {page * PAGE_SIZE for page in range(15)}


def test_stores_after_the_flusher_are_noticed(tmp_path: Path) -> None:
    """The flusher, on another core, cleans pages that the thread stores to again; then they are evicted."""
    again = [store(page) for _ in range(6) for page in range(8)]
    accesses = [*again, *(load(page) for page in range(20, 120)), *(load(page) for page in range(8))]
    done = run(
        tmp_path, accesses, PAGES, before=RANDOM, quota=64 * PAGE_SIZE, cpus=2,
        watch=lambda machine: machine.kernel.sysctls.update({"vm.dirty_background_ratio": "0"}),
    )  # fmt: skip
    assert done.is_right
    assert len(done.of(PageDirtied)) > 8


def test_pages_that_come_back_are_remembered(tmp_path: Path) -> None:
    accesses = [load(page) for _ in range(3) for page in range(18)]
    done = run(tmp_path, accesses, PAGES, before=RANDOM, quota=65536)
    counters = done.machine.kernel.file_memory.counters
    assert done.is_right
    assert counters.workingset_refault_file >= 18
    assert counters.workingset_activate_file == 0  # no page is active, so no list could have kept them


def test_active_pages_become_inactive_again(tmp_path: Path) -> None:
    """Two halves of a working set one after the other: the first one must make room."""
    first = [load(page) for away in range(60, 180, 12) for page in (*range(40), away)]
    second = [load(page) for away in range(0, 60, 6) for page in (*range(140, 180), away)]
    done = run(tmp_path, first + second, PAGES, quota=64 * PAGE_SIZE, fault_around=1)
    assert done.is_right
    assert done.machine.kernel.file_memory.counters.pgdeactivate > 0


def test_locked_without_end_is_out_of_memory(tmp_path: Path) -> None:
    lock_all = """
    mov eax, SYS_mlockall
    mov edi, 1
    syscall
"""
    done = run(tmp_path, [store(page) for page in range(40)], PAGES, before=RANDOM + lock_all, quota=65536)
    assert done.machine.outcome().exit_code == 137  # SIGKILL


COPY_ALL = f"""
    mov eax, SYS_getpid
    syscall
    mov edi, eax
    push {100 * PAGE_SIZE}
    push {FILE}
    mov rdx, rsp
    mov r12, rsp
    sub rsp, 16
    mov eax, 0x30000000
    mov [rsp], rax
    mov qword ptr [rsp + 8], {100 * PAGE_SIZE}
    mov rsi, rsp
    mov r13, rdi
    mov eax, SYS_mmap
    mov edi, 0x30000000
    mov r15, rsi
    mov esi, {100 * PAGE_SIZE}
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    mov rdi, r13
    mov rsi, r15
    mov edx, 1
    mov r10, r12
    mov r8d, 1
    xor r9d, r9d
    mov eax, SYS_process_vm_readv
    syscall
"""


def test_calls_on_more_pages_than_the_quota_come_to_an_end(tmp_path: Path) -> None:
    before = RANDOM + advise(mman.MADV_POPULATE_READ, 0, 100) + COPY_ALL
    done = run(tmp_path, [load(3)], PAGES, before=before, quota=65536)
    assert done.is_right
    [copied] = [event.result for event in done.of(SyscallReturned) if event.name == "process_vm_readv"]
    assert copied == 100 * PAGE_SIZE
    copy = done.machine.process.mm.pages.entry(0x3000_0000 + 99 * PAGE_SIZE) & PTE_ADDRESS
    assert bytes(done.machine.ram.octets[copy : copy + 8]) == content_of(PAGES)[99 * PAGE_SIZE :][:8]


def anonymous(address: int, pages: int) -> str:
    """Map private memory and store to each of its pages."""
    return f"""
    mov eax, SYS_mmap
    mov edi, {address:#x}
    mov esi, {pages * PAGE_SIZE}
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    mov ecx, {address:#x}
    mov edx, {pages}
fill{address:x}:
    mov [rcx], rcx
    add rcx, 4096
    dec edx
    jnz fill{address:x}
"""


def freed(first: int, pages: int) -> str:
    return f"""
    mov eax, SYS_madvise
    mov edi, {first:#x}
    mov esi, {pages * PAGE_SIZE}
    mov edx, {mman.MADV_FREE}
    syscall
"""


@pytest.mark.parametrize("advised", [True, False])
def test_madv_free_gives_pages_when_ram_is_short(tmp_path: Path, advised: bool) -> None:
    """1,000 frames: 600 pages, 590 of them free, one of those stored to again, then 500 more."""
    first, second = 0x3000_0000, 0x4000_0000
    before = anonymous(first, 600) + (freed(first, 590) if advised else "")
    before += f"    mov dword ptr [{first + 5 * PAGE_SIZE:#x}], 77\n" + anonymous(second, 500)
    done = run(tmp_path, [load(1)], PAGES, before=before, ram=1000 * PAGE_SIZE)
    assert done.is_right is advised  # without the advice: out of memory
    if advised:
        pages = done.machine.process.mm.pages
        left = [page for page in range(600) if pages.entry(first + page * PAGE_SIZE)]
        assert 5 in left
        assert set(range(590, 600)) <= set(left)
        assert len(left) < 500
        assert all(pages.entry(second + page * PAGE_SIZE) for page in range(500))


@pytest.mark.parametrize("cpus", [1, 2])
def test_kswapd_evicts_before_threads_must(tmp_path: Path, cpus: int) -> None:
    done = run(tmp_path, [load(page) for page in range(1500)], 1500, ram=5 << 20, cpus=cpus)
    counters = done.machine.kernel.file_memory.counters
    assert done.is_right
    assert counters.pgsteal_kswapd > counters.pgsteal_direct
    by = [event.tid for event in done.of(PageReclaimed)]
    assert by.count(0) == counters.pgsteal_kswapd if cpus == 2 else by  # on the idle core


def test_a_page_that_has_been_written_goes_first(tmp_path: Path) -> None:
    accesses = [store(0), *(load(page) for page in range(1, 16)), *(load(page) for page in range(20, 40))]
    done = run(tmp_path, accesses, PAGES, before=RANDOM, quota=65536, watch=flush_late)
    order = [event.offset // PAGE_SIZE for event in done.of(PageReclaimed)]
    assert done.is_right
    assert order[:2] == [1, 2]  # page 0 was dirty
    assert order.index(0) < order.index(9)
