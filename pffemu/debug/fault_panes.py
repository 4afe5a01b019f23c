"""The panes of one step of a fault, as HTML: those of the debugger, for the thread that the step belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from rich.text import Text

from pffemu.arch.frames import FIELDS
from pffemu.debug.panes import HERE, NAME, NEW, QUIET
from pffemu.debug.panes import registers as registers_pane
from pffemu.debug.panes import stack as stack_pane
from pffemu.debug.panes.as_html import as_html
from pffemu.debug.panes.code import code
from pffemu.debug.panes.directives import directives
from pffemu.debug.panes.queues import queues
from pffemu.debug.panes.regions import regions
from pffemu.debug.panes.uintr import uintr
from pffemu.debug.panes.walk import walk
from pffemu.debug.places import Places
from pffemu.debug.seen import code_at, seen
from pffemu.events.details import WordPushed
from pffemu.events.hw import FramePushed, Uiret
from pffemu.hw.cpu import Cpu
from pffemu.machine.machine import Machine
from pffemu.machine.symbols import SymbolTable

_CODE: Final = 14  # lines
_ABOVE, _BELOW = 5, 6  # lines of source
_WORDS_BELOW, _WORDS_ABOVE = 4, 12  # of the stack
_REGIONS: Final = 40  # lines


class FaultPanes:
    """Draws the panes step by step: changes since the thread's last step are marked, frames remembered."""

    def __init__(self, machine: Machine, places: Places) -> None:
        self._machine, self._places = machine, places
        self.address = 0  # of the fault
        self._registers: dict[int, dict[str, int]] = {}  # by thread, at its last step
        self._stacks: dict[int, dict[int, int]] = {}
        self._pushed: list[WordPushed] = []
        self._frames: dict[int, FramePushed] = {}  # by thread: the one that UIRET has not taken

    def note(self, event: Any) -> None:
        """An event of the fault happens: its effect on frames."""
        match event:
            case WordPushed():
                self._pushed.append(event)
            case FramePushed():
                self._frames[event.tid] = event
            case Uiret():
                self._frames.pop(event.tid, None)
                self._pushed = []

    def draw(self, tid: int) -> Mapping[str, str]:
        """HTML by the names of report.fault_steps.PANES, of thread `tid`; empty when it does not live."""
        task = self._machine.kernel.find_task(tid)
        if task is None:
            return {}
        state = seen(task, self._machine.cpus[task.cpu_index], self._machine.kernel.scheduler)
        self._places.process = lambda: task.process
        symbols = self._machine.symbols_of(task.process)
        tasks = [each for process in self._machine.kernel.processes.values() for each in process.tasks]
        drawn = {
            "code": code(state, symbols, self._places.source_of, _CODE, partial(code_at, state, task.process.mm)),
            "source": self._source(state.registers["rip"]),
            "registers": self._registers_of(tid, state, symbols),
            "frame": self._frame(state, symbols),
            "stack": self._stack(tid, state, symbols),
            "walk": walk(state, self.address),
            "forwarding": uintr(state, symbols),
            "directives": self._directives(task.cpu_index),
            "queues": queues(self._machine, tasks, task.cpu_index),
            "regions": _first_lines(regions(state, task.process.mm), _REGIONS),
        }
        return {name: as_html(text) for name, text in drawn.items() if text.plain}

    def _directives(self, core: int) -> Text:
        cpu = self._machine.cpus[core]
        return directives(cpu, self._machine.cpus) if cpu.directed.context is not None else Text()

    def _registers_of(self, tid: int, state: Cpu, symbols: SymbolTable) -> Text:
        before = self._registers.get(tid, {})
        self._registers[tid] = registers_pane.read(state)
        return registers_pane.registers(state, symbols, before)

    def _stack(self, tid: int, state: Cpu, symbols: SymbolTable) -> Text:
        before, frame = self._stacks.get(tid, {}), self._frames.get(tid)
        self._stacks[tid] = stack_pane.read(state, _WORDS_BELOW, _WORDS_ABOVE)
        frames = [frame] if frame is not None else []
        return stack_pane.stack(state, symbols, frames, before, _WORDS_BELOW, _WORDS_ABOVE)

    def _source(self, rip: int) -> Text:
        text = Text()
        for line, here in self._places.source_around(rip, _ABOVE, _BELOW):
            if not text.plain:
                text.append(f"{line.file}\n", QUIET)
            text.append(f"{line.number:>5}  {line.text}\n", HERE if here else "")
        return text

    def _frame(self, state: Cpu, symbols: SymbolTable) -> Text:
        """The frame that delivery pushes: the words so far, highest address first."""
        text = Text()
        if not self._pushed:
            return text
        words = {event.address: event for event in self._pushed}
        size = len(FIELDS[state.options.frame_layout])
        text.append(f"{len(words)} of {size} words\n", QUIET)
        latest = self._pushed[-1].address if len(words) <= size and not self._frames else None
        for address in sorted(words, reverse=True):
            event, place = words[address], symbols.describe(words[address].value)
            text.append(f"{address:#x}  ", QUIET).append(f"{event.value:016x}", NEW if address == latest else "")
            text.append(f"  {event.word}", NAME)
            text.append(f"  {place}\n" if event.value and not place.startswith("0x") else "\n", QUIET)
        return text


def _first_lines(text: Text, most: int) -> Text:
    lines = text.split("\n", include_separator=True)
    shown = Text("").join(lines[:most])
    return shown.append(f"... and {len(lines) - most} more lines\n", QUIET) if len(lines) > most else shown
