"""The scheduler: one run queue a core; a thread stays on its core unless its affinity changes.

An idle core's clock stands still until a thread is woken on it. Which core runs next: core_order.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.sched.core_order import CoreOrder, deadline_of
from kernel_model.sched.processor_time import ProcessorTime
from kernel_model.sched.run_queue import QUANTUM, RunQueue
from kernel_model.task.scheduling import IDLE
from kernel_model.task.sleep import Sleep
from kernel_model.task.task import ALL_CORES, Task, TaskState
from kernel_model.time.timers import TimerList
from kernel_model.uintr.switch import UintrSwitch
from kernel_model.wait.queue import WaitQueue
from pffemu.events.fields import Label
from pffemu.events.kernel import ContextSwitch, ThreadBlocked, ThreadWoken
from pffemu.hw.interconnect import NEVER, Interconnect
from pffemu.hw.uintr_state import UintrState
from pffemu.hw.user_fault_state import UserFaultState
from pffemu.timing.profile import Profile

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from pffemu.hw.cpu import Cpu, SavedRegisters

RESCHEDULE_VECTOR: Final = 0xFD


class Scheduler:
    def __init__(self, cpus: list[Cpu], uintr: UintrSwitch, *, wakeup_preemption: bool = False) -> None:
        """`wakeup_preemption`: a thread that is woken takes its core from the thread that runs there.

        From one of SCHED_IDLE it does so in any case.
        """
        self._wakeup_preemption = wakeup_preemption
        self._cpus, self._uintr = cpus, uintr
        self.profile: Profile = cpus[0].profile
        self._interconnect: Interconnect = cpus[0].interconnect
        self._queues = [RunQueue() for _ in cpus]
        self.times = ProcessorTime(cpus, self._queues)
        self.sleepers: list[Task] = []  # blocked with a deadline
        self.order = CoreOrder(cpus, self._queues, self, wakeup_preemption=wakeup_preemption)
        self.timers = TimerList(self.order)
        self.running = cpus[0]  # the core whose kernel entry is in progress

    def idles(self, cpu: Cpu) -> bool:
        """Whether this core has no thread to run."""
        queue = self._queues[cpu.index]
        return queue.current is None and not queue.waiting

    @property
    def cores(self) -> int:
        """The number of cores."""
        return len(self._cpus)

    def core_for_work(self, cpu: Cpu) -> Cpu:
        """An idle core for work of the kernel's own; `cpu`, if there is none."""
        return next((core for core in self._cpus if self.idles(core)), cpu)

    def current(self, cpu: Cpu) -> Task:
        task = self._queues[cpu.index].current
        assert task is not None, f"core {cpu.index} runs nothing"
        return task

    def running_tid(self, cpu: Cpu) -> int:
        """Number of the running thread of `cpu`; 0: the core idles."""
        current = self._queues[cpu.index].current
        return 0 if current is None else current.tid

    def is_loaded(self, task: Task) -> bool:
        """Whether its core holds the thread's registers now."""
        return self._queues[task.cpu_index].loaded is task

    def registers_of(self, task: Task) -> SavedRegisters:
        """The thread's registers, wherever they are now."""
        loaded = self._queues[task.cpu_index].loaded is task
        return self._cpus[task.cpu_index].engine.save_registers() if loaded else task.registers

    def add(self, creator: Cpu, task: Task) -> None:
        """Put a new thread on the run queue of its core."""
        self.order.alone = None
        home = self._cpus[task.cpu_index]
        self._catch_up(home, creator)
        self._enqueue(task)
        self._preempt_for(creator, home, task, wakeup_preemption=False)

    def least_loaded(self, affinity: int = ALL_CORES) -> int:
        """The core for a thread with this `affinity`: the one with the fewest, lowest number first."""
        loads = [len(queue.waiting) + (queue.current is not None) for queue in self._queues]
        return min((core for core in range(len(loads)) if affinity >> core & 1), key=lambda core: (loads[core], core))

    def is_running(self, task: Task) -> bool:
        """Whether it is the running thread of its core."""
        return self._queues[task.cpu_index].current is task

    def affinity_of_running(self, cpu: Cpu) -> int:
        """The affinity that a new thread inherits from the running thread of `cpu`, its creator."""
        creator = self._queues[cpu.index].current
        return ALL_CORES if creator is None else creator.affinity

    def set_affinity(self, cpu: Cpu, task: Task, affinity: int) -> None:
        """Let `task` run only on these cores, at least one; a running thread leaves its core with the IPI sent here."""
        task.affinity = affinity
        if affinity >> task.cpu_index & 1:
            return
        if self._queues[task.cpu_index].current is task:
            home = self._cpus[task.cpu_index].apic.apic_id
            self._interconnect.send_to_id(cpu, RESCHEDULE_VECTOR, home)
        else:
            self._move(cpu, task)

    def reschedule(self, cpu: Cpu) -> None:
        """RESCHEDULE_VECTOR: move the running thread to another core if its affinity excludes this one.

        A thread that was woken since, and takes the core from that one, runs first.
        """
        task = self._queues[cpu.index].current
        if task is not None and not task.affinity >> cpu.index & 1:
            self._leave(cpu)
            self._move(cpu, task)
        else:
            self.tick(cpu)

    def _move(self, cpu: Cpu, task: Task) -> None:
        """Move `task`, which does not run, to a core that its affinity allows."""
        self.order.alone = None
        old = self._queues[task.cpu_index]
        if old.loaded is task:
            home = self._cpus[task.cpu_index]
            task.registers, old.loaded, home.uintr = home.engine.save_registers(), None, UintrState()
            home.user_faults = UserFaultState()
        if task in old.waiting:
            old.waiting.remove(task)
        task.cpu_index = self.least_loaded(task.affinity)
        if task.state is TaskState.RUNNABLE:
            self._catch_up(self._cpus[task.cpu_index], cpu)
            self._enqueue(task)

    def expire(self, best: Cpu | None, now: int) -> bool:
        """End the first sleep or fire the first timer that is due before `now`, when core `best` would run."""
        sleeper = min(self.sleepers, key=lambda task: (deadline_of(task), task.tid), default=None)
        timer = self.timers.first()
        deadline = NEVER if sleeper is None else deadline_of(sleeper)
        if best is not None:
            self.timers.somebody_runs()
        if timer is not None and timer.deadline < deadline:
            if timer.deadline > now or (best is None and self.timers.idle_in_vain()):
                return False
            self._until(self._cpus[timer.cpu_index], timer.deadline)
            self.timers.fire(self._cpus[timer.cpu_index], timer)
            return True
        if sleeper is None or deadline > now:
            return False
        self._time_out(sleeper)
        return True

    def _until(self, home: Cpu, deadline: int) -> None:
        """Let the clock of `home`, if it idles, pass to `deadline`."""
        if self.idles(home):
            home.wait_until(deadline)

    def tick(self, cpu: Cpu) -> None:
        """The core has run to the end of a slice: preempt its thread if the turn is over."""
        queue = self._queues[cpu.index]
        if queue.waiting and cpu.clock >= queue.turn_ends:
            self.preempt(cpu)

    def preempt(self, cpu: Cpu) -> None:
        """The running thread's turn is over; it queues up behind the others of its core."""
        queue = self._queues[cpu.index]
        if queue.current is not None and queue.waiting:
            cpu.charge("kernel.schedule")
            if not queue.rotate():
                queue.turn_ends = cpu.clock + QUANTUM
                return
            queue.current.usage.involuntary_switches += 1
            self._uintr.out(cpu, queue.current)
            queue.account(cpu)
            queue.current = None

    def switch_in(self, cpu: Cpu) -> Task:
        """Give the core to its current or next thread."""
        queue, self.running = self._queues[cpu.index], cpu
        if queue.current is not None:
            return queue.current
        task = queue.current = queue.waiting.popleft()
        queue.since, queue.user_since = cpu.clock, cpu.instruction_clock
        queue.turn_ends = queue.since + QUANTUM
        if queue.loaded is not task:
            if queue.loaded is not None:
                queue.loaded.registers = cpu.engine.save_registers()
            self._use(cpu, queue, task.process.mm)
            cpu.engine.load_registers(task.registers)
            queue.loaded = task
            cpu.set_tsd(task.settings.tsc_faults)
        previous, queue.last_tid = queue.last_tid, task.tid
        cpu.run_thread(task.tid)
        self._uintr.into(cpu, task)
        if previous != task.tid:
            if previous == 0:
                cpu.charge("kernel.schedule")  # of the idle thread; otherwise the thread that left was charged
            cpu.charge("kernel.context_switch")
            cpu.emit(ContextSwitch, previous)
        return task

    @staticmethod
    def _use(cpu: Cpu, queue: RunQueue, mm: Mm) -> None:
        if cpu.mmu.fill.root != mm.pages.root:
            cpu.mmu.fill.root = mm.pages.root
            cpu.flush_tlb(code=queue.mm is None or not mm.has_same_code(queue.mm))
            if mm.directed is not None or cpu.directed.context is not None:
                cpu.directed.load(mm.ram.words, mm.directed.context(cpu.index) if mm.directed is not None else None)
            queue.mm = mm

    def change_program(self, cpu: Cpu, task: Task) -> None:
        """execve: the running thread has another number and address space, and is not a receiver any more."""
        queue = self._queues[cpu.index]
        cpu.run_thread(task.tid)
        queue.last_tid = task.tid
        self._use(cpu, queue, task.process.mm)
        self._uintr.into(cpu, task)

    # -- sleeping and waking ------------------------------------------------------------------------------------

    def block(self, cpu: Cpu, task: Task, sleep: Sleep, resume: Label) -> None:
        """Put the running thread to sleep."""
        self.order.alone = None
        task.state = TaskState.BLOCKED
        task.usage.voluntary_switches += 1
        task.sleep = sleep
        for queue in sleep.queues:
            queue.tasks.append(task)
        if sleep.deadline is not None:
            self.sleepers.append(task)
        cpu.emit(ThreadBlocked, resume)
        cpu.charge("kernel.schedule")
        self._leave(cpu)

    def wake(self, waker: Cpu | None, task: Task) -> None:
        """Make a sleeping thread runnable. If its core idles, an IPI of the waker ends that."""
        self._stop_waiting(task)
        self.timers.somebody_runs()
        for timer in task.process.timers:
            timer.resume(waker or self._cpus[task.cpu_index])
        if task.process.posix_timers:
            task.process.posix_timers.resume(waker or self._cpus[task.cpu_index])
        task.state = TaskState.RUNNABLE
        home = self._cpus[task.cpu_index]
        if waker is not None:
            waker.charge("kernel.wake")
            self._catch_up(home, waker)
        self._enqueue(task)
        running = self._queues[home.index].current
        if running is not None and (self._wakeup_preemption or running.scheduling.policy == IDLE):
            self._preempt_for(waker, home, task, wakeup_preemption=self._wakeup_preemption)
        if waker is not None:
            waker.emit(ThreadWoken, task.tid, home.index)
        else:
            home.bus.emit(ThreadWoken(home.clock, home.index, 0, task.tid, home.index))

    def _preempt_for(self, waker: Cpu | None, home: Cpu, task: Task, *, wakeup_preemption: bool) -> None:
        """If `task`, woken on `home`, runs next: when the kernel returns there, or with an IPI of the waker."""
        queue, due = self._queues[home.index], home.clock
        if not queue.gives_way(task, wakeup_preemption=wakeup_preemption):
            return
        if waker is not None and waker is not home:
            waker.charge("cpu.ipi.send")
            self._interconnect.send_to_id(waker, RESCHEDULE_VECTOR, home.apic.apic_id)
            due = waker.clock + home.cycles_of("cpu.ipi.flight")
        queue.give_way(task, due)

    def _enqueue(self, task: Task) -> None:
        """Queue `task` on its core; the running thread gets another turn if no thread waited before."""
        home, queue = self._cpus[task.cpu_index], self._queues[task.cpu_index]
        if not queue.waiting and queue.turn_ends <= home.clock:
            queue.turn_ends = home.clock + QUANTUM
        if queue.waiting:
            queue.put(task)
        else:
            queue.waiting.append(task)
        if not queue.active:
            self.order.active_since = -1

    def _catch_up(self, home: Cpu, waker: Cpu) -> None:
        """Before a thread is queued on `home`: end its idling, if it idles, with an IPI from `waker`.

        If it is about to switch to a thread of SCHED_IDLE, which the other one would overtake, it does so first.
        """
        queue = self._queues[home.index]
        if home is waker or queue.current is not None:
            return
        if not queue.waiting:
            waker.charge("cpu.ipi.send")
            home.wait_until(waker.clock + home.cycles_of("cpu.ipi.flight"))
            home.charge("cpu.idle_wake")
        elif queue.waiting[0].scheduling.policy == IDLE:
            running = self.running
            self.switch_in(home)
            self.running = running

    def wake_all(self, waker: Cpu, queue: WaitQueue, events: int = 0) -> None:
        """Wake all threads on `queue`, and on epolls that watch it; `events`: what happened (POLL*; 0: unknown)."""
        if queue.tasks:
            for task in list(dict.fromkeys(queue.tasks)):
                self.wake(waker, task)
        served = False  # by an entry with EPOLLEXCLUSIVE
        for item in queue.items:
            if not (served and item.exclusive) and item.notify(events):
                served |= item.exclusive and bool(events and item.waiters.tasks)
                self.wake_all(waker, item.waiters)

    def _time_out(self, task: Task) -> None:
        self._until(self._cpus[task.cpu_index], deadline_of(task))
        if task.sleep is not None and task.sleep.for_timer:
            task.forget_fault(self._cpus[task.cpu_index])
        if task.sleep is not None:
            task.sleep.time_out()
        self.wake(None, task)

    def remove(self, task: Task) -> None:
        """The thread is dead: take it from every queue and from its core."""
        self._stop_waiting(task)
        task.state = TaskState.DEAD
        run_queue = self._queues[task.cpu_index]
        if task in run_queue.waiting:
            run_queue.waiting.remove(task)
        if run_queue.loaded is task:
            run_queue.loaded = None
        if run_queue.current is task:
            self._leave(self._cpus[task.cpu_index])

    def _stop_waiting(self, task: Task) -> None:
        self.order.alone = None
        if task.sleep is not None:
            for queue in task.sleep.queues:
                queue.tasks.remove(task)
            task.sleep.queues = ()
        if task in self.sleepers:
            self.sleepers.remove(task)

    def _leave(self, cpu: Cpu) -> None:
        queue = self._queues[cpu.index]
        assert queue.current is not None
        self._uintr.out(cpu, queue.current)
        queue.account(cpu)
        queue.current = None
        if not queue.waiting:
            queue.last_tid = 0
            cpu.run_thread(0)  # idle
