"""userfaultfd: calls, errors, messages and page contents are those of this host's Linux."""

from __future__ import annotations

import pytest

from kernel_model.abi import uapi
from tests.guest_tools import PAGE
from tests.unit.kernel_model.linux_oracle import (
    AREA,
    BUFFER,
    Linux,
    Row,
    call,
    dirty,
    join,
    load,
    on_the_model,
    store,
    touch,
)

FD, SECOND = 3, 4  # the first two descriptors either side hands out
NONBLOCK = uapi.O_NONBLOCK
MISSING, WP = uapi.UFFDIO_REGISTER_MODE_MISSING, uapi.UFFDIO_REGISTER_MODE_WP
EXACT = uapi.UFFD_FEATURE_EXACT_ADDRESS
DONTWAKE = 1
ARGUMENT, MESSAGE, SOURCE, POLL = BUFFER, BUFFER + 0x400, BUFFER + PAGE, BUFFER + 0x600


def ioctl(request: int, *words: int, fd: int = FD, at: int = ARGUMENT) -> list[Row]:
    return [*(store(at + 8 * i, word) for i, word in enumerate(words)), call("ioctl", fd, request, at)]


def api(features: int = 0, version: int = uapi.UFFD_API, fd: int = FD) -> list[Row]:
    return ioctl(uapi.UFFDIO_API, version, features, 0, fd=fd)


def register(page: int = 0, pages: int = 8, mode: int = MISSING, fd: int = FD, start: int | None = None) -> list[Row]:
    return ioctl(uapi.UFFDIO_REGISTER, AREA + page * PAGE if start is None else start, pages * PAGE, mode, 0, fd=fd)


def unregister(page: int, pages: int, fd: int = FD) -> list[Row]:
    return ioctl(uapi.UFFDIO_UNREGISTER, AREA + page * PAGE, pages * PAGE, fd=fd)


def copy(page: int, pages: int = 1, *, source: int = SOURCE, mode: int = 0, fd: int = FD) -> list[Row]:
    """UFFDIO_COPY, and what it leaves in its `copy` field."""
    rows = ioctl(uapi.UFFDIO_COPY, AREA + page * PAGE, source, pages * PAGE, mode, 0x77, fd=fd)
    return [*rows, load(ARGUMENT + 32)]


def zero(page: int, pages: int = 1, *, mode: int = 0, fd: int = FD) -> list[Row]:
    return [*ioctl(uapi.UFFDIO_ZEROPAGE, AREA + page * PAGE, pages * PAGE, mode, 0x77, fd=fd), load(ARGUMENT + 24)]


def wake(page: int, pages: int = 1, fd: int = FD) -> list[Row]:
    return ioctl(uapi.UFFDIO_WAKE, AREA + page * PAGE, pages * PAGE, fd=fd)


def mmap(page: int = 0, pages: int = 8, prot: int = 3, flags: int = 0x32) -> Row:
    return call("mmap", AREA + page * PAGE, pages * PAGE, prot, flags, -1, 0)


def message(size: int = 32, fd: int = FD) -> list[Row]:
    """read() one message: event, flags, address."""
    words = [load(MESSAGE), load(MESSAGE + 8), load(MESSAGE + 16)]
    return [call("read", fd, MESSAGE, size), *(words if size >= 32 else [])]


def poll(fd: int = FD, timeout: int = 0) -> list[Row]:
    return [store(POLL, fd | 1 << 32), call("poll", POLL, 1, timeout), load(POLL)]


READY = [call("userfaultfd", 0), *api()]
READY_NONBLOCK = [call("userfaultfd", NONBLOCK), *api()]
REGISTERED = [*READY, mmap(), *register()]
REGISTERED_NONBLOCK = [*READY_NONBLOCK, mmap(), *register()]
FILLED = [store(SOURCE + 8 * i, 0x1111 * (i + 1)) for i in range(4)] + [store(SOURCE + PAGE, 0x2222)]
DONTNEED = call("madvise", AREA, 8 * PAGE, 4)

