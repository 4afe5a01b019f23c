"""One act of another core at every single point inside one operation: each pair in which something could go wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from kernel_model.abi import mman, uapi
from kernel_model.abi import uffd as uffd_abi
from pffemu import compiled
from pffemu.arch.paging import PAGE_SIZE
from tests.campaign import LONG
from tests.directed_cases import CF, COPY, FILLED, ZERO, world
from tests.directed_points import Interleaving
from tests.directed_world import AREA, PAGES, SOURCE, U, W, World

pytestmark = pytest.mark.skipif(compiled.IN_USE, reason="a method of a compiled class cannot be interrupted")
Operation = Callable[[World], object]
LENGTH = PAGES * PAGE_SIZE


def everywhere(
    prepare: Callable[[], World], operation: Operation, act: Operation, *, every: int = 1
) -> Iterator[tuple[World, object]]:
    """The world behind the operation and its result, for `every` such point at which the act came; all is checked."""
    for number in count(0, every):
        made = prepare()
        interleaving = Interleaving(made, iter(()))
        interleaving.script = {number: act}
        with interleaving.installed(), interleaving.operation():
            result = operation(made)
        if interleaving.points <= number:
            made.end()
            assert number > every
            return
        made.check()
        yield made, result
        made.end()


def filled(kind: int = ZERO, error_code: int = U, **options: int) -> World:
    made = world(kind, **options)
    assert made.resolve(0, AREA, error_code) == FILLED
    assert made.load(1, AREA) is not None
    return made


def test_two_cores_return_one_page_once() -> None:
    for made, result in everywhere(
        filled, lambda w: w.page_out(0, AREA, 1, True), lambda w: w.page_out(1, AREA, 1, True)
    ):
        assert made.memory is not None
        assert result in (0, CF)
        assert [made.memory.return_ring(core).count for core in (0, 1)].count(1) == 1


def test_a_returned_frame_that_the_kernel_moves_is_taken_once() -> None:
    def returned() -> World:
        made = world(frames=1)
        assert made.resolve(0, AREA) == FILLED
        assert made.page_out(0, AREA, 1, True) == 0
        return made

    for made, _ in everywhere(returned, lambda w: w.donate(0, 1), lambda w: w.resolve(0, AREA + PAGE_SIZE)):
        made.finish(0)
        made.resolve(0, AREA + 2 * PAGE_SIZE)
        made.check()


def test_a_page_that_returns_while_another_core_fills_it_again_has_two_records() -> None:
    for made, result in everywhere(filled, lambda w: w.page_out(0, AREA, 1, True), lambda w: w.resolve(1, AREA)):
        assert result == 0
        assert made.mm.pages.resident >= 0
        made.finish(1)
        assert made.resolve(1, AREA) in (FILLED, None)
        made.ioctl(uffd_abi.DRAIN, SOURCE, 8, 0, 0)
        made.settled()


def test_two_cores_fill_one_page_once_whatever_the_point() -> None:
    def prepared() -> World:
        made = world(quota=3)
        assert made.fault(0, AREA)
        return made

    for made, _ in everywhere(prepared, lambda w: w.finish(0), lambda w: w.resolve(1, AREA)):
        for core in (0, 1):
            made.finish(core)
        found = made.memory.directive(1) if made.memory is not None else None
        assert found is not None
        assert found.left == 2


def test_a_quota_of_one_is_one_page_for_two_cores() -> None:
    def prepared() -> World:
        made = world(quota=1)
        assert made.fault(0, AREA)
        return made

    for made, _ in everywhere(prepared, lambda w: w.finish(0), lambda w: w.resolve(1, AREA + PAGE_SIZE)):
        made.finish(0)
        made.finish(1)
        assert [made.load(0, AREA + page * PAGE_SIZE) for page in (0, 1)].count(0) <= 1


def test_a_page_that_another_process_writes_to_is_not_returned_meanwhile() -> None:
    """The writer's core has another address space loaded, so that no epoch waits for it."""

    def prepared() -> World:
        made = world(COPY, frames=1)
        made.name_pages(SOURCE + PAGE_SIZE, AREA)
        made.fork()
        assert made.resolve(0, AREA) == FILLED
        return made

    def writes(w: World) -> object:
        return w.child_writes()

    def returns(w: World) -> None:
        w.page_out(1, AREA, 1, True)
        for core in w.cores:
            core.flush_tlb()
        for page in (2, 3):  # one for the frame of its ring, one for that which has come back
            w.resolve(1, AREA + page * PAGE_SIZE)

    for made, result in everywhere(prepared, writes, returns):
        assert result == PAGE_SIZE or made.load(1, AREA) is None
        for page in (2, 3):
            assert made.load(1, AREA + page * PAGE_SIZE) in (0x5000 + page, None)


