"""Pages of a file that a call reads together leave the same behind as pages that it reads one by one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kernel_model.files import cached_io
from kernel_model.files.host_pages import HostPages
from pffemu.arch.paging import PAGE_SIZE
from tests.page_cache_guests import Run, load, run, store

PAGES = 300
BUFFER = 0x3000_0000
LONG, SHORT = 180 * PAGE_SIZE + 77, 3 * PAGE_SIZE
READS = f"""
    mov eax, SYS_mmap
    mov edi, {BUFFER:#x}
    mov esi, {LONG + PAGE_SIZE:#x}
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    xor ebx, ebx
again:
    mov eax, SYS_pread64
    mov rdi, r14
    mov esi, {BUFFER:#x}
    mov edx, {LONG}
    test ebx, 1
    jz long
    mov edx, {SHORT}
long:
    imul r10d, ebx, {37 * PAGE_SIZE + 1001}
    and r10d, 0xfffff
    syscall
    inc ebx
    cmp ebx, 16
    jne again
"""


def reading(folder: Path, quota: int, ram: int) -> Run:
    accesses = [load(5), store(9), load(250), store(130), load(9)]
    return run(folder, accesses, PAGES, before=READS, quota=quota * PAGE_SIZE, ram=ram)


def left(done: Run) -> tuple[list[object], list[int], str]:
    """Its events, each core's clock, and all of RAM."""
    machine = done.machine
    clocks = [cpu.clock for cpu in machine.cpus]
    return done.events, clocks, hashlib.sha256(machine.ram.octets).hexdigest()


@pytest.mark.parametrize(("quota", "ram"), [(0, 64 << 20), (0, 3 << 20), (40, 64 << 20), (250, 64 << 20)])
def test_read_together_or_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: int, ram: int) -> None:
    together = reading(tmp_path, quota, ram)
    assert together.is_right
    monkeypatch.setattr(HostPages, "bring_all", lambda *_: [], raising=False)
    monkeypatch.setattr(cached_io, "_cached_run", lambda *_: 0)
    one_by_one = reading(tmp_path, quota, ram)
    assert one_by_one.is_right
    assert left(together) == left(one_by_one)
