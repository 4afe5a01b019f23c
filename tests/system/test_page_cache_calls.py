"""Calls on files on disk: read through the cache and past it, write, fsync; and snapshots of all of it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from pffemu import BudgetUsedUp, Exited, Machine, Mode
from pffemu.arch.paging import PAGE_SIZE
from pffemu.events.kernel import ThreadBlocked
from pffemu.events.page_cache import DiskCompleted, DiskRequested, PageDirtied
from pffemu.state import snapshot, snapshot_file
from pffemu.state.machine_hash import machine_hash
from tests.guest_tools import plain_guest
from tests.page_cache_guests import content_of

FD = 3
PAGES = 100
O_DIRECT = 0o40000


def transfer(call: str, page: int, pages: int = 1) -> str:
    """pread64 or pwrite64 of whole pages between the file and the buffer; the result must be all of it."""
    return f"""
    mov eax, SYS_{call}
    mov edi, {FD}
    lea rsi, [rip + buffer]
    mov edx, {pages * PAGE_SIZE}
    mov r10d, {page * PAGE_SIZE}
    syscall
    cmp eax, {pages * PAGE_SIZE}
    jne failed
"""


DIRECT = f"""
    mov eax, SYS_fcntl
    mov edi, {FD}
    mov esi, 4
    mov edx, {O_DIRECT}
    syscall
"""
FSYNC = f"""
    mov eax, SYS_fsync
    mov edi, {FD}
    syscall
"""
SHOW = f"""
    mov eax, SYS_write
    mov edi, 1
    lea rsi, [rip + buffer]
    mov edx, {2 * PAGE_SIZE}
    syscall
"""
MARK = """
    lea rsi, [rip + buffer]
    mov dword ptr [rsi], 0x1234
"""


def machine(body: str, **options: Any) -> tuple[Machine, io.BytesIO, list[Any]]:
    out, events = io.BytesIO(), list[Any]()
    built = Machine(mode=Mode.KERNEL, cpus=1, stdout=out, **options)
    built.open_disk_file(FD, "data", content_of(PAGES))
    end = "\n    xor edi, edi\n    jmp leave_with_edi\nfailed: mov edi, 1\n"
    built.load(plain_guest(body + end, f".balign 4096\nbuffer: .zero {16 * PAGE_SIZE}"))
    built.events.sinks.append(events.append)
    return built, out, events


def ran(body: str, **options: Any) -> tuple[Machine, bytes, list[Any]]:
    built, out, events = machine(body, **options)
    assert built.run() == Exited(0)
    return built, out.getvalue(), events


def requests(events: list[Any]) -> list[tuple[str, int, int]]:
    return [(e.what, e.offset // PAGE_SIZE, e.pages) for e in events if isinstance(e, DiskRequested)]


def test_a_read_comes_from_the_cache_the_second_time() -> None:
    _, out, events = ran(transfer("pread64", 40, 2) + transfer("pread64", 41) + transfer("pread64", 40, 2) + SHOW)
    assert out == content_of(PAGES)[40 * PAGE_SIZE : 42 * PAGE_SIZE]
    assert [one for one in requests(events) if one[1] < 42] == [("read", 40, 2)]
    assert [event.waits_for for event in events if isinstance(event, ThreadBlocked)] == ["pread64"]


def test_sequential_reads_read_ahead() -> None:
    _, _, events = ran("".join(transfer("pread64", page) for page in range(12)))
    assert requests(events) == [("read", 0, 4), ("read", 4, 8), ("read", 12, 16)]


def test_reads_past_the_cache_always_reach_the_disk() -> None:
    built, out, events = ran(DIRECT + transfer("pread64", 7, 2) * 2 + SHOW)
    assert out == content_of(PAGES)[7 * PAGE_SIZE : 9 * PAGE_SIZE]
    assert requests(events) == [("read", 7, 2)] * 2
    assert not len(built.kernel.file_memory.lists)


def test_a_read_larger_than_the_quota_is_whole() -> None:
    built, _, events = ran(transfer("pread64", 3, 16) * 2, quota=16 * PAGE_SIZE)
    assert len(built.kernel.file_memory.lists) <= 16
    assert sum(pages for what, _, pages in requests(events)) > 16


def test_writes_are_dirty_until_fsync_has_put_them_on_disk() -> None:
    built, _, events = ran(MARK + transfer("pwrite64", 5, 2) + FSYNC + FSYNC)
    assert len([event for event in events if isinstance(event, PageDirtied)]) == 2
    assert requests(events) == [("write", 5, 2)]
    assert not built.kernel.file_memory.writeback.dirty
    blocked = [event.waits_for for event in events if isinstance(event, ThreadBlocked)]
    assert blocked == ["fsync"]
    kinds = [type(event) for event in events]
    assert kinds.index(DiskCompleted) > kinds.index(DiskRequested)


def test_direct_writes_show_in_the_cache_and_are_not_dirty() -> None:
    reads = transfer("pread64", 5, 2)
    built, out, events = ran(reads + DIRECT + MARK + transfer("pwrite64", 5) + reads + SHOW)
    assert out[:4] == (0x1234).to_bytes(4, "little")
    assert [what for what, _, _ in requests(events)].count("write") == 1
    assert not built.kernel.file_memory.writeback.dirty


@pytest.mark.parametrize("steps", [6, 9, 14, 30])
def test_a_snapshot_while_the_disk_works(steps: int, tmp_path: Path) -> None:
    """The machine goes on from it as it did before, and so does another one from a file."""
    body = MARK + transfer("pwrite64", 60) + "".join(transfer("pread64", page, 2) for page in (3, 50, 4)) + FSYNC + SHOW
    built, out, _ = machine(body, quota=16 * PAGE_SIZE)
    assert isinstance(built.run(budget=steps), BudgetUsedUp)
    taken = snapshot.take(built)
    snapshot_file.save(built, tmp_path / "snapshot")
    assert built.run() == Exited(0)
    ended, told = machine_hash(built), out.getvalue()
    snapshot.put_back(built, taken)
    assert built.run() == Exited(0)
    assert machine_hash(built) == ended
    assert told
    other = snapshot_file.restore(tmp_path / "snapshot", stdout=io.BytesIO())
    assert other.run() == Exited(0)
    assert machine_hash(other) == ended
