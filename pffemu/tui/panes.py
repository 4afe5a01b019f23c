"""The debugger's panes, filled for the thread that the session looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from rich.text import Text

from pffemu.debug.commands import Commands
from pffemu.debug.panes import registers as registers_pane
from pffemu.debug.panes import stack as stack_pane
from pffemu.debug.panes.code import code
from pffemu.debug.panes.directives import directives
from pffemu.debug.panes.queues import queues
from pffemu.debug.panes.regions import regions
from pffemu.debug.panes.source import source
from pffemu.debug.panes.timeline import timeline
from pffemu.debug.panes.uintr import uintr
from pffemu.debug.panes.walk import walk
from pffemu.debug.unwind import Entered
from pffemu.debug.view import last_fault, open_frames
from pffemu.hw.cpu import Cpu

_BELOW: Final = 6  # words of the stack
_ABOVE: Final = 24
_SCREENS: Final = 3  # heights of a pane that code and stack can be scrolled through
_LINES: Final = 200  # of source above and below, and of a timeline
_CALLERS: Final = 6  # functions in the code pane's last line


@dataclass
class Before:
    """What the last refresh showed, so that the next one can mark changes."""

    registers: dict[int, dict[str, int]] = field(default_factory=dict)  # by thread
    stack: dict[int, int] = field(default_factory=dict)

    def note(self, commands: Commands) -> None:
        """Keep the state that is shown now."""
        seen = commands.session.seen
        self.registers[commands.session.tid] = registers_pane.read(seen)
        self.stack = stack_pane.read(seen, _BELOW, _ABOVE)


class Room(NamedTuple):
    """A pane's size in columns and lines."""

    width: int
    height: int


Render = Callable[[Commands, Cpu, Before, Room], Text]


def _code(commands: Commands, cpu: Cpu, _before: Before, room: Room) -> Text:
    height = _SCREENS * room.height
    return code(cpu, commands.session.symbols, commands.places.source_of, height, commands.session.code_at)


def _source(commands: Commands, cpu: Cpu, _before: Before, _room: Room) -> Text:
    rip = cpu.registers["rip"]
    return source(commands.places.source_around(rip, _LINES, _LINES), commands.session.symbols.describe(rip))


def _registers(commands: Commands, cpu: Cpu, before: Before, room: Room) -> Text:
    known = before.registers.get(commands.session.tid, {})
    columns = registers_pane.columns_in(room.width, room.height)
    return registers_pane.registers(cpu, commands.session.symbols, known, columns)


def _uintr(commands: Commands, cpu: Cpu, _before: Before, _room: Room) -> Text:
    return uintr(cpu, commands.session.symbols)


def _stack(commands: Commands, cpu: Cpu, before: Before, room: Room) -> Text:
    frames = open_frames(commands.session.journal, commands.session.tid)
    below = min(_BELOW, room.height // 4)
    above = max(1, _SCREENS * room.height - below)
    return stack_pane.stack(cpu, commands.session.symbols, frames, before.stack, below, above)


def _walk(commands: Commands, cpu: Cpu, _before: Before, _room: Room) -> Text:
    fault = last_fault(commands.session.journal)
    return walk(cpu, fault[0].address) if fault else Text("no page fault yet\n")


def _regions(commands: Commands, cpu: Cpu, _before: Before, _room: Room) -> Text:
    task = commands.session.task(commands.session.tid)
    return regions(cpu, (task.process if task is not None else commands.session.machine.process).mm)


def _queues(commands: Commands, cpu: Cpu, _before: Before, _room: Room) -> Text:
    return queues(commands.session.machine, commands.session.tasks, cpu.index)


def _directives(commands: Commands, cpu: Cpu, _before: Before, _room: Room) -> Text:
    return directives(cpu, commands.session.machine.cpus)


def _timeline(commands: Commands, _cpu: Cpu, _before: Before, room: Room) -> Text:
    return timeline(last_fault(commands.session.journal), room.width, max(_LINES, room.height))


PANES: Final[dict[str, tuple[str, Render]]] = {
    "code": ("code", _code),
    "source": ("source", _source),
    "timeline": ("timeline", _timeline),
    "registers": ("registers", _registers),
    "stack": ("stack", _stack),
    "uintr": ("user interrupts", _uintr),
    "walk": ("page walk", _walk),
    "regions": ("regions", _regions),
    "queues": ("threads", _queues),
    "directives": ("directives", _directives),
}


def line_in_view(name: str, text: Text) -> int | None:
    """The line of a pane's text that must be seen; None: none."""
    lines = text.plain.splitlines()
    if name in ("code", "source"):
        return next((i for i, line in enumerate(lines) if line.startswith("=>")), 0)
    return len(lines) if name in ("stack", "timeline") else None


def where(commands: Commands) -> str:
    """The thread, core and moment that the panes show."""
    session = commands.session
    inside = ", inside a step" if session.halt.moment.held else ""
    return f"thread {session.tid}, core {session.cpu.index}, instruction {session.halt.moment.instructions:,}{inside}"


def callers(commands: Commands) -> str:
    """The callers on one line: `handler < [user interrupt] read_page < main`."""
    session, text = commands.session, ""
    for frame in islice(session.frames(session.tid), _CALLERS):
        kind = {Entered.USER_INTERRUPT: "[user interrupt] ", Entered.SIGNAL: "[signal] "}.get(frame.entered, "")
        name = session.symbols.describe(frame.rip).partition("+")[0]
        text += f"{' < ' if text else ''}{kind}{name}{'' if frame.exact else '?'}"
    return text
