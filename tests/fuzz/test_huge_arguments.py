"""Buffers of gigabytes that cost the guest nothing (the zero page) cost the host little, whatever reads them."""

from __future__ import annotations

import random
import struct

import pytest

from kernel_model.abi.uapi import Sys
from kernel_model.calls.table import TABLE
from kernel_model.files.host_tree import Mount
from pffemu import Machine
from pffemu.events.kernel import Syscall
from tests.fuzz import guest
from tests.fuzz.batch import resident_bytes, watched

BIG = 0x10_0000_0000
BIG_SIZE = 8 << 30
LIMIT = 400 << 20  # bytes
NEVER = {Sys.EXIT, Sys.EXIT_GROUP, Sys.RT_SIGRETURN, Sys.FORK, Sys.VFORK, Sys.CLONE, Sys.CLONE3, Sys.MUNMAP, Sys.EXECVE}
MAP_BIG = (Sys.MMAP, BIG, BIG_SIZE, 3, 0x4022 | 0x10, (1 << 64) - 1, 0)
PATTERNS = (
    lambda fd: (fd, BIG, 1 << 30, BIG, BIG, 1 << 30),
    lambda fd: (fd, BIG, (1 << 64) - 1, 1 << 30, BIG, BIG),
    lambda fd: (BIG, 1 << 30, BIG, 1 << 30, BIG, 8),
)


class Nowhere:
    def write(self, data: bytes, /) -> object:
        return len(data)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("pattern", range(len(PATTERNS)))
def test_huge_buffers_do_not_grow_the_host(pattern: int, tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "f").write_bytes(bytes(5000))
    (tmp_path / "d").mkdir()
    program, source = guest.program(), random.Random(0)
    numbers = [number for number in sorted(TABLE) if number not in NEVER and number >= 0]
    rows = [MAP_BIG]
    rows += [(number, *PATTERNS[pattern](fd)) for number in numbers for fd in (4, 7, 10, 14)]
    before, done = resident_bytes(), 0
    for start in range(0, len(rows), 100):
        part = [MAP_BIG, *rows[start : start + 100]]
        machine = Machine(
            ram=64 << 20, stdin=b"x", stdout=Nowhere(), stderr=Nowhere(), roots=(Mount(str(tmp_path), ()),)
        )
        machine.load(program)
        table = guest.table(source)[: 56 * guest.OPENED] + b"".join(struct.pack("<7Q", *row) for row in part)
        machine.memory.write(program.symbols["table"], table)
        machine.memory.write(program.symbols["data"], guest.data(source))
        with watched(str(tmp_path)):
            machine.run(budget=3000)
        done += machine.events.counts[Syscall]
    assert done > len(rows) // 10
    assert resident_bytes() - before < LIMIT