SCENARIOS: dict[str, list[Row]] = {
    "userfaultfd: flags": [call("userfaultfd", flags) for flags in (0, NONBLOCK, uapi.O_CLOEXEC, 1, NONBLOCK | 1, 2,
        4, 0x80)],
    "userfaultfd: the lowest free descriptor": [call("userfaultfd", 0), call("userfaultfd", 0), call("close", 3),
                                                call("userfaultfd", 0)],
    "API: once": [*READY, load(ARGUMENT)],
    "API: twice": [*READY, *api(), load(ARGUMENT), load(ARGUMENT + 8), load(ARGUMENT + 16)],
    "API: wrong version": [call("userfaultfd", 0), *api(version=0xAB), load(ARGUMENT), load(ARGUMENT + 8), *api()],
    "API: unknown features": [call("userfaultfd", 0), *api(features=1 << 60), load(ARGUMENT), load(ARGUMENT + 8),
        *api()],
    "API: known features": [call("userfaultfd", 0), *api(features=EXACT)],
    "API: bad pointer": [call("userfaultfd", 0), call("ioctl", FD, uapi.UFFDIO_API, 8), *api()],
    "anything before API": [call("userfaultfd", NONBLOCK), mmap(), *register(), *copy(0), *zero(0), *wake(0),
                            *unregister(0, 1), call("read", FD, MESSAGE, 32), *poll()],
    "an unknown ioctl": [*READY, call("ioctl", FD, 0xAA77, ARGUMENT), call("ioctl", FD, 0, ARGUMENT),
                         call("ioctl", FD, 0xC018AA7F, ARGUMENT)],
    "ioctl: bad pointer": [*READY, *(call("ioctl", FD, request, 8) for request in (
        uapi.UFFDIO_REGISTER, uapi.UFFDIO_UNREGISTER, uapi.UFFDIO_COPY, uapi.UFFDIO_ZEROPAGE, uapi.UFFDIO_WAKE))],
    "ioctl: another file": [call("ioctl", 0, uapi.UFFDIO_API, ARGUMENT), call("ioctl", 9, uapi.UFFDIO_API, ARGUMENT)],
    "REGISTER: not aligned": [*READY, mmap(), *register(start=AREA + 8), *ioctl(uapi.UFFDIO_REGISTER, AREA, 5, 1, 0)],
    "REGISTER: no length": [*READY, mmap(), *register(pages=0)],
    "REGISTER: no mode, unknown mode": [*READY, mmap(), *register(mode=0), *register(mode=8), *register(mode=1 << 40)],
    "REGISTER: nothing mapped": [*READY, *register(), mmap(4, 1), *register(0, 2)],
    "REGISTER: outside user space": [*READY, *register(start=0x7FFF_FFFF_F000), *register(start=1 << 47),
                                     *register(start=-PAGE), *ioctl(uapi.UFFDIO_REGISTER, 0, 1 << 63, MISSING, 0)],
    "REGISTER: a hole inside": [*READY, mmap(0, 2), mmap(4, 2), *register(0, 6), *zero(0), *zero(5), *zero(3)],
    "REGISTER: over the end of what is mapped": [*READY, mmap(0, 2), *register(0, 6), *zero(1), *zero(2)],
    "REGISTER: starts in a hole": [*READY, mmap(2, 2), *register(0, 4), *zero(2)],
    "REGISTER: twice by one descriptor": [*REGISTERED, *register(), *register(2, 2), *zero(2)],
    "REGISTER: by a second descriptor": [*REGISTERED, call("userfaultfd", 0), *api(fd=SECOND), *register(fd=SECOND),
                                         *register(7, 1, fd=SECOND), *unregister(0, 8), *register(fd=SECOND)],
    "REGISTER: PROT_NONE and read-only memory": [*READY, mmap(0, 2, 0), mmap(2, 2, 1), *register(0, 4), *zero(0),
        *zero(2)],
    "REGISTER: shared anonymous memory": [*READY, mmap(flags=0x31), *register()],
    "COPY: a page": [*REGISTERED, *FILLED, *copy(1), load(AREA + PAGE), load(AREA + PAGE + 24), load(AREA + PAGE + 32)],
    "COPY: two pages": [*REGISTERED, *FILLED, *copy(1, 2), load(AREA + PAGE), load(AREA + 2 * PAGE)],
    "COPY: already there": [*REGISTERED, *FILLED, *copy(1), *copy(1), *zero(1)],
    "COPY: partly there": [*REGISTERED, *FILLED, *copy(2), *copy(0, 4), load(AREA), load(AREA + PAGE)],
    "COPY: not aligned": [*REGISTERED, *ioctl(uapi.UFFDIO_COPY, AREA + 8, SOURCE, PAGE, 0, 0x77), load(ARGUMENT + 32),
                          *ioctl(uapi.UFFDIO_COPY, AREA, SOURCE, 100, 0, 0x77), load(ARGUMENT + 32)],
    "COPY: from an address not aligned": [*REGISTERED, *FILLED, *copy(1, source=SOURCE + 8), load(AREA + PAGE)],
    "COPY: no length": [*REGISTERED, *copy(0, 0)],
    "COPY: unknown mode": [*REGISTERED, *copy(0, mode=8), *copy(0, mode=1 << 40)],
    "COPY: source not mapped": [*REGISTERED, *copy(0, source=0x3000_0000), *zero(0)],
    "COPY: source ends early": [*REGISTERED, *copy(0, 2, source=BUFFER + 7 * PAGE), *zero(0), *zero(1)],
    "COPY: source wraps": [*REGISTERED, *copy(0, source=-16)],
    "COPY: outside the registered range": [*REGISTERED, mmap(8, 4), *copy(8), *copy(7, 2), *copy(30)],
    "COPY: into a hole": [*REGISTERED, call("munmap", AREA + PAGE, PAGE), *copy(1), *copy(0, 2)],
    "COPY: by a descriptor that did not register": [*REGISTERED, call("userfaultfd", 0), *api(fd=SECOND), *copy(0,
        fd=SECOND)],
    "COPY: after UNREGISTER": [*REGISTERED, *unregister(0, 8), *copy(0)],
    "COPY: into another's part": [*REGISTERED, *unregister(4, 4), *copy(3), *copy(4), *copy(3, 2)],
    "COPY: without waking": [*REGISTERED, *FILLED, *copy(1, mode=DONTWAKE), load(AREA + PAGE)],
    "COPY: to itself": [*REGISTERED, *FILLED, *copy(0), *copy(1, source=AREA), load(AREA + PAGE)],
    "COPY: one that fails leaves its source alone": [
        call("userfaultfd", 1), *api(), mmap(), *copy(0, 2, source=AREA), *register(), call("clock_gettime", 1, AREA)],
    "ZEROPAGE: pages": [*REGISTERED, *zero(0), *zero(1, 3), load(AREA), load(AREA + 3 * PAGE), store(AREA, 5),
        load(AREA)],
    "ZEROPAGE: already there": [*REGISTERED, *zero(0), *zero(0), *zero(0, 2)],
    "ZEROPAGE: partly there": [*REGISTERED, *zero(2), *zero(0, 4)],
    "ZEROPAGE and COPY: into PROT_NONE memory": [
        *READY, mmap(0, 2, 0), *register(0, 2), *zero(0), *copy(1), *(
            call("futex", AREA + page * PAGE, 128, 0x12345, 0) for page in (0, 1)),
        call("mprotect", AREA, 2 * PAGE, 1), load(AREA), load(AREA + PAGE)],
    "ZEROPAGE: errors": [*REGISTERED, *zero(0, 0), *zero(0, mode=2), *zero(30), *zero(7, 2),
                         *ioctl(uapi.UFFDIO_ZEROPAGE, AREA + 1, PAGE, 0, 0x77), load(ARGUMENT + 24)],
    "WAKE: nobody": [*REGISTERED, *wake(0, 8), *wake(30), *wake(0, 0), *ioctl(uapi.UFFDIO_WAKE, AREA + 1, PAGE)],
    "UNREGISTER: the middle": [*REGISTERED, *unregister(2, 2), load(AREA + 2 * PAGE), *zero(1), *zero(2), *zero(4)],
    "UNREGISTER: errors": [*REGISTERED, *unregister(0, 0), *unregister(30, 2), *ioctl(uapi.UFFDIO_UNREGISTER,
        AREA + 1, PAGE),
                           *unregister(0, 8), *unregister(0, 8)],
    "read: size": [*READY_NONBLOCK, *(call("read", FD, MESSAGE, size) for size in (0, 31, 32, 33, 64))],
    "read: no message": [*REGISTERED_NONBLOCK, call("read", FD, MESSAGE, 32), call("read", FD, 8, 32)],
    "write": [*READY, call("write", FD, BUFFER, 32)],
    "poll: blocking descriptor": [*READY, *poll()],
    "poll: before API": [call("userfaultfd", NONBLOCK), *poll()],
    "poll: no message": [*READY_NONBLOCK, *poll(), *poll(timeout=1)],
    "a read fault": [*REGISTERED, touch(AREA + 2 * PAGE + 0x123), *message(), *zero(2), join(), load(AREA + 2 * PAGE)],
    "a write fault": [*REGISTERED, dirty(AREA + 2 * PAGE + 0x123), *message(), *FILLED, *copy(2), join(),
                      load(AREA + 2 * PAGE), load(AREA + 2 * PAGE + 0x120)],
    "a write fault and a zero page": [*REGISTERED, dirty(AREA + 8), *message(), *zero(0), join(), load(AREA + 8)],
    "a fault with its exact address": [call("userfaultfd", 0), *api(features=EXACT), mmap(), *register(),
                                       touch(AREA + 0x123), *message(), *zero(0), join()],
    "poll with a message": [*REGISTERED_NONBLOCK, touch(AREA), *poll(timeout=10_000), *message(), *poll(), *zero(0),
        join()],
    "WAKE makes the fault come again": [*REGISTERED, touch(AREA), *message(), *wake(0), *message(), *zero(0), join()],
    "COPY without waking, then WAKE": [*REGISTERED, *FILLED, touch(AREA), *message(), *copy(0, mode=DONTWAKE), *wake(0),
                                       join(), load(AREA)],
    "UNREGISTER lets the sleeper go": [*REGISTERED, dirty(AREA), *message(), *unregister(0, 8), join(), load(AREA)],
    "close lets the sleeper go": [*REGISTERED, dirty(AREA), *message(), call("close", FD), join(), load(AREA)],
    "DONTNEED makes pages fault again": [*REGISTERED, *FILLED, *copy(0), DONTNEED, touch(AREA), *message(), *zero(0),
        join(),
                                         load(AREA)],
    "munmap in the middle leaves both ends registered": [
        *REGISTERED, call("munmap", AREA + 3 * PAGE, PAGE), *zero(2), *zero(3), *zero(4), touch(AREA + 5 * PAGE),
        *message(),
        *zero(5), join()],
    "new memory in a hole is not registered": [*REGISTERED, mmap(3, 1), load(AREA + 3 * PAGE), *zero(2), *zero(3),
        *zero(4)],
    "memory that was there before REGISTER stays": [*READY, mmap(), store(AREA, 5), *register(), load(AREA), *zero(0),
                                                    *zero(1)],
    "a system call's own fault": [*REGISTERED_NONBLOCK, *zero(0), call("clock_gettime", 1, AREA + 8),
                                  call("futex", AREA + PAGE - 4, 128, 1, 0)],
    "USER_MODE_ONLY: a system call's fault": [call("userfaultfd", 1 | NONBLOCK), *api(), mmap(), *register(),
                                              call("clock_gettime", 1, AREA + 8), call("write", 1, AREA, 8)],
    "mprotect on registered memory": [*REGISTERED, *FILLED, *copy(0), call("mprotect", AREA, PAGE, 1), load(AREA),
        *copy(1),
                                      call("mprotect", AREA, 8 * PAGE, 0), *copy(2), *zero(3),
                                      call("mprotect", AREA, 8 * PAGE, 3), load(AREA + 2 * PAGE),
                                      load(AREA + 3 * PAGE)],
    "two faults on one page": [*REGISTERED, touch(AREA), *message(), dirty(AREA + 64), *message(), *zero(0), join(),
        load(AREA + 64)],
}  # fmt: skip


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_model_answers_as_linux(name: str, linux_with_userfaultfd: Linux) -> None:
    assert on_the_model(SCENARIOS[name]) == linux_with_userfaultfd.results(SCENARIOS[name])
