"""read, write, close, poll, ioctl, futex, clone, clock_gettime: the model answers as this host's Linux does."""

from __future__ import annotations

import pytest

from kernel_model.abi import uapi
from tests.guest_tools import PAGE
from tests.unit.kernel_model.linux_oracle import (
    BUFFER,
    BUFFER_PAGES,
    Linux,
    Row,
    call,
    load,
    on_the_model,
    placed,
    store,
)

UNMAPPED, LAST = 0x3000_0000, BUFFER + BUFFER_PAGES * PAGE - 8
POLLFD, SPAN, WORD = BUFFER + 64, BUFFER + 128, BUFFER + 256
WAIT, WAKE, PRIVATE = uapi.FUTEX_WAIT, uapi.FUTEX_WAKE, uapi.FUTEX_PRIVATE_FLAG
THREAD = uapi.CLONE_VM | uapi.CLONE_FS | uapi.CLONE_FILES | uapi.CLONE_SIGHAND | uapi.CLONE_THREAD
POLLIN, POLLOUT = 1, 4


def span(seconds: int, nanoseconds: int) -> list[Row]:
    return [store(SPAN, seconds), store(SPAN + 8, nanoseconds)]


def poll(*fds: tuple[int, int], timeout: int = 0) -> list[Row]:
    """Each (fd, events); then each struct pollfd with its revents."""
    stores = [store(POLLFD + 8 * i, (fd & 0xFFFFFFFF) | events << 32) for i, (fd, events) in enumerate(fds)]
    return [*stores, call("poll", POLLFD, len(fds), timeout), *(load(POLLFD + 8 * i) for i in range(len(fds)))]


