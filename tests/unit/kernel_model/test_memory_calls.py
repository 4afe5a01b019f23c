"""mmap, munmap, mprotect, madvise: the model answers as this host's Linux does."""

from __future__ import annotations

import pytest

from tests.guest_tools import PAGE
from tests.unit.kernel_model.linux_oracle import AREA, Linux, Row, call, load, on_the_model, placed, store

NONE, READ, WRITE, EXEC = 0, 1, 2, 4
SHARED, PRIVATE, FIXED, ANONYMOUS, NORESERVE, POPULATE, NOREPLACE = 1, 2, 0x10, 0x20, 0x4000, 0x8000, 0x100000
ANON = PRIVATE | ANONYMOUS
DONTNEED = 4
TOP = 0x7FFF_FFFF_F000
HUGE = 1 << 63


def mmap(
    start: int = AREA,
    pages: int = 4,
    prot: int = READ | WRITE,
    flags: int = ANON | FIXED,
    fd: int = -1,
    offset: int = 0,
) -> Row:
    return call("mmap", start, pages * PAGE, prot, flags, fd, offset)


def munmap(page: int, pages: int = 1) -> Row:
    return call("munmap", AREA + page * PAGE, pages * PAGE)


def mprotect(page: int, pages: int, prot: int) -> Row:
    return call("mprotect", AREA + page * PAGE, pages * PAGE, prot)


def readable(page: int) -> Row:
    """FUTEX_WAIT for a value that is not there: EAGAIN where the kernel can read, EFAULT where it cannot."""
    return call("futex", AREA + page * PAGE, 128, 0x12345, 0)


def writable(page: int) -> Row:
    """clock_gettime: 0 or EFAULT."""
    return call("clock_gettime", 1, AREA + page * PAGE + 8)


def rights(pages: int) -> list[Row]:
    return [probe(page) for page in range(pages) for probe in (readable, writable)]


