"""A core's run queue: who runs next, and who takes the core from whom."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_model.sched.run_queue import RunQueue
from kernel_model.task.scheduling import BATCH, FIFO, IDLE, OTHER, Scheduling
from kernel_model.task.task import Task
from tests.guest_tools import load, plain_guest


@cache
def some_thread() -> Task:
    first = load(plain_guest("nop\n")).machine.kernel.first_process
    assert first is not None
    return first.tasks[0]


def thread(number: int, policy: int = OTHER) -> Task:
    return replace(some_thread(), tid=number, scheduling=Scheduling(policy))


def numbers(queue: RunQueue) -> list[int]:
    return [task.tid for task in queue.waiting]


@given(st.lists(st.sampled_from([OTHER, BATCH, IDLE])))
def test_those_of_sched_idle_wait_behind_all_others_in_the_order_they_came(policies: list[int]) -> None:
    queue = RunQueue()
    for number, policy in enumerate(policies):
        queue.put(thread(number, policy))
    came = range(len(policies))
    assert numbers(queue) == [n for n in came if policies[n] != IDLE] + [n for n in came if policies[n] == IDLE]


def turns(queue: RunQueue, number: int) -> list[int]:
    """Who runs in the next `number` turns, when none sleeps."""
    ran = []
    for _ in range(number):
        if queue.rotate():
            queue.current = queue.waiting.popleft()
        assert queue.current is not None
        ran.append(queue.current.tid)
    return ran


def test_threads_take_turns_and_one_of_sched_idle_gets_one_in_341() -> None:
    queue = RunQueue(current=thread(1))
    queue.put(thread(9, IDLE))
    ran = turns(queue, 10 * 342)
    assert ran.count(9) == 10
    queue.put(thread(2))
    ran = turns(queue, 40)
    assert abs(ran.count(1) - ran.count(2)) <= 1


def test_threads_of_sched_idle_take_turns_among_themselves() -> None:
    queue = RunQueue(current=thread(1, IDLE))
    queue.put(thread(2, IDLE))
    assert turns(queue, 4) == [2, 1, 2, 1]


@pytest.mark.parametrize(
    ("running", "woken", "preemption", "gives_way"),
    [
        (IDLE, OTHER, False, True), (IDLE, BATCH, False, True), (IDLE, IDLE, True, False),
        (OTHER, OTHER, False, False), (OTHER, OTHER, True, True), (OTHER, FIFO, True, True),
        (OTHER, BATCH, True, False), (OTHER, IDLE, True, False), (BATCH, OTHER, True, True),
    ],
)  # fmt: skip
def test_who_takes_the_core(running: int, woken: int, preemption: bool, gives_way: bool) -> None:
    queue = RunQueue(current=thread(1, running))
    assert queue.gives_way(thread(2, woken), wakeup_preemption=preemption) == gives_way
    assert not RunQueue().gives_way(thread(2, woken), wakeup_preemption=preemption)


@pytest.mark.parametrize("dues", [(900, 950), (950, 900)])
def test_a_thread_of_sched_idle_runs_until_the_first_one_is_due(dues: tuple[int, int]) -> None:
    queue = RunQueue(current=thread(1, IDLE), turn_ends=100)
    queue.put(thread(9, IDLE))
    for number, due in zip((2, 3), dues, strict=True):
        task = thread(number)
        queue.put(task)
        queue.give_way(task, due)
    assert (numbers(queue), queue.turn_ends) == ([2, 3, 9], 900)


def test_with_wakeup_preemption_the_last_one_woken_is_the_next_and_no_turn_gets_longer() -> None:
    queue = RunQueue(current=thread(1), turn_ends=1000)
    for number, due in ((2, 900), (3, 1900)):
        task = thread(number)
        queue.put(task)
        queue.give_way(task, due)
    assert (numbers(queue), queue.turn_ends) == ([3, 2], 900)