SCENARIOS: dict[str, list[Row]] = {
    "read: all, then the end": [call("read", 0, BUFFER, 100), load(BUFFER), call("read", 0, BUFFER, 100)],
    "read: in pieces": [call("read", 0, BUFFER, 2), call("read", 0, BUFFER + 2, 2), load(BUFFER), call("read", 0,
        BUFFER, 9)],
    "read: nothing": [call("read", 0, BUFFER, 0), call("read", 0, UNMAPPED, 0), call("read", 0, BUFFER, 1),
        load(BUFFER)],
    "read: bad descriptor": [call("read", fd, BUFFER, 1) for fd in (3, 99, -1, 1 << 31)],
    "read: a descriptor is an int": [call("read", 1 << 32, BUFFER, 1), load(BUFFER)],
    "read: bad pointer": [call("read", 0, UNMAPPED, 5), call("read", 0, -8, 5), call("read", 0, 1 << 47, 5)],
    "read: over the end of memory": [call("read", 0, LAST + 6, 5)],
    "write: bad descriptor": [call("write", fd, BUFFER, 1) for fd in (3, 99, -1)],
    "write: bad pointer": [call("write", 1, UNMAPPED, 5), call("write", 1, -8, 5)],
    "write: nothing": [call("write", 1, BUFFER, 0)],
    "write: bytes": [call("write", 1, BUFFER, 5), call("write", 2, BUFFER, 3)],
    "write: to what is open for reading": [call("write", 0, BUFFER, 1), call("write", 0, UNMAPPED, 0)],
    "read: from what is open for writing": [call("read", 1, BUFFER, 1)],
    "close: once and twice": [call("close", 2), call("close", 2), call("close", 99), call("close", -1)],
    "close: then use": [call("close", 0), call("read", 0, BUFFER, 1), call("ioctl", 0, 0, 0), *poll((0, POLLIN))],
    "ioctl: not for this file": [call("ioctl", 0, 0xC018AA3F, BUFFER), call("ioctl", 1, 0x1234, 0)],
    "poll: nothing to wait for": [call("poll", 0, 0, 0), call("poll", 0, 0, 1), call("poll", UNMAPPED, 0, 0)],
    "poll: bad pointer": [call("poll", UNMAPPED, 1, 0), call("poll", 8, 2, 0), call("poll", -8, 1, 0)],
    "poll: a negative descriptor is skipped": poll((-1, POLLIN), (-5, POLLOUT)),
    "poll: a descriptor that is not open": poll((99, POLLIN), (0, POLLIN)),
    "poll: ready for reading": poll((0, POLLIN)),
    "poll: not asked for": poll((0, 0), (1, 0)),
    "poll: ready for writing": poll((1, POLLOUT), (1, POLLIN | POLLOUT)),
    "poll: old revents are overwritten": [store(POLLFD, 0x7FFF_0001_0000_0000), call("poll", POLLFD, 1, 0),
        load(POLLFD)],
    "poll: a ready one needs no timeout": poll((0, POLLIN), (1, POLLOUT), timeout=-1),
    "poll: too many": [call("poll", BUFFER, 1 << 30, 0), call("poll", BUFFER, 0xFFFF_FFFF, 0)],
    "futex: the value differs": [store(WORD, 5), *(call("futex", WORD, WAIT | p, 4, 0) for p in (0, PRIVATE))],
    "futex: only 32 bits count": [store(WORD, 5), call("futex", WORD, WAIT, 1 << 32 | 4, 0), *span(0, 1000),
                                  call("futex", WORD, WAIT, 7 << 32 | 5, SPAN), store(WORD, 9 << 32 | 5),
                                  call("futex", WORD, WAIT, 5, SPAN)],
    "futex: not aligned": [call("futex", WORD + 2, op, 0, 0) for op in (WAIT, WAKE, WAIT | PRIVATE, WAKE | PRIVATE)],
    "futex: not mapped": [call("futex", UNMAPPED, op, 0, 0) for op in (WAIT, WAIT | PRIVATE, WAKE | PRIVATE)],
    "futex: shared wake where nothing is mapped": [call("futex", UNMAPPED, WAKE, 1, 0)],
    "futex: outside user space": [call("futex", 1 << 47, op, 1, 0) for op in (WAIT | PRIVATE, WAKE | PRIVATE)],
    "futex: wake nobody": [call("futex", WORD, WAKE, count, 0) for count in (0, 1, 100, -1)],
    "futex: unknown operation": [call("futex", WORD, 99, 0, 0), call("futex", WORD, 2, 0, 0)],
    "futex: timeout": [store(WORD, 5), *span(0, 1_000_000), call("futex", WORD, WAIT, 5, SPAN), *span(0, 0),
                       call("futex", WORD, WAIT, 5, SPAN)],
    "futex: bad timeout": [store(WORD, 5), *span(0, 1_000_000_000), call("futex", WORD, WAIT, 5, SPAN), *span(-1, 0),
                           call("futex", WORD, WAIT, 5, SPAN), *span(0, -1), call("futex", WORD, WAIT, 5, SPAN),
                           call("futex", WORD, WAIT, 5, UNMAPPED)],
    "futex: bad timeout and another value": [store(WORD, 5), *span(-1, 0), call("futex", WORD, WAIT, 4, SPAN),
                                             call("futex", WORD + 1, WAIT, 4, SPAN), call("futex", WORD, WAIT, 4,
                                             UNMAPPED)],
    "clock_gettime": [call("clock_gettime", clock, BUFFER) for clock in (0, 1, 4, 7)],
    "clock_gettime: unknown clock": [call("clock_gettime", clock, BUFFER) for clock in (99, 16, 1 << 31 | 99 << 3)],
    "clock_gettime: bad pointer": [call("clock_gettime", 1, at) for at in (UNMAPPED, 8, -16, LAST, 1 << 47)],
    "clock_gettime: unknown clock and bad pointer": [call("clock_gettime", 99, UNMAPPED)],
    "clone: a thread needs CLONE_SIGHAND": [call("clone", uapi.CLONE_VM | uapi.CLONE_THREAD, 0, 0, 0, 0)],
    "clone: CLONE_SIGHAND needs CLONE_VM": [call("clone", uapi.CLONE_SIGHAND, 0, 0, 0, 0)],
    "clone: a thread needs CLONE_VM": [call("clone", THREAD & ~uapi.CLONE_VM, 0, 0, 0, 0)],
    "clone: thread-local storage outside user space": [placed("clone", THREAD | uapi.CLONE_SETTLS, 0, 0, 0, 1 << 47)],
    "sched_yield": [call("sched_yield")],
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_model_answers_as_linux(name: str, linux: Linux) -> None:
    rows = SCENARIOS[name]
    assert on_the_model(rows) == linux.results(rows, stdin_stays_open=name.startswith("poll"))