SCENARIOS = {
    "mmap: no length": [call("mmap", 0, 0, READ, ANON, -1, 0)],
    "mmap: offset not aligned": [call("mmap", 0, PAGE, READ, ANON, -1, 1)],
    "mmap: neither shared nor private": [call("mmap", 0, PAGE, READ, ANONYMOUS, -1, 0)],
    "mmap: fixed, address not aligned": [call("mmap", AREA + 1, PAGE, READ, ANON | FIXED, -1, 0)],
    "mmap: noreplace, address not aligned": [call("mmap", AREA + 1, PAGE, READ, ANON | NOREPLACE, -1, 0)],
    "mmap: noreplace where something is": [mmap(), mmap(AREA + 3 * PAGE, 2, flags=ANON | NOREPLACE)],
    "mmap: noreplace where nothing is": [mmap(), mmap(AREA + 4 * PAGE, 2, flags=ANON | NOREPLACE)],
    "mmap: fixed behind user space": [mmap(TOP, 1), mmap(TOP - PAGE, 2), mmap(1 << 47, 1), mmap(-PAGE, 1)],
    "mmap: longer than user space": [call("mmap", 0, length, READ, ANON, -1, 0) for length in (TOP + PAGE, HUGE,
        -PAGE)],
    "mmap: length that wraps when rounded": [call("mmap", 0, -1, READ, ANON, -1, 0)],
    "mmap: bad descriptor": [mmap(flags=PRIVATE | FIXED, fd=77), mmap(flags=PRIVATE | FIXED, fd=-1)],
    "mmap: a file that cannot be mapped": [mmap(flags=PRIVATE | FIXED, fd=0)],
    "mmap: descriptor ignored for anonymous memory": [mmap(fd=77), store(AREA, 5), load(AREA)],
    "mmap: unknown protection bits": [mmap(prot=READ | WRITE | 8), mmap(prot=READ | WRITE | 0x100)],
    "mmap: a free hint is taken": [mmap(flags=ANON)],
    "mmap: a hint is rounded down": [mmap(AREA + 5, 1, flags=ANON)],
    "mmap: a hint in use is not taken": [mmap(), placed("mmap", AREA, PAGE, READ, ANON, -1, 0), readable(0)],
    "mmap: fixed replaces and zeroes": [mmap(), store(AREA + PAGE, 7), mmap(AREA + PAGE, 1), load(AREA + PAGE)],
    "mmap: populate": [mmap(flags=ANON | FIXED | POPULATE), load(AREA + PAGE), store(AREA, 3), load(AREA)],
    "mmap: populated read-only memory": [mmap(prot=READ, flags=ANON | FIXED | POPULATE), *rights(2)],
    "mmap: PROT_NONE": [mmap(prot=NONE), *rights(1)],
    "mmap: write only is readable on x86": [mmap(prot=WRITE), *rights(1)],
    "mmap: execute only": [mmap(prot=EXEC), *rights(1)],
    "munmap: not aligned": [mmap(), call("munmap", AREA + 8, PAGE)],
    "munmap: no length": [mmap(), call("munmap", AREA, 0)],
    "munmap: a length is rounded up": [mmap(), call("munmap", AREA, 1), *rights(2)],
    "munmap: nothing there": [munmap(0, 4)],
    "munmap: outside user space": [call("munmap", TOP, PAGE), call("munmap", 0, HUGE), call("munmap", -PAGE, PAGE)],
    "munmap: a length that wraps": [mmap(), call("munmap", AREA, -1), call("munmap", AREA, -PAGE)],
    "munmap: the middle": [mmap(), *(store(AREA + p * PAGE, p + 1) for p in range(4)), munmap(1, 2), *rights(4),
                           load(AREA), load(AREA + 3 * PAGE)],
    "munmap: over several areas and holes": [mmap(), mmap(AREA + 6 * PAGE, 2), munmap(2, 5), *rights(8)],
    "munmap: twice": [mmap(), munmap(0, 4), munmap(0, 4)],
    "mprotect: not aligned": [mmap(), call("mprotect", AREA + 1, PAGE, READ), call("mprotect", AREA + 1, 0, READ)],
    "mprotect: no length": [mmap(), mprotect(0, 0, NONE), *rights(1), call("mprotect", AREA + 99 * PAGE, 0, READ)],
    "mprotect: unknown protection": [mmap(), mprotect(0, 1, 0x100000), mprotect(0, 0, 0x100000)],
    "mprotect: PROT_SEM is known": [mmap(), mprotect(0, 1, READ | 8), *rights(1)],
    "mprotect: nothing there": [mprotect(0, 1, READ)],
    "mprotect: outside user space": [call("mprotect", TOP, PAGE, READ), call("mprotect", -PAGE, PAGE, READ)],
    "mprotect: a length that wraps": [mmap(), call("mprotect", AREA, -PAGE, READ), call("mprotect", AREA, -1, READ)],
    "mprotect: a hole in the middle": [mmap(), munmap(1), mprotect(0, 3, NONE), *rights(4)],
    "mprotect: a hole at the start": [mmap(), munmap(0), mprotect(0, 3, NONE), *rights(4)],
    "mprotect: a hole at the end": [mmap(), mprotect(2, 3, NONE), *rights(4)],
    "mprotect: read only and back": [mmap(), store(AREA, 5), mprotect(0, 1, READ), *rights(2), mprotect(0, 1,
        READ | WRITE),
                                     *rights(1), store(AREA, 6), load(AREA)],
    "mprotect: PROT_NONE keeps the data": [mmap(), store(AREA, 5), mprotect(0, 2, NONE), *rights(3),
                                           mprotect(0, 2, READ), load(AREA), load(AREA + PAGE)],
    "mprotect: writable after a read of the zero page": [mmap(prot=READ), load(AREA), mprotect(0, 1, READ | WRITE),
                                                         store(AREA, 9), load(AREA)],
    "mprotect: splits an area in three": [mmap(), mprotect(1, 2, READ), *rights(4)],
    "madvise: not aligned": [mmap(), call("madvise", AREA + 1, PAGE, DONTNEED)],
    "madvise: no length": [mmap(), call("madvise", AREA, 0, DONTNEED), call("madvise", AREA + 50 * PAGE, 0, DONTNEED)],
    "madvise: unknown advice": [mmap(), call("madvise", AREA, PAGE, 9999), call("madvise", AREA, 0, 9999)],
    "madvise: a length that wraps": [mmap(), call("madvise", AREA, -1, DONTNEED), call("madvise", AREA, -PAGE,
        DONTNEED)],
    "madvise: outside user space": [call("madvise", TOP, PAGE, DONTNEED), call("madvise", 1 << 47, PAGE, DONTNEED)],
    "madvise: nothing there": [call("madvise", AREA, PAGE, DONTNEED)],
    "madvise: dontneed zeroes": [mmap(), store(AREA, 5), store(AREA + PAGE, 6), call("madvise", AREA, PAGE, DONTNEED),
                                 load(AREA), load(AREA + PAGE)],
    "madvise: a length is rounded up": [mmap(), store(AREA, 5), call("madvise", AREA, 1, DONTNEED), load(AREA)],
    "madvise: a hole, and what is around it": [mmap(), *(store(AREA + p * PAGE, 5) for p in (0, 2)), munmap(1),
                                               call("madvise", AREA, 3 * PAGE, DONTNEED), load(AREA),
                                               load(AREA + 2 * PAGE)],
    "madvise: PROT_NONE memory": [mmap(), store(AREA, 5), mprotect(0, 1, NONE), call("madvise", AREA, PAGE, DONTNEED),
                                  mprotect(0, 1, READ), load(AREA)],
    "unknown calls": [call(9999), call(-1), call(1 << 32 | 24)],
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_model_answers_as_linux(name: str, linux: Linux) -> None:
    assert on_the_model(SCENARIOS[name]) == linux.results(SCENARIOS[name])
