"""Random sequences of memory and userfaultfd calls: after each, the model and this host's Linux have answered alike."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel_model.abi import uapi
from tests.guest_tools import PAGE
from tests.unit.kernel_model.linux_oracle import AREA, BUFFER, BUFFER_PAGES, Linux, Row, call, load, on_the_model, store

PAGES = 10
USER_MODE_ONLY = 1  # so that a kernel access to a missing page is EFAULT on both sides, and no thread sleeps
FIXED, NOREPLACE, POPULATE = uapi.MAP_FIXED, uapi.MAP_FIXED_NOREPLACE, uapi.MAP_POPULATE
FDS = (3, 4)

page = st.integers(0, PAGES - 1)
span = st.tuples(page, st.integers(0, PAGES)).map(lambda s: (AREA + s[0] * PAGE, min(s[1], PAGES - s[0]) * PAGE))
prot = st.sampled_from((0, 1, 2, 3, 3, 3))
fd = st.sampled_from(FDS)


def ioctl(descriptor: int, request: int, *words: int, result: int | None = None) -> list[Row]:
    rows = [*(store(BUFFER + 8 * i, word) for i, word in enumerate(words)), call("ioctl", descriptor, request, BUFFER)]
    return rows if result is None else [*rows, load(BUFFER + 8 * result)]


def copied(destination: tuple[int, int], source_page: int | None) -> tuple[int, int, int]:
    """dst, src, len of a UFFDIO_COPY."""
    start, length = destination
    if source_page is None:
        return start, BUFFER + PAGE, min(length, (BUFFER_PAGES - 1) * PAGE)
    return start, AREA + source_page * PAGE, min(length, PAGE)


calls = st.one_of(
    st.builds(
        lambda s, p, how: [call("mmap", *s, p, uapi.MAP_PRIVATE | uapi.MAP_ANONYMOUS | how, -1, 0)],
        span, prot, st.sampled_from((FIXED, FIXED, NOREPLACE, FIXED | POPULATE)),
    ),
    st.builds(lambda s: [call("munmap", *s)], span),
    st.builds(lambda s, p: [call("mprotect", *s, p)], span, prot),
    st.builds(lambda s: [call("madvise", *s, uapi.MADV_DONTNEED)], span),
    # by the first descriptor only: whether another may unregister its range depends on the version of Linux
    st.builds(lambda s: ioctl(3, uapi.UFFDIO_REGISTER, *s, 1, 0), span),
    st.builds(lambda s: ioctl(3, uapi.UFFDIO_UNREGISTER, *s), span),
    st.builds(lambda f, s: ioctl(f, uapi.UFFDIO_WAKE, *s), fd, span),
    st.builds(lambda f, s, m: ioctl(f, uapi.UFFDIO_ZEROPAGE, *s, m, 0x77, result=3), fd, span, st.sampled_from((0, 1))),
    st.builds(  # several pages from where they are, or one from a page that may be missing itself
        lambda f, s, p, m: ioctl(f, uapi.UFFDIO_COPY, *copied(s, p), m, 0x77, result=4),
        fd, span, st.none() | page, st.sampled_from((0, 1)),
    ),
    st.builds(lambda p: [call("clock_gettime", 1, AREA + p * PAGE + 8)], page),
)  # fmt: skip

START = [row for descriptor in FDS for row in (
    call("userfaultfd", USER_MODE_ONLY | uapi.O_NONBLOCK), *ioctl(descriptor, uapi.UFFDIO_API, uapi.UFFD_API, 0, 0)
)]  # fmt: skip
# what every page allows at the end; the first probe of a missing page brings in the zero page
PROBES = [
    row
    for i in range(PAGES)
    for row in (call("futex", AREA + i * PAGE, 128, 0x12345, 0), call("clock_gettime", 1, AREA + i * PAGE + 8))
]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sequence=st.lists(calls, min_size=3, max_size=16))
def test_random_calls_are_answered_as_by_linux(sequence: list[list[Row]], linux_with_userfaultfd: Linux) -> None:
    mapped = call("mmap", AREA, (PAGES - 2) * PAGE, 3, uapi.MAP_PRIVATE | uapi.MAP_ANONYMOUS | FIXED, -1, 0)
    rows = [*START, mapped, *(row for part in sequence for row in part), *PROBES]
    assert on_the_model(rows) == linux_with_userfaultfd.results(rows)
