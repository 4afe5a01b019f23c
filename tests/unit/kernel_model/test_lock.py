"""Locks in virtual time: a core that comes while a lock is held waits, and no core waits for a later holder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_model.wait.lock import Lock, RwLock
from pffemu import compiled

pytestmark = pytest.mark.skipif(compiled.IN_USE, reason="compiled code takes no stand-in for a core")


class Core:
    """What a lock needs of a core. Taking one costs 10, from another core 5 more."""

    def __init__(self, index: int, clock: int = 0) -> None:
        self.index, self.clock, self.waited = index, clock, 0

    def charge(self, cost: str, units: int = 1) -> None:
        self.clock += {"kernel.lock": 10, "kernel.lock.transfer": 5}[cost] * units

    def wait_until(self, clock: int, why: str) -> int:
        assert why == "wait.uffd_lock"
        self.waited += max(0, clock - self.clock)
        self.clock = max(clock, self.clock)
        return self.clock


def hold(lock: Lock, core: Core, cycles: int, read: bool = False) -> tuple[int, int]:
    since = lock.acquire_read(core) if read else lock.acquire(core)  # type: ignore[attr-defined,arg-type]
    core.clock += cycles
    (lock.release_read if read else lock.release)(core, since)  # type: ignore[attr-defined,arg-type]
    return since, core.clock


def test_a_later_comer_waits_until_it_is_released() -> None:
    lock, first, second = Lock("wait.uffd_lock"), Core(0, 100), Core(1, 150)
    assert hold(lock, first, 200) == (100, 310)
    since, _ = hold(lock, second, 0)
    assert (since, second.waited, second.clock) == (310, 160, 310 + 15)


def test_between_two_holds_it_is_free() -> None:
    lock, first, second = Lock("wait.uffd_lock"), Core(0, 100), Core(1, 300)
    hold(lock, first, 100)
    first.clock = 1000
    hold(lock, first, 100)
    assert hold(lock, second, 10)[0] == 300


def test_its_own_core_never_waits_and_pays_no_transfer() -> None:
    lock, core = Lock("wait.uffd_lock"), Core(0)
    for _ in range(100):
        hold(lock, core, 3)
    assert (core.waited, core.clock) == (0, 100 * 13)


@pytest.mark.parametrize(("first_reads", "second_reads", "waits"), [(1, 1, False), (1, 0, True), (0, 1, True)])
def test_readers_share_writers_do_not(first_reads: int, second_reads: int, waits: bool) -> None:
    lock, first, second = RwLock("wait.uffd_lock"), Core(0, 100), Core(1, 150)
    hold(lock, first, 200, bool(first_reads))
    hold(lock, second, 10, bool(second_reads))
    assert (second.waited > 0) is waits


def test_who_holds_it_into_an_interval_that_is_fixed_is_held_up_for_its_length() -> None:
    """The second core took it earlier in virtual time, but came to the kernel later."""
    lock, first, second = Lock("wait.uffd_lock"), Core(0, 200), Core(1, 150)
    assert hold(lock, first, 90) == (200, 300)
    since, _ = hold(lock, second, 185)
    assert (since, second.waited, second.clock) == (150, 100, 150 + 15 + 185 + 100)


@pytest.mark.parametrize(("first_reads", "second_reads", "waits"), [(1, 1, 0), (1, 0, 110), (0, 1, 110), (0, 0, 110)])
def test_a_reader_is_held_up_by_writers_alone(first_reads: int, second_reads: int, waits: int) -> None:
    lock, first, second = RwLock("wait.uffd_lock"), Core(0, 200), Core(1, 150)
    hold(lock, first, 100, bool(first_reads))
    hold(lock, second, 185, bool(second_reads))
    assert second.waited == waits


def test_a_reader_that_comes_while_a_writer_waits_queues_behind_it() -> None:
    lock, first, writer, second = RwLock("wait.uffd_lock"), Core(0, 100), Core(1, 150), Core(2, 200)
    assert hold(lock, first, 200, read=True) == (100, 310)
    assert hold(lock, writer, 50) == (310, 310 + 15 + 50)
    assert hold(lock, second, 0, read=True)[0] == 375


def test_a_writer_that_downgrades_lets_readers_in_but_no_writer() -> None:
    lock, first, reader, writer = RwLock("wait.uffd_lock"), Core(0, 100), Core(1, 120), Core(2, 130)
    since = lock.acquire(first)  # type: ignore[arg-type]
    first.clock += 40
    since = lock.downgrade(first, since)  # type: ignore[arg-type]
    first.clock += 1000
    lock.release_read(first, since)  # type: ignore[arg-type]
    assert hold(lock, reader, 0, read=True)[0] == 150
    assert hold(lock, writer, 0)[0] == first.clock == 1150


def test_a_lock_that_is_not_charged_is_held_all_the_same() -> None:
    lock, first, second = Lock("wait.uffd_lock", charged=False), Core(0, 100), Core(1, 150)
    assert hold(lock, first, 200) == (100, 300)
    assert hold(lock, second, 0) == (300, 300)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(0, 40)), max_size=40))
def test_no_two_cores_start_to_hold_it_at_once(steps: list[tuple[int, int, int]]) -> None:
    """Cores come in the order of their clocks, as the machine lets them."""
    lock, cores, held = Lock("wait.uffd_lock"), [Core(i) for i in range(4)], []
    for _, think, cycles in steps:
        core = min(cores, key=lambda one: one.clock)
        core.clock += think
        since, until = hold(lock, core, cycles)
        assert not any(start <= since < end for start, end in held)
        held.append((since, until))
