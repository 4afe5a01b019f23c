"""A debugging session over a machine: move, stop, look, go back. Every front-end (gdb, line mode, panes) drives this.

Movements come in pairs: each has its reverse. `begin` starts one and `wait` waits for its end, `move` does both; until
then only `interrupt` may be called. A session never changes what the guest does, except through `write_memory`,
`write_register` and signals sent or dropped: then the recorded run after that moment is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, Final

from kernel_model.abi.uapi import LinuxError
from kernel_model.mm import forced_access
from kernel_model.signal import send as signal_send
from kernel_model.task.siginfo import SigInfo
from kernel_model.task.signals import bit
from kernel_model.task.task import Process, Task
from pffemu.arch.frames import words_of
from pffemu.arch.registers import MASK64
from pffemu.debug import leaving, stepping
from pffemu.debug.breakpoints import Breakpoints
from pffemu.debug.halt import Halt, Why
from pffemu.debug.journal import Journal
from pffemu.debug.moment import Moment
from pffemu.debug.seen import code_at, seen
from pffemu.debug.stepping import Movement
from pffemu.debug.stops import Stops
from pffemu.debug.travel import Travel
from pffemu.debug.unwind import Frame, PushedFrame, Unwinder, registers_of
from pffemu.debug.view import open_frames
from pffemu.debug.worker import Worker
from pffemu.errors import UsageError
from pffemu.events.details import SignalTaken
from pffemu.hw.cpu import Cpu, SavedRegisters
from pffemu.machine.elf_frames import CallFrames, FrameRule
from pffemu.machine.elf_locals import Local, Scopes
from pffemu.machine.elf_variables import Variable
from pffemu.machine.machine import Machine
from pffemu.machine.memory import GuestMemory
from pffemu.machine.symbols import SymbolTable

_TICK: Final = 0.05  # seconds between two requests to stop: the engine loses one that comes between two slices


class Session:
    """One session. `halt`: where the guest stopped and why; `tid`: the thread that is looked at."""

    def __init__(
        self,
        machine: Machine,
        call_frames: CallFrames | None = None,
        read_variables: Callable[[], Mapping[str, Variable]] = dict,
        read_locals: Callable[[], Sequence[Local]] = tuple,
    ) -> None:
        """`machine` has a program loaded; `call_frames`: the program's call frame information.

        `read_variables`: reads the program's C variables, when an expression first needs them; `read_locals`: those
        of its functions.

        Raises UsageError when the machine does not count instructions.
        """
        if not machine.options.cpu.counting:
            raise UsageError("debugging needs instruction counting", remedy="do not switch counting off")
        self.machine = machine
        self._read_variables, self._read_locals = read_variables, read_locals
        self._call_frames, self._program = call_frames, machine.process.exe
        self.tid = machine.process.tasks[0].tid if machine.process.tasks else 0
        self.journal = Journal(machine)
        self.travel = Travel(machine, self.journal)
        self.breakpoints = Breakpoints()
        self.stops = Stops(self)
        self._worker = Worker()
        self.began_inside = False  # whether the current movement began in the middle of a step
        self._signal: tuple[int, int] | None = None  # (thread, signal) that still has to act after the user's change
        self._trail: dict[tuple[Moment, int], Moment] = {}  # where a step of a thread ended -> where it began
        self.journal.at_mark = self._at_mark
        self.halt = self.halted(Why.START)

    def close(self) -> None:
        """End the session. A machine that is held in the middle of a step is unusable afterwards."""
        self._worker.end()
        self.journal.close()
        self.stops.disarm()

    # -- moving -------------------------------------------------------------------------------------------------

    def begin(self, movement: Movement) -> None:
        """Start a movement; `wait` waits for its end."""
        self.travel.interrupted = False
        if movement.back and self._worker.held:
            self._worker.abandon()
            self.travel.astray = True
        self.stops.phases = movement.phases
        self.began_inside = self._worker.held
        if self._signal is not None and not movement.back:
            self.stops.sent = self._signal
        self._signal = None
        self.travel.cancelled = self._worker.held  # a held step is completed, and nothing more runs
        self._worker.start(partial(self._run, movement))

    def wait(self, timeout: float | None = None) -> Halt | None:
        """The new `halt`, or None after `timeout` seconds. Raises the machine's PffemuError."""
        if not self._worker.wait(timeout):
            return None
        self.halt = self._held_halt() if self._worker.held else self._worker.result()
        if self.halt.tid:
            self.tid = self.halt.tid
        return self.halt

    def move(self, movement: Movement) -> Halt:
        """`begin`, and `wait` for as long as it takes, or until `interrupt`."""
        self.begin(movement)
        while (halt := self.wait(_TICK)) is None:
            if self.interrupted:
                self.interrupt()
        return halt

    def interrupt(self) -> None:
        """Make the movement end soon with Why.INTERRUPTED. From any thread; to be repeated until it has ended."""
        self.travel.interrupted = True
        for cpu in self.machine.cpus:
            cpu.engine.interrupt()

    def step(self) -> Halt:
        """One instruction of the thread `tid`; the kernel's work for its fault or system call is passed over."""
        return self.move(stepping.STEP)

    def step_over(self) -> Halt:
        """`step`, but a call is run to its return."""
        return self.move(stepping.STEP_OVER)

    def finish(self) -> Halt:
        """Out of the current function; out of a user-interrupt handler through its UIRET."""
        return self.move(leaving.FINISH)

    def resume(self) -> Halt:
        """Run on to the next breakpoint, or the end."""
        return self.move(stepping.RESUME)

    def phase(self) -> Halt:
        """To the next phase of a fault (events/phases.py), of any thread."""
        return self.move(stepping.PHASE)

    def go_to(self, moment: Moment) -> Halt:
        """To `moment`, earlier or later."""
        return self.move(stepping.to_moment(moment))

    def go_to_instruction(self, number: int) -> Halt:
        """To the moment when `number` instructions of all threads have run."""
        return self.move(stepping.to_instruction(number))

    def reverse_step(self) -> Halt:
        """Back to the moment from which a `step` of this thread would have come here."""
        return self.move(stepping.REVERSE_STEP)

    def reverse_step_over(self) -> Halt:
        return self.move(stepping.REVERSE_STEP_OVER)

    def reverse_finish(self) -> Halt:
        """Back to the call of the current function; in a handler, to the access that faulted."""
        return self.move(leaving.REVERSE_FINISH)

    def reverse_resume(self) -> Halt:
        """Back to the latest breakpoint hit before here, or the start."""
        return self.move(stepping.REVERSE_RESUME)

    def reverse_phase(self) -> Halt:
        return self.move(stepping.REVERSE_PHASE)

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def tasks(self) -> list[Task]:
        """Living threads."""
        return [task for process in self.machine.kernel.processes.values() for task in process.tasks]

    def task(self, tid: int) -> Task | None:
        return self.machine.kernel.find_task(tid)

    def pid_of(self, tid: int) -> int:
        """The process of a thread; the first one's when the thread is gone."""
        task = self.task(tid)
        return self.machine.process.pid if task is None else task.process.pid

    @property
    def cpu(self) -> Cpu:
        """The core of the thread `tid`."""
        task = self.task(self.tid)
        ended = self.machine.kernel.ended
        if task is None and ended is not None:
            return self.machine.cpus[ended.cpu_index]
        return self.machine.cpus[task.cpu_index if task is not None else 0]

    @property
    def seen(self) -> Cpu:
        """The state of thread `tid`, read-only: its core, or an imitation of one while it is switched out."""
        task = self.task(self.tid)
        return seen(task, self.cpu, self.machine.kernel.scheduler) if task is not None else self.cpu

    @property
    def memory(self) -> GuestMemory:
        """The memory of the process to which thread `tid` belongs."""
        task = self.task(self.tid)
        mm = task.process.mm if task is not None else self.machine.process.mm
        return GuestMemory(self.machine.ram, mm, self.machine.cpus)

    def register(self, tid: int, name: str) -> int:
        """A general register, RIP, RFLAGS, FS or GS base of any thread."""
        task = self.task(tid)
        if task is None:
            return self.cpu.registers[name]
        return self.machine.kernel.scheduler.registers_of(task).word(name)

    def saved_registers(self, tid: int) -> SavedRegisters:
        """All registers of any thread; of a dead one, those still on its core."""
        task = self.task(tid)
        if task is None:
            return self.cpu.engine.save_registers()
        return self.machine.kernel.scheduler.registers_of(task)

    def write_register(self, tid: int, name: str, value: int) -> None:
        """Raises UsageError while held, and for a thread that is gone."""
        self.write_registers(tid, self.saved_registers(tid).replace(**{name: value & MASK64}))

    def write_registers(self, tid: int, saved: SavedRegisters) -> None:
        """Raises UsageError while held, and for a thread that is gone."""
        task = self._writable(tid)
        scheduler = self.machine.kernel.scheduler
        if scheduler.is_loaded(task):
            self.machine.cpus[task.cpu_index].engine.load_registers(saved)
        else:
            task.registers = saved
        self._changed()

    def read_memory(self, address: int, size: int, tid: int | None = None) -> bytes:
        """The bytes from `address` on that thread `tid` could read, without side effects; untouched memory is 0."""
        task = self.task(self.tid if tid is None else tid)
        mm = task.process.mm if task is not None else self.machine.process.mm
        return forced_access.read(mm, address, size)

    def write_memory(self, address: int, data: bytes, tid: int | None = None) -> None:
        """As ptrace(2) on thread `tid`: rights are not checked, and private pages are copied before the write.

        Raises UsageError while held, and where nothing is mapped or a userfaultfd must supply the page.
        """
        task = self._writable(self.tid if tid is None else tid)
        try:
            forced_access.write(self.machine.kernel, task.process.mm, address, data)
        except LinuxError as error:
            raise UsageError(f"memory at {address:#x} cannot be written", remedy="see `regions`") from error
        self._changed()

    def send_signal(self, tid: int, info: SigInfo) -> None:
        """As kill(2) from outside; it causes no stop. Raises UsageError while held, and for a dead thread."""
        task, kernel = self._writable(tid), self.machine.kernel
        signal_send.send_to_task(kernel, self.machine.cpus[task.cpu_index], info, task)
        self._signal = tid, info.signo
        self._changed()

    def drop_signal(self) -> SigInfo | None:
        """Drop the signal at which the guest stopped; an interrupted system call goes on. Raises UsageError."""
        event = self.halt.event
        if type(event) is not SignalTaken:
            raise UsageError("the guest has not stopped at a signal", remedy="stop at one first")
        task, kernel = self._writable(event.target), self.machine.kernel
        found = signal_send.first_pending(task, bit(event.signal))
        if found is not None:
            signal_send.take(kernel, self.machine.cpus[task.cpu_index], task, *found)
        self._signal = None
        self._changed()
        return found[0] if found is not None else None

    # -- what the movements use, in the machine's thread -----------------------------------------------------------

    @property
    def interrupted(self) -> bool:
        return self.travel.interrupted

    def here(self) -> Halt:
        """The halt of a step that ended here."""
        return self.halted(Why.STEP)

    def stepped(self, begin: Moment | None) -> Halt:
        """The halt of a step that ended here, maybe at a breakpoint. `begin`: where `reverse_step` goes back to."""
        tid, cpu = self.tid if self.task(self.tid) else None, self.machine.turns.cpu
        reached = self.stops.arrived(cpu) if cpu is not None and cpu.tid == tid else None
        halt = (
            self.halted(Why.STEP, tid)
            if reached is None
            else self.halted(Why.BREAKPOINT, tid, breakpoint=reached.number)
        )
        if begin is not None:
            self._trail[halt.moment, self.tid] = begin
        return halt

    def trail(self, moment: Moment, tid: int) -> Moment | None:
        """The moment at which the step of thread `tid` that ended at `moment` had begun; None without such a step."""
        return self._trail.get((moment, tid))

    def halted(self, why: Why, tid: int | None = None, **details: Any) -> Halt:
        """A halt between two instructions, of the thread whose turn it is when `tid` is None or 0 (idle)."""
        cpu = self.machine.turns.cpu
        if not tid:
            tid = cpu.tid if cpu is not None else self.tid
        return Halt(why, self.travel.here(), tid, self.register(tid, "rip"), **details)

    @cached_property
    def _variables(self) -> Mapping[str, Variable]:
        return self._read_variables()

    @property
    def variables(self) -> Mapping[str, Variable]:
        """C variables of the program, while the process that is looked at runs it."""
        return self._variables if self.process.exe == self._program else {}

    @cached_property
    def _locals(self) -> Scopes:
        return Scopes(self._read_locals())

    def locals_at(self, address: int) -> Sequence[Local]:
        """Parameters and variables in scope at an address, while the process that is looked at runs the program."""
        return self._locals.at(address) if self.process.exe == self._program else ()

    def cfa(self, tid: int) -> int | None:
        """RSP behind the return of the innermost function; None without call frame information."""
        frame = self.frame(tid)
        rule = self._frame_rule(frame.code)
        return None if rule is None or rule.base not in frame.registers else frame.registers[rule.base] + rule.offset

    def unwinder(self, tid: int) -> Unwinder:
        """Finds the callers in thread `tid`."""
        layout = self.machine.options.cpu.frame_layout
        marks = open_frames(self.journal, tid)
        pushed = [PushedFrame(each.rsp, words_of(each.size, layout), each.vector) for each in marks]

        def read(address: int, size: int) -> bytes:
            return self.read_memory(address, size, tid)

        return Unwinder(read, self.symbols, self._frame_rule, pushed)

    def frame(self, tid: int) -> Frame:
        """The innermost frame of thread `tid`."""
        return Frame(registers_of(self.saved_registers(tid).word))

    def frames(self, tid: int) -> Iterator[Frame]:
        """The frames of thread `tid`, innermost first."""
        return self.unwinder(tid).frames(self.frame(tid))

    @property
    def symbols(self) -> SymbolTable:
        """The names of the process that is looked at."""
        return self.machine.symbols_of(self.process)

    def code_at(self, address: int, size: int) -> bytes:
        """Up to `size` bytes of code for the thread that is looked at, also of a page that is not in memory yet."""
        return code_at(self.seen, self.process.mm, address, size)

    @property
    def process(self) -> Process:
        """The process of the thread that is looked at; the first one when the thread is gone."""
        task = self.task(self.tid)
        return self.machine.process if task is None else task.process

    # -- inside ---------------------------------------------------------------------------------------------------

    def _frame_rule(self, address: int) -> FrameRule | None:
        """Call frame information for `address`, of the program or of a shared object."""
        process = self.process
        runs_program = process.exe == self._program
        if runs_program and self._call_frames is not None and (rule := self._call_frames.rule_at(address)) is not None:
            return rule
        at = self.machine.objects.at(process, address, program=not runs_program or self._call_frames is None)
        frames = at.file.frames if at is not None else None
        return frames.rule_at(address - at.bias) if at is not None and frames is not None else None

    def _run(self, movement: Movement) -> Halt:
        """Run a movement, in the machine's thread."""
        self.travel.cancelled = False
        phases = self.stops.phases
        self.stops.disarm()
        self.stops.phases = phases
        halt = movement.run(self)
        self.stops.disarm()
        self.stops.sent = None
        if halt is not None:
            return halt
        if self.interrupted:
            return self.halted(Why.INTERRUPTED)
        return self.halted(Why.ENDED, outcome=self.machine.outcome())

    def _held_halt(self) -> Halt:
        number = self.journal.count
        mark, found = self.journal.mark(number), self.stops.found
        moment = self.travel.here()._replace(held=True)
        rip = self.register(mark.tid, "rip") if mark.tid else 0
        if found is None or not found.moment.held:
            return Halt(Why.MOVED, moment, mark.tid, rip, event=mark)
        return Halt(found.why, moment, mark.tid, rip, **found.details)

    def _at_mark(self, mark: Any) -> None:
        if self.stops.holds(mark):
            self._worker.hold()

    def _writable(self, tid: int) -> Task:
        self._leave_signal()
        task = self.task(tid)
        if self._worker.held:
            raise UsageError("the machine is inside a step", remedy="finish it first (step)")
        if task is None:
            raise UsageError(f"thread {tid} does not live", remedy="see `info threads`")
        return task

    def _leave_signal(self) -> None:
        """From a hold where a signal is about to act, move between two instructions, with the signal pending."""
        event, kernel = self.halt.event, self.machine.kernel
        if not self._worker.held or type(event) is not SignalTaken:
            return
        kernel.signals_wait = self.travel.cancelled = True
        self._worker.start(lambda: None)
        self._worker.wait()
        kernel.signals_wait = self.travel.cancelled = False
        self.stops.disarm()
        self._signal = event.target, event.signal
        self._worker.result()

    def _changed(self) -> None:
        here = self.travel.here()
        self.journal.forget(here.marks)
        self.halt = replace(self.halt, moment=here, rip=self.register(self.halt.tid, "rip"))
        self._trail.clear()
        self.travel.history.take(here, changed=True)
