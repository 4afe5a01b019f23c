"""Which core does what in one fill, one clean and one dirty eviction, under every mechanism of the cache library.

Written as "core: step step core: step", in the order of the events. The touching thread is on core 0, helpers are on
the cores behind it. Mechanism kernel has tests of its own (test_page_cache_paths.py).
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from guest.caching.mechanisms import MECHANISMS, CacheMechanism
from tests.mechanism_steps import OPERATIONS, PAGE, by_core, last_operation, markers, timeline

NUMBER: Final = re.compile(r"[\d,]+ ")
UNIT: Final = "check claim frame source fill record publish"  # of a core, under hw
FILL: Final = {
    "pin": "",
    "swizzle": "",
    "sigsegv": "0: refused #PF signal pwrite64 mprotect rt_sigreturn again refused #PF again",
    "uffd": "0: refused #PF wake sleep 1: switch message UFFDIO_COPY wake read sleep 0: switch again",
    "uffd-sigbus": "0: refused #PF signal UFFDIO_COPY rt_sigreturn again",
    "upcall": "0: refused #PF handler UFFDIO_COPY ioctl again",
    "daemon": "0: refused #PF again",
    "policy": "0: refused #PF again",
    "exmap": "0: ioctl",
    "userfault": "0: refused handler UFFDIO_COPY again",
    "pff": "0: refused handler UFFDIO_COPY again",
    "pff-pte": "0: refused handler UFFDIO_COPY again",
    "hw": f"0: refused {UNIT} again",
}
CLEAN: Final = {
    "pin": "",
    "swizzle": "0: membarrier",
    "sigsegv": "0: refused #PF signal mprotect fallocate pwrite64 mprotect rt_sigreturn again refused #PF again",
    "uffd": "0: refused #PF wake sleep 1: switch message madvise UFFDIO_COPY wake read sleep 0: switch again",
    "uffd-sigbus": "0: refused #PF signal madvise UFFDIO_COPY rt_sigreturn again",
    "upcall": "0: refused #PF handler madvise UFFDIO_COPY ioctl again",
    "daemon": "0: refused #PF 1: ioctl clean 0: again",
    "policy": "0: refused #PF clean again",
    "exmap": "0: ioctl clean ioctl",
    "userfault": "0: refused handler madvise UFFDIO_COPY again",
    "pff": "0: refused handler madvise UFFDIO_COPY again",
    "pff-pte": "0: refused handler madvise UFFDIO_COPY again",
    "hw": f"0: refused handler ioctl page-out again refused {UNIT} again",
}
DIRTY: Final = {  # a store that throws a page out that was stored to; where the steps are equal, ring 3 writes it back
    **CLEAN,
    "sigsegv": "0: refused #PF signal mprotect mprotect fallocate pwrite64 mprotect rt_sigreturn again"
    " refused #PF again",
    "uffd": "0: refused #PF wake sleep 1: switch message UFFDIO_WRITEPROTECT madvise UFFDIO_COPY wake read sleep"
    " 0: switch again",
    "uffd-sigbus": "0: refused #PF signal UFFDIO_WRITEPROTECT madvise UFFDIO_COPY rt_sigreturn again",
    "upcall": "0: refused #PF handler UFFDIO_WRITEPROTECT madvise UFFDIO_COPY ioctl again",
    "daemon": "0: refused #PF 1: ioctl dirty 0: again",
    "policy": "0: refused #PF dirty again",
    "userfault": "0: refused handler UFFDIO_WRITEPROTECT madvise UFFDIO_COPY again",
    "pff": "0: refused handler UFFDIO_WRITEPROTECT madvise UFFDIO_COPY again",
    "pff-pte": "0: refused handler UFFDIO_WRITEPROTECT madvise UFFDIO_COPY again",
    "hw": f"0: refused handler ioctl UFFDIO_WRITEPROTECT page-out again refused {UNIT} again"
    " refused handler ioctl UFFDIO_WRITEPROTECT again",  # the page came in protected
}


@pytest.mark.parametrize("mechanism", [one for one in MECHANISMS if one.name in FILL], ids=lambda one: one.name)
def test_steps(mechanism: CacheMechanism) -> None:
    begin, end = markers(mechanism.name)
    section = PAGE.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0]
    cells = [row.removesuffix(" |").partition(" | ")[2] for row in section.splitlines()[2:]]
    for (operations, write), expected, cell in zip(OPERATIONS.values(), (FILL, CLEAN, DIRTY), cells, strict=True):
        told = timeline(last_operation(mechanism, operations, write=write))
        assert by_core(told, times=False) == expected[mechanism.name]
        shown = by_core(told, times=True) or "its own code alone"
        assert NUMBER.sub("", shown) == NUMBER.sub("", cell)  # python -m tests.mechanism_steps


def test_every_mechanism_has_its_steps() -> None:
    names = {one.name for one in MECHANISMS} - {"kernel"}
    assert FILL.keys() == CLEAN.keys() == DIRTY.keys() == names
