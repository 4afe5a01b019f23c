"""Which fault an event belongs to, with faults of several threads interleaved, nested and abandoned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pffemu.events.fault_tracker import FaultLife, FaultTracker
from pffemu.events.faults import DEEPEST, FORWARDED, USERFAULTFD, Faults
from pffemu.events.fields import Hex, Label
from pffemu.events.hw import HandlerEntered, Resumed, Uiret, WalkRefused
from pffemu.events.kernel import (
    ContextSwitch,
    FaultAbandoned,
    KernelPageFault,
    MinorFault,
    Syscall,
    SyscallReturned,
    ThreadWoken,
)
from pffemu.events.signals import SignalDelivered, SignalReturned
from pffemu.events.userfaultfd import MessageQueued, MessageRead, PageInstalled
from pffemu.report.stages import StageCollector

IOCTL, READ, SIGBUS = Label("ioctl"), Label("read"), Label("SIGBUS")
PAGE, RIP = Hex(0x7000), Hex(0x400000)


def refused(time: int, tid: int, number: int) -> WalkRefused:
    return WalkRefused(time, 0, tid, RIP, PAGE, 4, number)


def numbers(lives: Sequence[FaultLife]) -> list[int]:
    return [life.number for life in lives]


def test_a_number_decides_and_else_what_the_thread_does() -> None:
    tracker = FaultTracker()
    assert numbers(tracker(Syscall(0, 0, 1, 0, READ, RIP))) == []
    assert numbers(tracker(refused(1, 1, 1))) == [1]
    assert numbers(tracker(refused(2, 2, 2))) == [2]
    assert numbers(tracker(HandlerEntered(3, 0, 1, RIP, 1))) == [1]
    assert numbers(tracker(Syscall(4, 0, 1, 16, IOCTL, RIP))) == [1]
    assert numbers(tracker(Syscall(4, 0, 3, 16, IOCTL, RIP))) == []
    (life,) = tracker(Resumed(9, 0, 1, RIP, 1, FORWARDED))
    assert (life.start, life.end, life.path, life.in_handler) == (1, 9, FORWARDED, True)
    assert numbers(tracker(Syscall(10, 0, 1, 0, READ, RIP))) == []


def test_a_reader_handles_every_fault_whose_message_it_has_read_until_it_wakes_the_thread() -> None:
    tracker = FaultTracker()
    for tid in (1, 2):
        tracker(refused(0, tid, tid))
        tracker(MessageQueued(1, 0, tid, 3, PAGE, 0, tid))
        tracker(MessageRead(2, 1, 9, 3, PAGE, tid))
    lives = tracker(Syscall(3, 1, 9, 16, IOCTL, RIP))
    assert numbers(lives) == [1, 2]
    assert all(life.is_handled_by(9) and not life.is_handled_by(life.tid) for life in lives)
    assert numbers(tracker(ThreadWoken(4, 1, 9, 1, 0))) == [1]
    assert numbers(tracker(SyscallReturned(5, 1, 9, IOCTL, 0))) == [2]
    assert numbers(tracker(ContextSwitch(6, 0, 1, 0))) == [1]


def test_a_fault_within_a_handler_lies_inside_the_handled_one() -> None:
    tracker = FaultTracker()
    tracker(refused(0, 1, 1))
    tracker(HandlerEntered(1, 0, 1, RIP, 1))
    (inner,) = tracker(refused(2, 1, 2))
    (outer,) = tracker(Resumed(9, 0, 1, RIP, 1, FORWARDED))  # the handler left the inner one behind
    assert inner.is_within(outer)
    assert not outer.is_within(inner)
    assert (inner.end, inner.path, outer.path) == (9, "", FORWARDED)
    assert numbers(tracker(Resumed(10, 0, 1, RIP, 2, FORWARDED))) == []


def test_a_delivery_that_cannot_push_begins_a_fault_in_the_kernel() -> None:
    tracker = FaultTracker()
    (life,) = tracker(KernelPageFault(3, 0, 1, PAGE, 1, 1))
    assert (life.number, life.start) == (1, 3)
    assert numbers(tracker(KernelPageFault(4, 0, 2, PAGE, 0, 0))) == []  # the kernel's own access


def test_faults_begun_before_it_listened_are_left_out() -> None:
    tracker = FaultTracker()
    assert tracker(Resumed(1, 0, 1, RIP, 7, FORWARDED)) == ()
    assert tracker(HandlerEntered(1, 0, 1, RIP, 8)) == ()


def test_the_oldest_of_too_many_faults_inside_each_other_is_forgotten() -> None:
    tracker = FaultTracker()
    for number in range(1, DEEPEST + 2):
        tracker(refused(number, 1, number))
    assert tracker(Resumed(20, 0, 1, RIP, 1, FORWARDED)) == ()
    assert numbers(tracker(Resumed(21, 0, 1, RIP, 2, FORWARDED))) == [2]
    assert tracker.innermost(1) is None


def test_abandoned_faults_have_no_latency_but_took_the_threads_time() -> None:
    stages = StageCollector()
    for event in (
        refused(10, 1, 1), MessageQueued(20, 0, 1, 3, PAGE, 0, 1), FaultAbandoned(50, 0, 1, 1, Label("interrupted")),
        refused(60, 1, 2), KernelPageFault(65, 0, 1, PAGE, 1, 2), Resumed(70, 0, 1, RIP, 2, Label("kernel")),
    ):  # fmt: skip
        stages(event)
    assert {path: list(costs.latencies) for path, costs in stages.costs().items()} == {"kernel": [10]}
    assert stages.spent[1] == 40 + 10


TIDS = st.integers(1, 4)


class Threads(RuleBasedStateMachine):
    """Threads that fault, handle, sleep and die in any order; a model that knows each fault from its number alone."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker, self.stages, self.faults = FaultTracker(), StageCollector(), Faults()
        self.time = 0
        self.stack: dict[int, list[int]] = {}  # by thread: numbers, innermost last
        self.asleep: dict[int, int] = {}  # thread -> number
        self.served: dict[int, list[int]] = {}  # reader -> numbers
        self.started: dict[int, int] = {}
        self.latencies: dict[str, list[int]] = {}

    def emit(self, kind: Any, tid: int, *fields: Any, belongs: list[int]) -> None:
        self.time += 1
        event = kind(self.time, 0, tid, *fields)
        self.stages(event)
        assert numbers(self.tracker(event)) == belongs

    def over(self, tid: int, number: int, path: str) -> None:
        stack = self.stack[tid]
        for gone in stack[stack.index(number) :]:
            self.leave(gone)
        del stack[stack.index(number) :]
        if path:
            self.latencies.setdefault(path, []).append(self.time + 1 - self.started[number])

    def leave(self, number: int) -> None:
        for served in self.served.values():
            if number in served:
                served.remove(number)

    def awake(self, tid: int) -> bool:
        return tid not in self.asleep

    def refuse(self, tid: int) -> int:
        stack = self.stack.setdefault(tid, [])
        if len(stack) == DEEPEST:
            self.leave(stack.pop(0))
        number = self.faults.begin(tid, RIP + len(stack))
        stack.append(number)
        self.started[number] = self.time + 1
        self.emit(WalkRefused, tid, RIP, PAGE, 4, number, belongs=[number])
        return number

    @rule(tid=TIDS)
    def kernel_resolves(self, tid: int) -> None:
        if self.awake(tid):
            number = self.refuse(tid)
            self.emit(KernelPageFault, tid, PAGE, 1, number, belongs=[number])
            self.emit(MinorFault, tid, PAGE, Label("zero"), number, belongs=[number])
            self.resume(tid)

    def resume(self, tid: int) -> None:
        number, path = self.faults.end(tid)
        self.over(tid, number, path)
        self.emit(Resumed, tid, RIP, number, path, belongs=[number])

    @rule(tid=TIDS)
    def handler_begins(self, tid: int) -> None:
        if self.awake(tid):
            number = self.refuse(tid)
            assert self.faults.take(tid, FORWARDED) == number
            self.emit(HandlerEntered, tid, RIP, number, belongs=[number])

    @rule(tid=TIDS)
    def signal_handler_begins(self, tid: int) -> None:
        if self.awake(tid):
            number = self.refuse(tid)
            self.emit(KernelPageFault, tid, PAGE, 1, number, belongs=[number])
            assert self.faults.take(tid, SIGBUS) == number
            self.emit(SignalDelivered, tid, 7, 2, RIP, Hex(0), number, belongs=[number])

    @rule(tid=TIDS, depth=st.integers(0, DEEPEST))
    def handler_returns(self, tid: int, depth: int) -> None:
        """Mostly to the innermost fault; past others if it jumps."""
        stack = self.stack.get(tid)
        if not stack or not self.awake(tid):
            return
        wanted = stack[-1 - min(depth // 2, len(stack) - 1)]
        at = next(fault.rip for fault in self.faults._open[tid] if fault.number == wanted)
        number, path = self.faults.end_at(tid, at, self.faults._open[tid][stack.index(wanted)].path)
        assert number in stack
        if path == FORWARDED:
            self.emit(Uiret, tid, RIP, 1, number, belongs=[number])
        self.over(tid, number, path)
        if path == FORWARDED:
            self.emit(Resumed, tid, RIP, number, path, belongs=[number])
        else:
            self.emit(SignalReturned, tid, RIP, number, path, belongs=[number])

    @rule(tid=TIDS)
    def message_is_queued(self, tid: int) -> None:
        if self.awake(tid):
            number = self.refuse(tid)
            self.faults.take(tid, USERFAULTFD)
            self.emit(MessageQueued, tid, 3, PAGE, 0, number, belongs=[number])
            self.asleep[tid] = number

    @precondition(lambda self: self.asleep)
    @rule(data=st.data(), reader=st.integers(5, 6))
    def message_is_read(self, data: st.DataObject, reader: int) -> None:
        number = self.asleep[data.draw(st.sampled_from(sorted(self.asleep)))]
        if not any(number in served for served in self.served.values()):
            self.served.setdefault(reader, []).append(number)
            self.emit(MessageRead, reader, 3, PAGE, number, belongs=[number])

    @precondition(lambda self: self.asleep)
    @rule(data=st.data(), waker=st.integers(5, 6))
    def sleeper_is_woken(self, data: st.DataObject, waker: int) -> None:
        tid = data.draw(st.sampled_from(sorted(self.asleep)))
        number = self.asleep.pop(tid)
        self.emit(PageInstalled, waker, PAGE, number, belongs=[number])
        self.leave(number)
        self.emit(ThreadWoken, waker, tid, 0, belongs=[number])
        self.emit(ContextSwitch, tid, 0, belongs=[number])
        self.resume(tid)

    @precondition(lambda self: self.asleep)
    @rule(data=st.data())
    def sleeper_is_interrupted(self, data: st.DataObject) -> None:
        tid = data.draw(st.sampled_from(sorted(self.asleep)))
        del self.asleep[tid]
        number, _ = self.faults.end(tid)
        self.over(tid, number, "")
        self.emit(FaultAbandoned, tid, number, Label("interrupted"), belongs=[number])

    @rule(tid=TIDS)
    def thread_is_killed(self, tid: int) -> None:
        self.asleep.pop(tid, None)
        number = self.faults.forget(tid)
        if number:
            self.over(tid, number, "")
            self.emit(FaultAbandoned, tid, number, Label("exited"), belongs=[number])

    @rule(tid=st.integers(1, 6))
    def calls(self, tid: int) -> None:
        if self.awake(tid):
            own = self.stack.get(tid)
            belongs = [own[-1]] if own else list(self.served.get(tid, ()))
            self.emit(Syscall, tid, 16, IOCTL, RIP, belongs=belongs)
            self.emit(SyscallReturned, tid, IOCTL, 0, belongs=belongs)

    @rule(tid=TIDS)
    def user_interrupt(self, tid: int) -> None:
        """A handler that belongs to no fault."""
        if self.awake(tid):
            own = self.stack.get(tid)
            belongs = [own[-1]] if own else []
            self.emit(HandlerEntered, tid, RIP, 0, belongs=belongs)
            self.emit(Uiret, tid, RIP, 1, 0, belongs=belongs)

    @invariant()
    def latencies_are_told_by_path(self) -> None:
        told = {path: list(costs.latencies) for path, costs in self.stages.costs().items()}
        assert told == self.latencies
        assert all(costs.total == sum(costs.latencies) for costs in self.stages.costs().values())


TestThreads = Threads.TestCase
TestThreads.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
