"""Sleeping threads: what ends a sleep, and what is left of it."""

from __future__ import annotations

import errno
import struct
from typing import Any

import pytest

from kernel_model.abi import uapi
from kernel_model.abi.uapi import Signal, Sys
from kernel_model.task.task import Task
from pffemu.events.kernel import SyscallReturned, ThreadBlocked, ThreadWoken
from tests.guest_tools import PAGE, REGION
from tests.puppets import LOAD, TIMER
from tests.sleeps import POLLFD, Stage
from tests.unit.kernel_model.sleep_invariants import check, uffds_of

MS = 1_000_000  # nanoseconds


@pytest.fixture
def stage() -> Stage:
    return Stage()


def thread(stage: Stage, tid: int) -> Task:
    task = stage.puppets.task(tid)
    assert task is not None
    return task


def cycles(stage: Stage, nanoseconds: int) -> int:
    return stage.machine.options.cpu.profile.to_cycles(nanoseconds)


def poll_results(stage: Stage) -> list[Any]:
    """The ends of polls from now on."""
    ends: list[Any] = []
    stage.machine.events.listeners[SyscallReturned] = lambda event: ends.append(event) if event.name == "poll" else None
    return ends


def now(stage: Stage) -> int:
    return max(cpu.clock for cpu in stage.machine.cpus)


@pytest.mark.parametrize(("timer", "result", "end"), [(5, -errno.EINTR, 5), (30, 0, 10)])
def test_a_poll_under_a_timer_keeps_its_own_deadline_when_it_starts_again(
    stage: Stage, timer: int, result: int, end: int
) -> None:
    """The timer's moment is not the call's: it ends the call as a user interrupt does."""
    puppets, ends = stage.puppets, poll_results(stage)
    assert puppets.answer_of(thread(stage, 2), 0, cycles(stage, timer * MS), kind=TIMER) == 0
    scratch = puppets.scratch_of(puppets.box(thread(stage, 2)))
    began = now(stage)
    blocked: list[Any] = []
    stage.machine.events.listeners[ThreadBlocked] = lambda e: blocked.append(e) if e.waits_for == "poll" else None
    puppets.tell(thread(stage, 2), Sys.POLL, scratch + POLLFD, 1, 10)
    puppets.run(30)
    for signal in (Signal.SIGSTOP, Signal.SIGCONT):
        puppets.hand(Sys.KILL, 2, signal)
    puppets.run(200)
    assert len(blocked) == 2
    assert [event.result for event in ends] == [result]
    assert 0 <= ends[-1].time - began - cycles(stage, end * MS) < cycles(stage, MS)


@pytest.mark.parametrize("way", ["poll", "futex"])
def test_a_page_that_is_missing_on_the_way_gives_a_call_no_more_time(stage: Stage, way: str) -> None:
    """The time begins when the call does; the page comes after most of it."""
    puppets, ends = stage.puppets, []
    stage.machine.events.listeners[SyscallReturned] = lambda event: ends.append(event) if event.name == way else None
    stage.copy(0, quiet=False)
    puppets.poke(1, REGION, struct.pack("<QQ", 0, 10 * MS))
    began = now(stage)
    operation = uapi.FUTEX_WAIT
    calls = {"poll": (Sys.POLL, REGION + PAGE, 1, 10), "futex": (Sys.FUTEX, REGION + PAGE, operation, 0, REGION)}
    puppets.tell(thread(stage, 2), *calls[way])
    puppets.run(30)
    assert "bring in" in thread(stage, 2).why
    puppets.poke(1, puppets.symbols["words"] + 32, struct.pack("<QQ", 0, 6 * MS))
    assert puppets.hand(Sys.NANOSLEEP, puppets.symbols["words"] + 32, 0) == 0
    ends.clear()
    stage.copy(1, quiet=False)
    puppets.run(200)
    late = [event for event in ends if event.tid == 2]
    assert [event.result for event in late] == [0 if way == "poll" else -errno.ETIMEDOUT]
    assert cycles(stage, 10 * MS) <= late[-1].time - began < cycles(stage, 11 * MS)


def test_a_timer_ends_the_wait_for_a_page_as_a_user_interrupt_does(stage: Stage) -> None:
    """The access that follows is a new one, whose fault waits for the first time."""
    puppets = stage.puppets
    woken: list[Any] = []
    stage.machine.events.listeners[ThreadWoken] = woken.append
    assert puppets.answer_of(thread(stage, 2), 0, 100_000, kind=TIMER) == 0
    puppets.tell(thread(stage, 2), 0, REGION, kind=LOAD)
    puppets.run(100)
    assert woken[-1].tid == 0
    waited = thread(stage, 2).waited_fault
    assert waited is not None
    assert not waited.is_major
    check(stage.machine.kernel, set())


def test_a_child_whose_fork_event_is_never_read_has_no_userfaultfd(stage: Stage) -> None:
    puppets = stage.puppets
    puppets.tell(thread(stage, 2), Sys.FORK, child=puppets.new_box())
    puppets.run(300)
    assert "take an event" in thread(stage, 2).why
    assert len(uffds_of(stage.machine.kernel)) == 2
    puppets.hand(Sys.KILL, 2, 9)
    puppets.run(300)
    check(stage.machine.kernel, set())
    assert [uffd.changing for uffd in uffds_of(stage.machine.kernel)] == [0]
    assert puppets.answer_of(thread(stage, 5), 0, REGION, kind=LOAD) == 0
