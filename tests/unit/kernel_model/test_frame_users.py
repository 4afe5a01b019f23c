"""Counts of frames' users, in bulk and one by one, are those of a plain table."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_model.mm.frame_users import FRAMES, FrameUsers
from kernel_model.mm.frames import FrameAllocator
from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw.fill import SEARCHED
from pffemu.hw.ram import Ram

LAST = 3 * FRAMES  # frames in play, of four chunks
RUN = st.tuples(st.integers(FRAMES - 4, FRAMES + 4) | st.integers(1, LAST), st.integers(1, 700))
STEPS = st.lists(st.tuples(st.sampled_from(["share", "share many", "give back", "give back one"]), RUN), max_size=40)


def check(users: FrameUsers, model: Counter[int]) -> None:
    assert all(users.of(frame) == model[frame] for frame in range(0, 5 * FRAMES * PAGE_SIZE, PAGE_SIZE))
    assert users.chunks.keys() == {frame // PAGE_SIZE // FRAMES for frame, count in model.items() if count}
    users.check()


@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_counts_are_those_of_a_table(steps: list[tuple[str, tuple[int, int]]]) -> None:
    users, model = FrameUsers(), Counter[int]()
    for what, (first, count) in steps:
        start, size = first * PAGE_SIZE, count * PAGE_SIZE
        frames = range(start, start + size, PAGE_SIZE)
        if what.startswith("share"):
            for _ in range(130 if what == "share many" else 1):
                users.add(start, size)
                model.update(frames)
        else:
            free = users.drop(start, size) if what == "give back" else [at for at in frames if users.drop_one(at)]
            assert free == [frame for frame in frames if not model[frame]]
            model.subtract(frame for frame in frames if model[frame])
    check(users, model)


def test_lists_with_gaps_and_repetitions() -> None:
    frames = FrameAllocator(Ram(16 << 20))
    taken = [frames.take() for _ in range(10)]
    odd = [taken[3], taken[4], taken[7], taken[3], taken[0]]
    frames.share_all(odd)
    assert [frames.users(frame) for frame in taken] == [2, 1, 1, 3, 2, 1, 1, 2, 1, 1]
    frames.give_back_all(odd)
    assert not any(frames.is_shared(frame) for frame in taken)
    free = frames.free_frames
    frames.share(taken[9])
    frames.give_back_all([taken[9], taken[8], taken[9]])
    assert frames.free_frames == free + 2
    assert [frames.take(), frames.take()] == [taken[9], taken[8]]


@pytest.mark.parametrize("chunk", [bytearray(FRAMES - 1), bytearray([255]) + bytearray(FRAMES - 1)])
def test_counts_from_a_file_that_are_none(chunk: bytearray) -> None:
    users = FrameUsers()
    users.chunks[1] = chunk
    with pytest.raises(ValueError, match="0x200000"):
        users.check()


def test_frames_taken_together_are_those_taken_one_by_one() -> None:
    hole = (64 * PAGE_SIZE, 2 * PAGE_SIZE)
    rams = [Ram(1 << 20, (hole,)), Ram(1 << 20, (hole,))]
    together, one_by_one = map(FrameAllocator, rams)
    for frames, ram in zip((together, one_by_one), rams, strict=True):
        for frame in [frames.take() for _ in range(5)][1:4]:
            ram.frames[frame // PAGE_SIZE] = SEARCHED
            frames.give_back(frame)
    assert together.take_uncleared_all(10) == [one_by_one.take() for _ in range(10)]
    assert together.take_uncleared_all(60) == [one_by_one.take() for _ in range(60)]
    assert not any(rams[0].frames)
