"""A core's run queue: who runs next, and who takes the core from whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_model.sched.run_queue import RunQueue
from kernel_model.task.scheduling import BATCH, FIFO, IDLE, OTHER, Scheduling

if TYPE_CHECKING:
    from kernel_model.task.task import Task


@dataclass
class Thread:
    name: str
    scheduling: Scheduling = field(default_factory=Scheduling)


def thread(name: str, policy: int = OTHER) -> Task:
    return cast("Task", Thread(name, Scheduling(policy)))


def names(queue: RunQueue) -> list[str]:
    return [cast("Thread", task).name for task in queue.waiting]


@given(st.lists(st.sampled_from([OTHER, BATCH, IDLE])))
def test_those_of_sched_idle_wait_behind_all_others_in_the_order_they_came(policies: list[int]) -> None:
    queue = RunQueue()
    for number, policy in enumerate(policies):
        queue.put(thread(str(number), policy))
    numbers = range(len(policies))
    expected = [n for n in numbers if policies[n] != IDLE] + [n for n in numbers if policies[n] == IDLE]
    assert names(queue) == [str(n) for n in expected]


def turns(queue: RunQueue, number: int) -> list[str]:
    """Who runs in the next `number` turns, when none sleeps."""
    ran = []
    for _ in range(number):
        if queue.rotate():
            queue.current = queue.waiting.popleft()
        ran.append(cast("Thread", queue.current).name)
    return ran


def test_threads_take_turns_and_one_of_sched_idle_gets_one_in_341() -> None:
    queue = RunQueue(current=thread("a"))
    queue.put(thread("idle", IDLE))
    ran = turns(queue, 10 * 342)
    assert ran.count("idle") == 10
    queue.put(thread("b"))
    ran = turns(queue, 40)
    assert abs(ran.count("a") - ran.count("b")) <= 1


def test_threads_of_sched_idle_take_turns_among_themselves() -> None:
    queue = RunQueue(current=thread("a", IDLE))
    queue.put(thread("b", IDLE))
    assert turns(queue, 4) == ["b", "a", "b", "a"]


@pytest.mark.parametrize(
    ("running", "woken", "preemption", "gives_way"),
    [
        (IDLE, OTHER, False, True), (IDLE, BATCH, False, True), (IDLE, IDLE, True, False),
        (OTHER, OTHER, False, False), (OTHER, OTHER, True, True), (OTHER, FIFO, True, True),
        (OTHER, BATCH, True, False), (OTHER, IDLE, True, False), (BATCH, OTHER, True, True),
    ],
)  # fmt: skip
def test_who_takes_the_core(running: int, woken: int, preemption: bool, gives_way: bool) -> None:
    queue = RunQueue(current=thread("running", running))
    assert queue.gives_way(thread("woken", woken), wakeup_preemption=preemption) == gives_way
    assert not RunQueue().gives_way(thread("woken", woken), wakeup_preemption=preemption)


@pytest.mark.parametrize("dues", [(900, 950), (950, 900)])
def test_a_thread_of_sched_idle_runs_until_the_first_one_is_due(dues: tuple[int, int]) -> None:
    queue = RunQueue(current=thread("idle", IDLE), turn_ends=100)
    queue.put(thread("another", IDLE))
    for name, due in zip(("first", "second"), dues, strict=True):
        task = thread(name)
        queue.put(task)
        queue.give_way(task, due)
    assert (names(queue), queue.turn_ends) == (["first", "second", "another"], 900)


def test_with_wakeup_preemption_the_last_one_woken_is_the_next_and_no_turn_gets_longer() -> None:
    queue = RunQueue(current=thread("running"), turn_ends=1000)
    for name, due in (("first", 900), ("second", 1900)):
        task = thread(name)
        queue.put(task)
        queue.give_way(task, due)
    assert (names(queue), queue.turn_ends) == (["second", "first"], 900)
