"""Which core runs next, and how far: the one whose clock is furthest behind, until another one must come first.

All of it depends on virtual clocks alone, so that the same inputs give the same interleaving.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from kernel_model.sched.run_queue import QUANTUM, RunQueue
from kernel_model.task.scheduling import IDLE
from pffemu.hw.interconnect import NEVER, Interconnect

if TYPE_CHECKING:
    from kernel_model.task.task import Task
    from kernel_model.time.timers import TimerList
    from pffemu.hw.cpu import Cpu

_POLL_AHEAD: Final = 150  # cycles such a core may run ahead of one that stores what its thread polls


class Deadlines(Protocol):
    """The scheduler, as far as it lets time pass. `sleepers`: threads that are blocked with a deadline."""

    sleepers: list[Task]
    timers: TimerList

    def expire(self, best: Cpu | None, now: int) -> bool:
        """End the first sleep or fire the first timer that is due before `now`, when core `best` would run."""


class CoreOrder:
    """`alone`: the core with the only runnable thread, while no other core has an interrupt due; None: unknown.

    `active_since`: the interconnect's sequence number when the active cores were looked up; -1: another got a thread.
    """

    def __init__(
        self, cpus: list[Cpu], queues: list[RunQueue], scheduler: Deadlines, *, wakeup_preemption: bool
    ) -> None:
        self._queues, self._scheduler = queues, scheduler
        self._interconnect: Interconnect = cpus[0].interconnect
        # cycles a receiver may run ahead of a sender: no user interrupt arrives sooner
        self._uipi_look_ahead = sum(cpus[0].cycles_of(cost) for cost in ("cpu.uintr.senduipi", "cpu.ipi.flight"))
        # and of a waker whose IPI may preempt its thread
        ipi = sum(cpus[0].cycles_of(cost) for cost in ("kernel.wake", "cpu.ipi.send", "cpu.ipi.flight"))
        self._preemptible_ahead = min(QUANTUM, ipi)
        self._look_ahead = self._preemptible_ahead if wakeup_preemption else QUANTUM
        self._cores = list(zip(cpus, queues, strict=True))
        # those that have a thread or an interrupt to come, and maybe more; all others neither run nor end a turn
        self._active: list[tuple[Cpu, RunQueue]] = self._cores
        self.active_since = -1
        self.alone: Cpu | None = None
        self._alone_since = 0  # the interconnect's sequence number then: equal while no message was sent

    def goes_on(self) -> Cpu | None:
        """The core that is alone, if its thread runs on without a signal, event or interrupt first: the usual case."""
        cpu = self.alone
        if cpu is None or self._alone_since != self._interconnect.sequence:
            return None
        if cpu.event_at != NEVER or cpu.uintr.uirr:
            return None
        task = self._queues[cpu.index].current
        if task is None or task.sleep is not None or task.signals.due:
            return None
        return cpu

    def next_cpu(self) -> Cpu | None:
        """The core that runs next; None when every thread sleeps without a deadline."""
        if self.alone is not None and self._alone_since == self._interconnect.sequence:
            return self.alone
        scheduler = self._scheduler
        while True:
            if self.active_since != self._interconnect.sequence:
                self._find_active()
            best, best_time = None, NEVER
            for cpu, queue in self._active:
                if queue.current is None and not queue.waiting:
                    if cpu.event_at >= best_time:
                        continue
                    time = max(cpu.clock, cpu.event_at)
                else:
                    time = cpu.clock
                if time < best_time:
                    best, best_time = cpu, time
            if not (scheduler.sleepers or scheduler.timers.armed) or not scheduler.expire(best, best_time):
                return best

    def no_longer_alone(self) -> None:
        """Forget that one core runs alone: an armed timer may have to fire while it runs."""
        self.alone = None

    def is_ahead(self, cpu: Cpu) -> bool:
        """Whether another core with a thread or an interrupt is further behind and must run first."""
        if self.alone is cpu and self._alone_since == self._interconnect.sequence:
            return False
        if self.active_since != self._interconnect.sequence:
            self._find_active()
        clock = cpu.clock
        for other, queue in self._active:
            if (queue.current is not None or queue.waiting or other.event_at < clock) and other.clock < clock:
                return True
        return False

    def may_run_until(self, cpu: Cpu, clock: int) -> int:
        """Clock at which another core or timer must run, given that `cpu` is at `clock`; NEVER if no other can."""
        if self.alone is cpu and self._alone_since == self._interconnect.sequence:
            return NEVER
        own, uinv = self._queues[cpu.index], cpu.uintr.uinv
        task = own.current
        reachable = uinv and task is not None and task.is_receiver
        ahead = self._look_ahead
        if task is not None and task.polls_memory:
            ahead = _POLL_AHEAD
        elif task is not None and task.scheduling.policy == IDLE:
            ahead = self._preemptible_ahead
        end = own.turn_ends if own.waiting else NEVER
        if self.active_since != self._interconnect.sequence:
            self._find_active()
        for other, queue in self._active:
            if other is cpu:
                continue
            if queue.current is not None or queue.waiting:
                its = clock + (self._uipi_look_ahead if uinv and (reachable or other.uintr.uitt_enabled) else ahead)
                if its < end:
                    its += max(0, other.clock - clock)
            else:
                its = other.event_at
            if its < end:
                end = its
        for sleeper in self._scheduler.sleepers:
            end = min(end, deadline_of(sleeper))
        if self._scheduler.timers.armed:
            end = min(end, *(timer.deadline for timer in self._scheduler.timers.armed))
        if end == NEVER:
            self.alone, self._alone_since = cpu, self._interconnect.sequence
        return end

    def _find_active(self) -> None:
        self._active, self.active_since = [], self._interconnect.sequence
        for core in self._cores:
            cpu, queue = core
            queue.active = queue.current is not None or bool(queue.waiting) or cpu.event_at != NEVER
            if queue.active:
                self._active.append(core)


def deadline_of(task: Task) -> int:
    """The deadline of a thread that sleeps with one."""
    assert task.sleep is not None
    return task.sleep.deadline or 0
