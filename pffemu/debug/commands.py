"""The debugger's commands, one set for the line mode, gdb's `monitor` and the panes' command line."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from pffemu.arch.registers import GENERAL, MASK64
from pffemu.debug import show
from pffemu.debug.breakpoints import Access, Breakpoint, event_words
from pffemu.debug.command_table import TABLE, help_text
from pffemu.debug.halt import Halt, Why
from pffemu.debug.line_steps import reverse_step_line, step_line
from pffemu.debug.local_variables import shown_locals, variables_here
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.errors import UsageError
from pffemu.inspect.c_values import bytes_of_number
from pffemu.inspect.expressions import parse, value_of
from pffemu.inspect.nearest import nearest
from pffemu.inspect.view import Recorder, View
from pffemu.state import snapshot_file

SavePath = Callable[[str], Path]
_MOST_STEPS: Final = 1_000_000
_LISTED: Final = 5  # lines above and below
_ELEMENT: Final = re.compile(r"mem(?P<bits>8|16|32|64)\[(?P<address>.*)\]")
SETTABLE: Final = (*GENERAL, "rip", "rflags", "fs_base", "gs_base")
_DUMPED: Final = 64  # bytes
_LONGEST_DUMP: Final = 4096
_LONGEST_WATCH: Final = 1 << 16
_FINAL: Final = (Why.ENDED, Why.INTERRUPTED, Why.HISTORY)  # these end a repeated movement for good
_OWN: Final = (Why.STEP, Why.PHASE)  # the movement's own end; after any other halt only `continue` repeats


class Commands:
    """The commands of one session. `execute` runs a line and returns what to show; `over`: the user has quit."""

    def __init__(self, session: Session, places: Places, save_path: SavePath | None = None) -> None:
        """`save_path`: the host path of the name that `save` is given; None: whoever types may write no host file."""
        self.session, self.places = session, places
        self._save_path = save_path
        places.process = lambda: session.process
        self.over = False
        self._interrupted = False
        self._actions: dict[str, Callable[[str], str]] = {
            **{e.names[0]: partial(self._move, e.movement) for e in TABLE if e.movement},
            "step-line": partial(self._move_lines, step_line, False),
            "next-line": partial(self._move_lines, step_line, True),
            "reverse-step-line": partial(self._move_lines, reverse_step_line, False),
            "reverse-next-line": partial(self._move_lines, reverse_step_line, True),
            "goto": self._goto, "break": self._break, "tbreak": partial(self._break, temporary=True),
            "event": self._event, "watch": partial(self._watch, Access.WRITE),
            "rwatch": partial(self._watch, Access.READ), "awatch": partial(self._watch, Access.ANY),
            "delete": self._delete, "disable": partial(self._enable, False), "enable": partial(self._enable, True),
            "breakpoints": lambda _: self._breakpoints(), "thread": self._thread,
            "threads": lambda _: show.shown_threads(session), "where": lambda _: self._where(),
            "registers": lambda _: show.shown_registers(session), "uintr": lambda _: show.shown_uintr(session),
            "code": lambda _: show.shown_code(session, places.source_of),
            "locals": lambda _: shown_locals(session),
            "stack": lambda _: show.shown_stack(session), "frame": lambda _: show.shown_frame(session),
            "walk": self._walk, "regions": lambda _: show.shown_regions(session),
            "directives": lambda _: show.shown_directives(session),
            "queues": lambda _: show.shown_queues(session), "timeline": lambda _: show.shown_timeline(session),
            "backtrace": lambda text: show.shown_frames(session, places.source_of, _count(text or "32")),
            "events": self._events, "x": self._dump, "print": self._print, "save": self._save,
            "help": help_text, "list": self._list, "set": self._set, "quit": lambda _: self._quit(),
        }  # fmt: skip
        self._by_name = {name: self._actions[entry.names[0]] for entry in TABLE for name in entry.names}

    def execute(self, line: str) -> str:
        """Run one line; what it shows. Raises UsageError for an unknown command or argument, and other PffemuErrors."""
        self._interrupted = False
        name, _, rest = line.strip().partition(" ")
        if not name or name.startswith("#"):
            return ""
        if name in ("info", "i") and rest:
            name, _, rest = rest.strip().partition(" ")
            name = {"b": "breakpoints", "break": "breakpoints", "stack": "stack"}.get(name, name)
        command = self._by_name.get(name)
        if command is None:
            raise UsageError(f"no command {name!r}", remedy=nearest(name, list(self._by_name)))
        return command(rest.strip()).rstrip("\n")

    def interrupt(self) -> None:
        """Make the running command end soon, wherever the guest is then. From any thread, or a signal handler."""
        self._interrupted = True
        self.session.interrupt()

    @property
    def names(self) -> list[str]:
        return list(self._by_name)

    # -- moving -------------------------------------------------------------------------------------------------------

    def _move(self, movement: str, text: str) -> str:
        wanted, passes = _count(text), movement in ("resume", "reverse_resume")
        for done in range(1, wanted + 1):
            halt = getattr(self.session, movement)()
            if halt.why in _FINAL or (halt.why not in _OWN and not passes):
                break
            if self._interrupted and done < wanted:
                return f"interrupted after {done} of {wanted}: {self._where()}"
        return self._where()

    def _move_lines(self, move: Callable[..., Halt], over: bool, text: str) -> str:
        for _ in range(_count(text)):
            halt = move(self.session, self.places, over=over, interrupted=lambda: self._interrupted)
            if halt.why not in _OWN or self._interrupted:
                break
        return self._where()

    def _goto(self, text: str) -> str:
        self.session.go_to_instruction(_count(text or "0", least=0, most=1 << 62))
        return self._where()

    def _where(self) -> str:
        session, halt = self.session, self.session.halt
        text = show.halt_text(session, halt, self.places.source_of)
        if session.tid != halt.tid and session.task(session.tid) is not None and halt.why is not Why.ENDED:
            rip = session.register(session.tid, "rip")
            text += f"\nlooked at: thread {session.tid} at {session.symbols.describe(rip)} ({rip:#x})"
        return text

    # -- breakpoints ---------------------------------------------------------------------------------------------

    def _break(self, text: str, temporary: bool = False) -> str:
        place, condition = _split_condition(text)
        added = Breakpoint(0, place, address=self._address(place), temporary=temporary)
        return self._add(added, condition)

    def _event(self, text: str) -> str:
        words, condition = _split_condition(text)
        if not words:
            raise UsageError("which event?", remedy="as in `event frame`; `events` shows their names")
        return self._add(Breakpoint(0, f"event {words}", event=event_words(words)), condition)

    def _watch(self, access: Access, text: str) -> str:
        where, condition = _split_condition(text)
        place, _, size = where.partition(" ")
        address, count = self._address(place), _count(size or "8", most=_LONGEST_WATCH)
        added = Breakpoint(0, f"{access.value} {place}", access=access, watched=address, size=count)
        task = self.session.task(self.session.tid)
        added.pid = task.process.pid if task is not None else None
        return self._add(added, condition)

    def _add(self, breakpoint: Breakpoint, condition: str) -> str:
        if condition:
            breakpoint.condition, breakpoint.condition_text = parse(condition), condition
        return str(self.session.breakpoints.add(breakpoint))

    def _delete(self, text: str) -> str:
        self.session.breakpoints.remove(_count(text or "0", least=0))
        return self._breakpoints()

    def _enable(self, enabled: bool, text: str) -> str:
        self.session.breakpoints.get(_count(text or "0", least=0)).enabled = enabled
        return self._breakpoints()

    def _breakpoints(self) -> str:
        return "\n".join(map(str, self.session.breakpoints)) or "no breakpoints"

    # -- looking --------------------------------------------------------------------------------------------------

    def _thread(self, text: str) -> str:
        tid = _count(text or "0", least=0)
        if self.session.task(tid) is None:
            raise UsageError(f"no thread {tid} lives", remedy="see `threads`")
        self.session.tid = tid
        return show.shown_threads(self.session)

    def _walk(self, text: str) -> str:
        return show.shown_walk(self.session, self._address(text))

    def _events(self, text: str) -> str:
        return show.shown_events(self.session, _count(text or "16"))

    def _address(self, place: str) -> int:
        return self.places.address_of(place, self.session.seen)

    def _list(self, text: str) -> str:
        address = self._address(text) if text else self.session.register(self.session.tid, "rip")
        lines = self.places.source_around(address, _LISTED, _LISTED)
        if not lines:
            file = self.places.file_without_text(address)
            if file:
                raise UsageError(
                    f"{file} is not below the folders that may be read", remedy="--source DIR names its folder"
                )
            raise UsageError(f"no source for {address:#x}", remedy="build the program with -g, or see `code`")
        rows = [f"{'=>' if here else '  '} {line.number:>5}  {line.text}" for line, here in lines]
        return "\n".join([lines[0][0].file, *rows])

    def _set(self, text: str) -> str:
        left, equals, right = text.partition("=")
        name, element = left.strip(), _ELEMENT.fullmatch(left.strip())
        variable = variables_here(self.session, self.session.tid).get(name) if name not in SETTABLE else None
        if not equals or not right.strip() or (element is None and variable is None and name not in SETTABLE):
            names = nearest(name, [*SETTABLE, "mem64"]) if name else "as in `set rax = 5`"
            raise UsageError(f"cannot set {text!r}", remedy=f"`set rax = 5`, `set mem64[rsp+8] = 5`; {names}")
        value = self._number_of(right)
        if variable is not None:
            self.session.write_memory(*bytes_of_number(name, variable, value))
        elif element is None:
            self.session.write_register(self.session.tid, name, value)
        else:
            size = int(element["bits"]) // 8
            data = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
            self.session.write_memory(self._number_of(element["address"]) & MASK64, data)
        return self._print(left.strip())

    def _number_of(self, text: str) -> int:
        value = self._value(text)
        if not isinstance(value, int):
            raise UsageError(f"{text.strip()!r} is not a number", remedy="write one, as in 10 or rsp+8")
        return int(value)

    def _dump(self, text: str) -> str:
        place, _, size = text.partition(" ")
        address = self._address(place)
        data = self.session.read_memory(address, _count(size or str(_DUMPED), most=_LONGEST_DUMP))
        if not data:
            raise UsageError(f"no memory at {address:#x}", remedy="see `regions`")
        return "\n".join(_dumped(address + i, data[i : i + 16]) for i in range(0, len(data), 16))

    def _value(self, text: str) -> Any:
        machine, symbols = self.session.machine, self.session.symbols
        seen, memory, variables = self.session.seen, self.session.memory, variables_here(self.session, self.session.tid)
        view = View(machine, seen, Recorder(machine), symbols, {}, {}, None, memory, variables)
        return value_of(parse(text), view)

    def _print(self, text: str) -> str:
        value = self._value(text)
        if not isinstance(value, int) or isinstance(value, bool):
            return str(value)
        if value < 0:
            return f"{value & MASK64:#x} = {value}"
        place = self.session.symbols.describe(value & MASK64)
        return f"{value:#x} = {value}{'' if place.startswith('0x') else f' ({place})'}"

    def _save(self, text: str) -> str:
        if self.session.halt.moment.held:
            raise UsageError("the machine is in the middle of a step", remedy="finish it first (step)")
        if not text:
            raise UsageError("to which file?", remedy="as in `save state.pffemu`")
        if self._save_path is None:
            raise UsageError(
                "`save` would write a file on the host", remedy="use `pffemu debug`, or `pffemu gdb --saves FOLDER`"
            )
        path = self._save_path(text)
        snapshot_file.save(self.session.machine, path)
        return f"saved to {path}: {self.session.halt.moment}"

    def _quit(self) -> str:
        self.over = True
        return ""


def _count(text: str, least: int = 1, most: int = _MOST_STEPS) -> int:
    """Raises UsageError."""
    try:
        value = int(text or "1", 0)
    except ValueError:
        raise UsageError(f"{text!r} is not a number", remedy="write one, as in 10 or 0x10") from None
    if not least <= value <= most:
        raise UsageError(f"{text[:40]} is not a number for this", remedy=f"use {least} to {most}")
    return value


def _split_condition(text: str) -> tuple[str, str]:
    head, _, condition = f" {text} ".partition(" if ")
    return head.strip(), condition.strip()


def _dumped(address: int, data: bytes) -> str:
    shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
    return f"{address:#x}  {data.hex(' '):<47}  {shown}"
