"""The block hook on its own: compiled and plain count alike, never past the limit, whatever the table holds."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pffemu.compiled import IN_USE
from pffemu.engine import block_counter, jit
from pffemu.engine.block_counter import BlockCounter, BlockLength
from pffemu.engine.count_block import DETAILS, EXECUTED, SLOTS, STOP, TIME, TIME_LIMIT

_HOOK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)
_STOP = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)
needs_numba = pytest.mark.skipif(not jit.available(), reason="numba is not installed, or PFFEMU_JIT=0")


replaceable = pytest.mark.skipif(IN_USE, reason="a compiled module cannot be given another engine")


def length_of(address: int, size: int) -> BlockLength:
    """Blocks of 2-byte instructions that take 5 each, except that 3 bytes are one REP instruction: 7 an iteration."""
    instructions = (size + 1) // 2
    return BlockLength(1, 7, True, 7) if size == 3 else BlockLength(instructions, 5 * instructions, False, 5)


class Counter:
    """A BlockCounter whose stops are counted instead of reaching Unicorn."""

    def __init__(self, compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stops = 0
        self.counter = BlockCounter(length_of, compiled)
        self._stop = _STOP(self._count_stop)
        self.counter.state[STOP] = ctypes.cast(self._stop, ctypes.c_void_p).value or 0
        monkeypatch.setattr(block_counter, "uclib", SimpleNamespace(uc_emu_stop=lambda _: self._count_stop(0, 0)))
        self._hook = _HOOK(self.counter.callback_address)

    def _count_stop(self, _uc: int, _: int) -> int:
        self.stops += 1
        return 0

    def enter(self, address: int, size: int) -> bool:
        """A block is about to run; False: it is told to stop."""
        before = self.stops
        self._hook(None, address, size, self.counter.user_data)
        self.counter.settle()
        return self.stops == before


blocks = st.tuples(
    st.integers(0, 40).map(lambda n: 0x400000 + 7 * n) | st.integers(0, (1 << 47) - 1), st.integers(1, 40)
)


@pytest.mark.parametrize(
    "compiled",
    [pytest.param(False, marks=replaceable), pytest.param(True, marks=needs_numba)],
    ids=["plain", "compiled"],
)
@given(limit=st.none() | st.integers(0, 100), entered=st.lists(blocks, max_size=60))
def test_blocks_count_their_instructions_up_to_the_limit(
    compiled: bool, limit: int | None, entered: list[tuple[int, int]]
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        hook = Counter(compiled, monkeypatch)
        hook.counter.set_limit(limit)
        executed, elapsed, previous_end = 0, 0, 0
        for address, size in entered:
            instructions, time, rep, _ = length_of(address, size)
            if rep and previous_end == address + size:
                instructions = 0  # one more iteration of the same REP instruction
            fits = limit is None or executed + instructions <= limit
            assert hook.enter(address, size) is fits
            if fits:
                executed += instructions
                elapsed += time
                previous_end = address + size
            assert (hook.counter.state[EXECUTED], hook.counter.state[TIME]) == (executed, elapsed)


@pytest.mark.parametrize(
    "compiled",
    [pytest.param(False, marks=replaceable), pytest.param(True, marks=needs_numba)],
    ids=["plain", "compiled"],
)
@given(limit=st.integers(0, 200), most=st.none() | st.integers(0, 60), entered=st.lists(blocks, max_size=60))
def test_a_time_limit_lets_exactly_those_blocks_run_whose_last_instruction_begins_before_it(
    compiled: bool, limit: int, most: int | None, entered: list[tuple[int, int]]
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        hook = Counter(compiled, monkeypatch)
        hook.counter.set_limit(most, limit)
        executed, elapsed, previous_end = 0, 0, 0
        for address, size in entered:
            instructions, time, rep, last = length_of(address, size)
            if rep and previous_end == address + size:
                instructions = 0
            fits = elapsed + time - last < limit and (most is None or executed + instructions <= most)
            assert hook.enter(address, size) is fits
            if fits:
                executed, elapsed, previous_end = executed + instructions, elapsed + time, address + size
            assert (hook.counter.state[EXECUTED], hook.counter.state[TIME]) == (executed, elapsed)


@pytest.mark.parametrize(
    "compiled",
    [pytest.param(False, marks=replaceable), pytest.param(True, marks=needs_numba)],
    ids=["plain", "compiled"],
)
@pytest.mark.parametrize("size", [3, 10], ids=["REP", "block"])
def test_no_known_block_runs_when_nothing_may(compiled: bool, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = Counter(compiled, monkeypatch)
    assert hook.enter(0x1000, size)
    hook.counter.set_limit(0)
    hook.counter.leave_block()
    for _ in range(3):
        assert not hook.enter(0x1000, size)
    hook.counter.set_limit(100)
    hook.counter.let_nothing_run(at_once=True)
    assert not hook.enter(0x1000, size)


@pytest.mark.parametrize(
    "compiled",
    [pytest.param(False, marks=replaceable), pytest.param(True, marks=needs_numba)],
    ids=["plain", "compiled"],
)
def test_counts_do_not_end_with_a_window(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = Counter(compiled, monkeypatch)
    monkeypatch.setattr(hook.counter, "_decode_length", lambda _address, _size: BlockLength(512, 1 << 34, False, 1))
    for _ in range(100):
        assert hook.enter(0x1000, 10)
    monkeypatch.setattr(hook.counter, "_decode_length", lambda _address, _size: BlockLength(1 << 23, 0, False, 0))
    for _ in range(100):
        assert hook.enter(0x2000, 10)
    monkeypatch.setattr(hook.counter, "_decode_length", lambda _address, _size: BlockLength(1, 1 << 50, False, 0))
    for _ in range(3):
        assert hook.enter(0x3000, 10)  # longer than a window
    counted = 100 * 512 + 100 * (1 << 23) + 3
    assert (hook.counter.state[EXECUTED], hook.counter.state[TIME]) == (counted, 100 * (1 << 34) + 3 * (1 << 50))


@needs_numba
@given(entered=st.lists(blocks, max_size=60))
def test_compiled_and_plain_leave_the_same_state_and_table(entered: list[tuple[int, int]]) -> None:
    states = []
    for compiled in (True, False):
        with pytest.MonkeyPatch.context() as monkeypatch:
            hook = Counter(compiled, monkeypatch)
            hook.counter.set_limit(60)
            for address, size in entered:
                hook.enter(address, size)
            states.append((hook.counter.state[: TIME_LIMIT + 1].tolist(), bytes(hook.counter.table.cast("B"))))
    assert states[0] == states[1]


@pytest.mark.parametrize(
    "compiled",
    [pytest.param(False, marks=replaceable), pytest.param(True, marks=needs_numba)],
    ids=["plain", "compiled"],
)
def test_more_blocks_than_a_slot_has_room_for_still_count_right(
    compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = Counter(compiled, monkeypatch)
    same_slot = [0x1000 + (n << 30) for n in range(20)]
    assert len({a % SLOTS for a in same_slot}) == 1
    for _ in range(3):
        for address in same_slot:
            assert hook.enter(address, 10)
    assert hook.counter.state[EXECUTED] == 3 * 20 * 5


def test_a_block_that_ended_early_gives_back_what_did_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = Counter(False, monkeypatch)
    hook.enter(0x1000, 10)
    assert hook.counter.unfinished(0x1004) == (3, 15)
    hook.counter.uncount(0x1004)
    assert (hook.counter.state[EXECUTED], hook.counter.state[TIME]) == (2, 10)
    assert hook.counter.unfinished(0x1004) == (0, 0)  # the block is left; nothing is given back twice
    hook.counter.uncount(0x1004)
    assert hook.counter.state[EXECUTED] == 2


def test_a_rip_outside_the_last_block_gives_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = Counter(False, monkeypatch)
    hook.enter(0x1000, 10)
    for rip in (0xFFF, 0x100A, 0):
        assert hook.counter.unfinished(rip) == (0, 0)


def test_forgetting_makes_every_block_unknown_again(monkeypatch: pytest.MonkeyPatch) -> None:
    hook = Counter(False, monkeypatch)
    hook.enter(0x1000, 10)
    assert any(hook.counter.table)
    hook.counter.forget()
    assert not any(hook.counter.table[:DETAILS])  # the rest is not looked at without
