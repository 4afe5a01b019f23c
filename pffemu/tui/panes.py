"""Which pane shows what: the debugger's panes on the core and thread the session stands at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from rich.text import Text

from pffemu.debug.commands import Commands
from pffemu.debug.panes import registers as registers_pane
from pffemu.debug.panes import stack as stack_pane
from pffemu.debug.panes.code import code
from pffemu.debug.panes.queues import queues
from pffemu.debug.panes.regions import regions
from pffemu.debug.panes.uintr import uintr
from pffemu.debug.panes.walk import walk
from pffemu.debug.view import last_fault, open_frames
from pffemu.hw.cpu import Cpu
from pffemu.report.timeline import timeline

_BELOW: Final = 6  # words of the stack
_ABOVE: Final = 24


@dataclass
class Before:
    """What the last refresh showed, so that this one can mark what is new."""

    registers: dict[int, dict[str, int]] = field(default_factory=dict)  # by core
    stack: dict[int, int] = field(default_factory=dict)

    def note(self, commands: Commands) -> None:
        """The state shown now."""
        self.registers = {cpu.index: registers_pane.read(cpu) for cpu in commands.session.machine.cpus}
        self.stack = stack_pane.read(commands.session.seen, _BELOW, _ABOVE)


Render = Callable[[Commands, Cpu, Before, int], Text]  # (commands, core, before, lines there is room for)


def _code(commands: Commands, cpu: Cpu, _before: Before, height: int) -> Text:
    return code(cpu, commands.session.symbols, commands.places.source_of, height)


def _registers(commands: Commands, cpu: Cpu, before: Before, _height: int) -> Text:
    return registers_pane.registers(cpu, commands.session.symbols, before.registers.get(cpu.index, {}))


def _uintr(commands: Commands, cpu: Cpu, _before: Before, _height: int) -> Text:
    return uintr(cpu, commands.session.symbols)


def _stack(commands: Commands, cpu: Cpu, before: Before, height: int) -> Text:
    frames = open_frames(commands.session.journal, commands.session.tid)
    below = min(_BELOW, height // 4)
    return stack_pane.stack(cpu, commands.session.symbols, frames, before.stack, below, max(1, height - below))


def _walk(commands: Commands, cpu: Cpu, _before: Before, _height: int) -> Text:
    fault = last_fault(commands.session.journal)
    return walk(cpu, fault[0].address) if fault else Text("no page fault yet\n")


def _regions(commands: Commands, cpu: Cpu, _before: Before, _height: int) -> Text:
    task = commands.session.task(commands.session.tid)
    return regions(cpu, (task.process if task is not None else commands.session.machine.process).mm)


def _queues(commands: Commands, cpu: Cpu, _before: Before, _height: int) -> Text:
    return queues(commands.session.machine, commands.session.tasks, cpu.index)


def _timeline(commands: Commands, _cpu: Cpu, _before: Before, height: int) -> Text:
    fault = last_fault(commands.session.journal)
    if not fault:
        return Text("no page fault yet\n")
    lines = timeline(fault, "the last page fault").splitlines()[1:]
    head, tail = lines[:2], lines[2:-2]
    return Text("\n".join([*head, *tail[-max(1, height - len(head)) :]]), no_wrap=True)


PANES: Final[dict[str, tuple[str, Render]]] = {
    "code": ("code", _code),
    "timeline": ("timeline", _timeline),
    "registers": ("registers", _registers),
    "uintr": ("user interrupts", _uintr),
    "stack": ("stack", _stack),
    "walk": ("page walk", _walk),
    "regions": ("regions", _regions),
    "queues": ("threads", _queues),
}