def test_a_ring_that_empties_while_it_is_refilled_asks_again() -> None:
    def prepared() -> World:
        made = World(1)
        assert made.rings(8, 4, 2) == 0
        made.donate(0, 4)
        assert made.direct(ZERO) == 1
        assert made.resolve(0, AREA) == FILLED
        made.kernel_cpu.arrivals.clear()
        return made

    def uses_all(w: World) -> None:
        for page in range(1, PAGES):
            w.resolve(0, AREA + page * PAGE_SIZE)

    for made, _ in everywhere(prepared, lambda w: w.refill(), uses_all):
        assert made.memory is not None
        assert made.memory.frame_ring(0).count or made.kernel_cpu.arrivals
        made.kernel_cpu.arrivals.clear()


CHANGES: dict[str, Operation] = {
    "munmap": lambda w: w.call("MUNMAP", AREA, LENGTH),
    "mprotect": lambda w: w.call("MPROTECT", AREA, LENGTH, uapi.PROT_READ),
    "mremap": lambda w: w.call("MREMAP", AREA, LENGTH, LENGTH, mman.MREMAP_MAYMOVE | mman.MREMAP_FIXED, 0x5000_0000),
    "discard": lambda w: w.call("MADVISE", AREA, LENGTH, uapi.MADV_DONTNEED),
    "free": lambda w: w.call("MADVISE", AREA, LENGTH, mman.MADV_FREE),
    "mlock": lambda w: w.call("MLOCK2", AREA, LENGTH, 1),
    "fork": lambda w: w.fork(),
    "revoke": lambda w: w.revoke(1),
    "kill": lambda w: w.kill(),
    "reclaim": lambda w: w.rings(8),
    "recycle": lambda w: w.donate(0, 2),
    "donated pages": lambda w: w.donate(0, 1, AREA),
    "zeropage": lambda w: w.ioctl(uffd_abi.ZEROPAGE, AREA + PAGE_SIZE, PAGE_SIZE, 0, 0),
    "copy": lambda w: w.ioctl(uffd_abi.COPY, AREA + PAGE_SIZE, SOURCE, PAGE_SIZE, 0, 0),
    "move": lambda w: w.ioctl(uffd_abi.MOVE, AREA + PAGE_SIZE, SOURCE, PAGE_SIZE, 0, 0),
    "write protection": lambda w: w.ioctl(uffd_abi.WRITEPROTECT, AREA, LENGTH, 1),
    "unregister": lambda w: w.ioctl(uffd_abi.UNREGISTER, AREA, LENGTH),
    "close": lambda w: w.call("CLOSE", 3),
    "copy to user": lambda w: w.copy_to_user(AREA + PAGE_SIZE, b"copied!!"),
    "transfer": lambda w: w.transfer(SOURCE, AREA, writes=True),
    "references": lambda w: w.clear_references(),
    "drain": lambda w: w.ioctl(uffd_abi.DRAIN, SOURCE, 8, 0, 0),
}


def _resolve_both(w: World) -> None:
    """Two pages, of which the kernel may be about to look at one."""
    w.resolve(1, AREA + PAGE_SIZE, U | W)
    w.resolve(1, AREA)


ACTS: dict[str, Operation] = {
    "fill": _resolve_both,
    "return": lambda w: w.page_out(1, AREA, 1, True),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_core_acts_at_every_point_of_a_change(change: str, act: str) -> None:
    """Every fourth point, of short operations and under PFFEMU_LONG each."""
    every = 1 if LONG or change in ("references", "free") else 4
    for made, _ in everywhere(lambda: filled(COPY), CHANGES[change], ACTS[act], every=every):
        for core in (0, 1):
            made.finish(core)
        assert not made.alive or made.load(1, AREA) in (0x5000, None)
        made.check()
