"""Records one fault of a run as steps with the machine's state: events, sub-event steps, handlers' instructions.

The run is a plain one up to the fault; from there on instructions run one by one, which changes nothing (turns.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.asm import decode
from pffemu.debug.fault_panes import FaultPanes
from pffemu.debug.places import Places
from pffemu.events.details import AreaFound, ConditionChecked, UifCleared, WordPushed
from pffemu.events.fault_tracker import FaultLife
from pffemu.events.hw import Resumed, Uiret
from pffemu.events.kernel import FaultAbandoned
from pffemu.events.kinds import EVENTS, name_of
from pffemu.events.phases import PHASES
from pffemu.events.signals import SignalReturned
from pffemu.events.userfaultfd import PageInstalled
from pffemu.inspect.lines import line_of
from pffemu.machine.machine import Machine
from pffemu.machine.stop import Stop
from pffemu.report.fault_choice import Chosen, FaultChoice
from pffemu.report.fault_steps import ACCESS, DONE, INSTRUCTION, RETRY, Step, SteppedFault
from pffemu.report.one_fault import OneFault
from pffemu.report.timeline import lane_titles, row_of

_MOST_STEPS: Final = 1_000
_ALONE: Final = 20_000  # instructions of all threads that run one by one; then the rest of the fault runs in one go
_TEXTS: Final[dict[type[Any], Callable[[Any], str]]] = {
    ConditionChecked: lambda e: f"{e.condition}: {'holds' if e.holds else 'fails'}",
    WordPushed: lambda e: f"pushes the {e.word}, {e.value:#x}",
    UifCleared: lambda _: "UIF := 0",
    AreaFound: lambda e: (
        f"area {e.start:#x}-{e.end:#x}{', userfaultfd' if e.userfaultfd else ''}" if e.end else "no area there"
    ),
}
_KEPT: Final = (Uiret, Resumed, SignalReturned, FaultAbandoned, PageInstalled)  # also when there are too many steps
_USER: Final = frozenset({ConditionChecked, WordPushed, UifCleared})  # what the faulting thread's core does

Run = Callable[[int | None], Stop]  # as Machine.run(budget)


class FaultRecorder:
    """The sink. `run` runs the machine to the end of the fault; then `stepped` is what it recorded."""

    def __init__(self, machine: Machine, choice: FaultChoice, places: Places) -> None:
        self._machine, self._places = machine, places
        self._choice = choice
        self.one_fault = OneFault(self._begins)
        self._panes = FaultPanes(machine, places)
        self._steps: list[Step] = []
        self._texts: dict[str, int] = {}
        self._open = False
        self._left_out = self._left_out_events = 0
        self._own: set[int] = set()  # threads that the fault concerns
        self._rip = 0
        self._place = ""
        machine.events.sinks.append(self._see)

    @property
    def chosen(self) -> Chosen | None:
        """Which fault it was."""
        return self._choice.chosen

    def run(self, run: Run) -> Stop:
        """Run to the end of the fault, or of the guest, by calls of `run`. Returns the last one's stop."""
        stop, alone = run(None), 0
        if self._open:
            stop = run(0)  # so that a core has the turn
        while self._open and alone < _ALONE and self._has_room and self._machine.kernel.ended is None:
            self._before_instruction()
            alone += 1
            stop = run(1)
        if self._open:
            before = self._machine.instructions
            stop = run(None)
            self._left_out = self._machine.instructions - before
        if self._open:
            return stop
        if self.stepped is not None and self._machine.kernel.ended is None:
            self._retry(run)
        return stop

    @property
    def stepped(self) -> SteppedFault | None:
        """The fault; None when it did not happen, or was not resolved."""
        life = self.one_fault.life
        if life is None or not life.path:
            return None
        steps = tuple(step for step in self._steps if step.cycles >= 0 and step.thread in (*self._own, life.reader, 0))
        return SteppedFault(
            self._machine.options.mode.value, life.number, life.path, life.address, self._place,
            lane_titles(self.one_fault.events), steps, tuple(self._texts), self._left_out, self._left_out_events,
        )  # fmt: skip

    # -- while the guest runs -----------------------------------------------------------------------------------------

    def _begins(self, life: FaultLife) -> bool:
        if not self._choice(life):
            return False
        self._open = True
        self._panes.address = life.address
        self._machine.events.details.append(self._see)
        self._machine.interrupt()  # the run goes on one by one
        return True

    def _see(self, event: Any) -> None:
        """An event or a sub-event step."""
        if not self._open and self.one_fault.life is not None:
            return
        count = self.one_fault.count
        self.one_fault(event)
        life = self.one_fault.life
        if life is None or self.one_fault.count == count:
            return
        if not self._steps:
            self._rip = event.rip if "rip" in event._fields else 0
            self._place = self._describe(event.tid, self._rip)
            self._add(0, 0, ACCESS, self._instruction(event.tid, self._rip), "", event.tid, event.cpu)
        self._panes.note(event)
        if getattr(event, "fault", 0) == life.number:
            self._own.add(event.tid)
        if not self._has_room and not isinstance(event, _KEPT):
            self._left_out_events += 1
        else:
            self._add_event(event, life)
        if life.end is not None:
            self._open = False
            self._machine.events.details.remove(self._see)
            self._machine.interrupt()

    @property
    def _has_room(self) -> bool:
        return len(self._steps) < _MOST_STEPS

    def _add_event(self, event: Any, life: FaultLife) -> None:
        row = row_of(event, life.tid, describe=self._symbols(life.tid))
        kind = PHASES.get(type(event), name_of(type(event)).replace("_", " "))
        name = name_of(type(event)) if type(event) in EVENTS else ""
        own = _TEXTS.get(type(event))
        text = own(event) if own else row.text or line_of(event, self._symbols(event.tid)).rpartition(" thread=")[0]
        lane = 0 if event.tid == life.tid and type(event) in _USER else row.lane
        self._add(event.time - life.start, lane, kind, text, name, event.tid, event.cpu)

    def _before_instruction(self) -> None:
        """A step for the instruction that is about to run, if it is a handler's of this fault."""
        cpu, life = self._machine.turns.cpu, self.one_fault.life
        if cpu is None or life is None or not life.is_handled_by(cpu.tid) or self._machine.turns.waits(cpu):
            return
        lane = 0 if cpu.tid == life.tid else 1
        text = self._instruction(cpu.tid, cpu.registers["rip"])
        self._add(cpu.clock - life.start, lane, INSTRUCTION, text, "", cpu.tid, cpu.index)

    def _retry(self, run: Run) -> None:
        """The access runs again: a step before it, and one behind it."""
        life = self.one_fault.life
        assert life is not None
        run(0)
        for _ in range(_ALONE):
            cpu = self._machine.turns.cpu
            if cpu is None:
                return
            if cpu.tid != life.tid or self._machine.turns.waits(cpu):
                run(1)
                continue
            text, before = self._instruction(cpu.tid, cpu.registers["rip"]), cpu.instructions
            self._add(cpu.clock - life.start, 0, RETRY, text, "", cpu.tid, cpu.index)
            run(1)
            if cpu.instructions > before and self._machine.kernel.ended is None:
                self._add(cpu.clock - life.start, 0, DONE, "the access is over", "", cpu.tid, cpu.index)
            return

    # -- a step -------------------------------------------------------------------------------------------------------

    def _add(self, cycles: int, lane: int, kind: str, text: str, event: str, tid: int, core: int) -> None:
        drawn = self._panes.draw(tid)
        panes = {name: self._texts.setdefault(html, len(self._texts)) for name, html in drawn.items()}
        self._steps.append(Step(cycles, lane, kind, text, event, tid, core, panes))

    def _symbols(self, tid: int) -> Callable[[int], str]:
        task = self._machine.kernel.find_task(tid)
        return self._machine.symbols_of(task.process if task is not None else self._machine.process).describe

    def _describe(self, tid: int, rip: int) -> str:
        line = self._places.describe_line(rip)
        return self._symbols(tid)(rip) + (f", {line}" if line else "")

    def _instruction(self, tid: int, rip: int) -> str:
        task = self._machine.kernel.find_task(tid)
        code = self._machine.cpus[task.cpu_index].mmu.code_at(rip, MAX_INSTRUCTION) if task is not None else b""
        found = decode(code, rip)
        return f"{self._symbols(tid)(rip)}: {found.text}" if found is not None else f"{rip:#x}"
