"""Sleeping threads, woken, signalled, killed and interrupted in any order: no wake-up is lost, no queue keeps the dead.

Each rule makes calls by the hand (tests.puppets), so that all that happens is what guest code can do. At the end the
hand ends every sleep there is; a thread that sleeps on has been forgotten. Then the whole run is done again.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kernel_model.abi import uapi
from kernel_model.abi.signal import SA_RESTART
from kernel_model.abi.uapi import Signal, Sys
from pffemu.events.trace import TraceHash
from pffemu.state import snapshot
from pffemu.state.machine_hash import machine_hash
from tests.campaign import rounds
from tests.puppets import SENDUIPI, TIMER
from tests.sleeps import AWAITED, PAGES, WAYS, Stage
from tests.unit.kernel_model.sleep_invariants import check

_PRIVATE = uapi.FUTEX_PRIVATE_FLAG
_SIGNALS = (
    Signal.SIGURG, Signal.SIGUSR1, Signal.SIGUSR2, Signal.SIGSTOP, Signal.SIGCONT, AWAITED
)  # fmt: skip


@functools.cache
def stage_and_start() -> tuple[Stage, snapshot.Snapshot]:
    """One machine for all runs."""
    stage = Stage()
    return stage, snapshot.take(stage.machine)


def asleep(**arguments: Any) -> Callable[[Callable[..., None]], Any]:
    """A rule for which every idle thread is sent to sleep first."""

    def wrap(function: Callable[..., None]) -> Any:
        @functools.wraps(function)
        def act(self: SleepingThreads, **drawn: Any) -> None:
            self.send_to_sleep()
            function(self, **drawn)

        return rule(**arguments)(act)

    return wrap


class SleepingThreads(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ways: Iterator[str] = iter(())
        self.early = False
        self.stage, start = stage_and_start()
        snapshot.put_back(self.stage.machine, start)
        self.stage.begin()
        self.machine, self.puppets = self.stage.machine, self.stage.puppets
        self.trace = TraceHash()
        self.machine.events.sinks = [self.trace]

    # -- threads fall asleep --------------------------------------------------------------------------------------

    @initialize(ways=st.lists(st.sampled_from(list(WAYS)), min_size=8, max_size=40), early=st.booleans())
    def choose_ways(self, ways: list[str], early: bool) -> None:
        """`early`: what wakes threads also comes while they are on their way to sleep."""
        self.ways, self.early = itertools.cycle(ways), early

    def send_to_sleep(self) -> None:
        """Every idle thread goes the next way. It is no rule: hypothesis leaves some of them out of whole runs."""
        for task in self.stage.sleepy():
            way = WAYS[next(self.ways)]
            if (task.tid in self.stage.vectors or not way.receivers_only) and (self.puppets.has_boxes or not way.child):
                self.stage.sleep(task, way)
        for _ in range(5 if self.early else 60):
            if not self.stage.is_awake():
                break  # with a larger budget time would pass until one of them wakes
            self.puppets.run(2)

    @precondition(lambda self: self.puppets.has_boxes and len(self.puppets.tasks()) < 5)
    @asleep()
    def new_group(self) -> None:
        self.stage.new_group()

    # -- time passes ----------------------------------------------------------------------------------------------

    @asleep(budget=st.sampled_from((1, 30, 300, 3000)))
    def run_on(self, budget: int) -> None:
        self.puppets.run(budget)

    @asleep(budget=st.sampled_from((5, 200, 2000)))
    def go_back(self, budget: int) -> None:
        """What follows a snapshot follows it again; that it was the whole state, `do_again` finds."""
        kept, commands = snapshot.take(self.machine), self.stage.copy_of_commands()
        traces = []
        for _ in range(2):
            trace = TraceHash()
            self.machine.events.sinks = [trace]
            self.machine.run(budget)
            traces.append(trace.hexdigest())
            snapshot.put_back(self.machine, kept)
        assert traces[0] == traces[1]
        self.stage.commands = commands
        self.machine.events.sinks = [self.trace]

    # -- and are woken --------------------------------------------------------------------------------------------

    @asleep(size=st.sampled_from((1, 20)))
    def write_pipe(self, size: int) -> None:
        if not self.stage.pipe_is_full():
            self.puppets.hand(Sys.WRITE, self.stage.pipe[1], self.stage.zeros, size)

    @asleep(big=st.booleans(), size=st.sampled_from((1, 4096, 9000)))
    def read_pipe(self, big: bool, size: int) -> None:
        fd = self.stage.pipe[0] if big else self.stage.small[0]
        if self.stage.has_data(fd):
            self.puppets.hand(Sys.READ, fd, self.stage.sink, size)

    @asleep(count=st.integers(1, 3), other=st.booleans())
    def futex_wake(self, count: int, other: bool) -> None:
        word = self.stage.other_word if other else self.stage.word
        self.puppets.hand(Sys.FUTEX, word, uapi.FUTEX_WAKE | _PRIVATE, count)

    @asleep(count=st.integers(0, 2), moved=st.integers(0, 3), back=st.booleans())
    def futex_requeue(self, count: int, moved: int, back: bool) -> None:
        words = (self.stage.word, self.stage.other_word)[:: -1 if back else 1]
        self.puppets.hand(Sys.FUTEX, words[0], uapi.FUTEX_REQUEUE | _PRIVATE, count, moved, words[1])

    @asleep(page=st.integers(0, PAGES - 1), quiet=st.booleans())
    def uffd_copy(self, page: int, quiet: bool) -> None:
        self.stage.copy(page, quiet=quiet)

    @asleep(page=st.integers(0, PAGES - 1))
    def uffd_wake(self, page: int) -> None:
        self.stage.wake(page)

    @asleep()
    def read_message(self) -> None:
        self.stage.read_message()

    @asleep(signo=st.sampled_from(_SIGNALS), number=st.integers(0, 63), to_thread=st.booleans())
    def send_signal(self, signo: int, number: int, to_thread: bool) -> None:
        tasks = self.stage.others()
        if tasks:
            task = tasks[number % len(tasks)]
            pid = task.process.pid
            if to_thread:
                self.puppets.hand(Sys.TGKILL, pid, task.tid, signo)
            else:
                self.puppets.hand(Sys.KILL, pid, signo)

    @asleep(number=st.integers(0, 63), chance=st.integers(0, 3))
    def kill(self, number: int, chance: int) -> None:
        tasks = self.stage.others()
        if tasks and chance == 0:
            self.puppets.hand(Sys.KILL, tasks[number % len(tasks)].process.pid, Signal.SIGKILL)

    @asleep(restart=st.booleans(), number=st.integers(0, 63))
    def handle_sigcont(self, restart: bool, number: int) -> None:
        idle = [task for task in self.stage.sleepy() if self.stage.is_undisturbed(task)]
        if idle:
            self.stage.act(idle[number % len(idle)], Signal.SIGCONT, SA_RESTART if restart else 0)

    @precondition(lambda self: self.stage.receivers())
    @asleep(number=st.integers(0, 63))
    def post_user_interrupt(self, number: int) -> None:
        receivers = self.stage.receivers()
        tid = receivers[number % len(receivers)].tid
        self.stage.expect_interrupt(tid)
        self.puppets.hand(0, self.stage.vectors[tid], kind=SENDUIPI)

    @precondition(lambda self: self.stage.receivers())
    @asleep(number=st.integers(0, 63), cycles=st.sampled_from((2_000, 100_000, 5_000_000)))
    def arm_timer(self, number: int, cycles: int) -> None:
        receivers = [task for task in self.stage.receivers() if task in self.stage.sleepy()]
        if receivers:
            task = receivers[number % len(receivers)]
            self.stage.timers.add(task.tid)
            self.puppets.tell(task, 0, cycles, kind=TIMER)
            self.puppets.run(60)

    @asleep()
    def reap(self) -> None:
        self.puppets.hand(Sys.WAIT4, (1 << 64) - 1, 0, uapi.WNOHANG, 0)

    # -- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def all_is_well(self) -> None:
        check(self.machine.kernel, self.stage.quiet_pages)
        self.stage.look()

    def teardown(self) -> None:
        try:
            self.stage.end_all_sleeps()
            check(self.machine.kernel, self.stage.quiet_pages)
            self.do_again()
        finally:
            self.machine.events.sinks = []

    def do_again(self) -> None:
        """The same sequence gives the same trace and the same end."""
        first = machine_hash(self.machine), self.trace.hexdigest()
        stage, start = stage_and_start()
        log = list(self.puppets.log)
        snapshot.put_back(self.machine, start)
        trace = TraceHash()
        self.machine.events.sinks = [trace]
        stage.begin()
        for what in log:
            self.puppets.repeat(*what)
        assert (machine_hash(self.machine), trace.hexdigest()) == first


SleepingThreads.TestCase.settings = settings(
    max_examples=rounds(20, 500), stateful_step_count=rounds(30, 100), deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
TestSleepingThreads = SleepingThreads.TestCase
