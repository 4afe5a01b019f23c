"""The application: panes, keys, a command line; the guest runs in a worker, so that Ctrl-C is noticed at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from typing import Any, ClassVar, Final

from rich.markup import escape
from rich.text import Text
from textual import work
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Click
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Input, RichLog

from pffemu.debug.command_table import TABLE, help_text
from pffemu.debug.commands import Commands
from pffemu.debug.panes import QUIET
from pffemu.errors import PffemuError
from pffemu.tui.command_line import CommandLine
from pffemu.tui.help_screen import HelpScreen
from pffemu.tui.layout import CHOICE, Size, shown, size_of
from pffemu.tui.pane import Pane
from pffemu.tui.panes import PANES, Before, Room, callers, line_in_view, where
from pffemu.tui.search import Search
from pffemu.tui.waiting_lines import WaitingLines

_KEYS: Final = (
    ("s", "step", "step"), ("n", "next", "step over"), ("i", "step-line", "into line"), ("l", "next-line", "line"),
    ("p", "phase", "phase"), ("f", "finish", "finish"), ("c", "continue", "continue"),
)  # fmt: skip
_OWN: Final = (
    "execute",
    "focus_input",
    "search",
    "other",
    "leave",
    "help",
    "choose",
    "zoom",
    "end",
)  # the panes' actions
_HINT: Final = "keys below, with Shift back in time; : for a command; ? lists all"
_OTHER_KEYS: Final = (
    ":           a command; Tab completes it, Up recalls earlier ones, Escape returns to the keys",
    "/           search the panes for words; F3 finds the next place",
    "Tab         another pane, where the screen has no room for all; z gives one the whole screen",
    "w, W        the focus to the next pane, or back; arrows and Page keys scroll it, and so does the wheel anywhere",
    "mouse       a click gives the focus, two on an instruction set a breakpoint there, or remove it",
    "Ctrl-C      stop what runs, and forget the keys that wait", "q           quit",
    "Ctrl-P      a palette: all commands, themes",
)  # fmt: skip


class DebuggerApp(App[None]):
    """Keys run the commands of the line mode; the shifted key of each goes the other way in time."""

    TITLE = "pffemu debug"
    ENABLE_COMMAND_PALETTE = True  # Ctrl-P: themes, keys, screenshots
    AUTO_FOCUS = None
    CSS = """
    Screen { layout: vertical; }
    #main { height: 1fr; }
    Pane { border: round $primary; padding: 0 1; overflow-x: hidden; scrollbar-size-vertical: 1; height: 1fr; }
    Pane:focus { border: round $accent; }
    Pane Static { text-wrap: nowrap; text-overflow: clip; width: 1fr; height: auto; }
    #log { height: 6; border: round $primary; padding: 0 1; overflow-x: hidden; scrollbar-size-vertical: 1; }
    #log:focus { border: round $accent; }
    #line { border: none; height: 1; padding: 0 1; }
    .large #left { width: 1fr; } .large #state { width: 114; }
    .large #code { height: 6fr; } .large #source { height: 5fr; } .large #timeline { height: 5fr; }
    .large #registers { height: 22; }
    .large #uintr { height: 15; } .large #walk { height: 9; }
    .large #queues, .large #directives { height: 8; }
    .medium #left { width: 1fr; } .medium #state { width: 57; layout: vertical; }
    .medium #code { height: 3fr; } .medium #timeline { height: 2fr; }
    .medium #registers { height: 12; } .medium #middle { height: auto; } .medium #right { height: 1fr; }
    .medium.stack #middle { height: 1fr; }
    .small #main, .small #state { layout: vertical; } .small #log { height: 4; border: none; }
    """
    # All have priority, so that they act at once and in order: others act when the key has come back from the screen,
    # behind keys that were typed later. `check_action` leaves those that are letters to what is typed into.
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"execute('{command}')", label, priority=True) for key, command, label in _KEYS),
        *(Binding(key.upper(), f"execute('reverse-{command}')", f"back: {label}", show=False, priority=True)
          for key, command, label in _KEYS),
        Binding("colon", "focus_input('')", "command", key_display=":", priority=True),
        Binding("slash", "focus_input('/')", "search", key_display="/", priority=True),
        Binding("f3", "search", "search again", show=False, priority=True),
        Binding("w", "other(1)", "other pane", show=False, priority=True),
        Binding("W", "other(-1)", "pane before", show=False, priority=True),
        Binding("escape", "leave", "keys", show=False, priority=True),
        Binding("question_mark", "help", "help", key_display="?", priority=True),
        Binding("f1", "help('f1')", "help", show=False, priority=True),
        Binding("tab", "choose(1)", "next pane", show=False, priority=True),
        Binding("shift+tab", "choose(-1)", "pane before", show=False, priority=True),
        Binding("z", "zoom", "zoom", priority=True),
        Binding("ctrl+c", "interrupt", "stop", show=False, priority=True),
        Binding("q", "end", "quit", priority=True),
    ]  # fmt: skip

    def __init__(self, commands: Commands, output: bytearray) -> None:
        """`output`: what the guest has written and the log has not shown; emptied when shown."""
        super().__init__()
        self._commands, self._output = commands, output
        self._before = Before()
        self._busy = False
        self._waiting = WaitingLines(frozenset(entry.names[0] for entry in TABLE if entry.movement))
        self._chosen, self._alone = "stack", ""  # panes
        self._search = Search("")

    def compose(self) -> ComposeResult:
        with Horizontal(id="main"):
            with Vertical(id="left"):
                yield from self._panes("code", "source", "timeline")
            with Horizontal(id="state"):
                with Vertical(id="middle"):
                    yield from self._panes("registers", "stack")
                with Vertical(id="right"):
                    yield from self._panes("uintr", "walk", "regions", "queues", "directives")
        yield RichLog(id="log", wrap=True, max_lines=1000, min_width=1)
        yield CommandLine(self._words, self._send, self._say, _HINT, id="line")
        yield Footer()

    def _panes(self, *names: str) -> Iterable[Pane]:
        return (Pane(name, PANES[name][0]) for name in names)

    def on_mount(self) -> None:
        self.set_focus(None)
        self._arrange()

    def on_resize(self) -> None:
        self._arrange()

    # -- actions ------------------------------------------------------------------------------------------------

    def action_execute(self, line: str) -> None:
        """Run one command in the worker; while one runs, others wait."""
        if self._busy:
            self._waiting.add(line)
            return
        self._busy = True
        self.query_one("#line", Input).placeholder = f"{line}: running, Ctrl-C stops it"
        self._execute(line)

    def action_focus_input(self, start: str) -> None:
        """`start`: what the line begins with."""
        line = self.query_one(CommandLine)
        line.value, line.cursor_position = start, len(start)
        self.set_focus(line)  # at once: the next key may be waiting

    def action_leave(self) -> None:
        self.set_focus(None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key acts: those of the panes not over another screen, nor while a line is typed."""
        if action not in _OWN:
            return True
        typing = isinstance(self.focused, Input) and action != "search" and parameters != ("f1",)
        return len(self.screen_stack) == 1 and not typing

    def action_interrupt(self) -> None:
        if self._busy:
            self._waiting.clear()
            self._commands.interrupt()
        else:
            self._say("nothing runs; q leaves")

    def action_choose(self, direction: int) -> None:
        """Show the next pane, where the screen has no room for all."""
        panes = tuple(PANES) if self._alone else CHOICE[self._kind]
        if not panes:
            return
        now = self._alone or self._chosen
        following = panes[(panes.index(now) + direction) % len(panes) if now in panes else 0]
        if self._alone:
            self._alone = following
        else:
            self._chosen = following
        self._arrange()

    def action_zoom(self) -> None:
        """Give one pane the whole screen, or end that."""
        focused = self.focused.id if isinstance(self.focused, Pane) else None
        self._alone = "" if self._alone else focused or self._chosen
        self._arrange()

    def _send(self, line: str) -> None:
        if line.startswith("/"):
            self._search = Search(line[1:].strip() or self._search.words)
            self.action_search()
        else:
            self.action_execute(line)

    def _say(self, text: str) -> None:
        self.query_one("#log", RichLog).write(Text(text, style=QUIET), expand=True)

    def action_search(self) -> None:
        """Find the next place of the words that were searched for, in all panes on the screen."""
        panes = [pane for pane in self.query(Pane) if pane.display]
        self._say(self._search.go_on(panes))

    def action_other(self, direction: int) -> None:
        """Give the focus to the next pane, which keys then scroll; the log is one of them."""
        panes: list[Widget] = [*(pane for pane in self.query(Pane) if pane.display), self.query_one("#log")]
        now = panes.index(self.focused) if self.focused in panes else -1 if direction > 0 else 0
        self.set_focus(panes[(now + direction) % len(panes)])

    def on_click(self, event: Click) -> None:
        """Two clicks on an instruction: a breakpoint there, or none any more."""
        code = self.query_one("#code", Pane)
        inside = event.widget is code or (event.widget is not None and event.widget.parent is code)
        if event.chain != 2 or not inside:
            return
        match = re.match(r"(?:=>|  ) (0x[0-9a-f]+)  ", code.line_under(event.screen_y - code.region.y))
        if match is None:
            return
        address = int(match[1], 16)
        points = self._commands.session.breakpoints
        there = next((each.number for each in points if each.address == address), None)
        self.action_execute(f"break *{address:#x}" if there is None else f"delete {there}")

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The palette: textual's own entries, and the debugger's commands; those with arguments begin a line."""
        yield from super().get_system_commands(screen)
        for entry in TABLE:
            name = entry.names[0]
            needs_more = bool(entry.usage) and not entry.usage.startswith("[")
            start = partial(self.action_focus_input, f"{name} ") if needs_more else partial(self.action_execute, name)
            yield SystemCommand(f"{name} {entry.usage}".rstrip(), entry.help, start)

    def action_end(self) -> None:
        self.exit()

    def action_help(self, _: str = "") -> None:
        keys = [f"{key}, {key.upper():<8} {label}, and back" for key, _, label in _KEYS]
        self.push_screen(HelpScreen("\n".join([*keys, *_OTHER_KEYS, "", help_text()])))

    def _words(self, first: bool) -> Iterable[str]:
        """Candidates for completion."""
        return self._commands.names if first else self._commands.session.symbols

    # -- arranging ----------------------------------------------------------------------------------------------

    @property
    def _kind(self) -> Size:
        return size_of(self.size.width, self.size.height)

    def _arrange(self) -> None:
        """Show the panes there is room for."""
        visible = shown(self._kind, self._chosen, self._alone)
        for size in Size:
            self.screen.set_class(size is self._kind and not self._alone, size.value)
        self.screen.set_class(self._chosen == "stack" or self._kind is Size.LARGE, "stack")
        for pane in self.query(Pane):
            pane.display = pane.id in visible
        for name in ("left", "middle", "right", "state"):
            column = self.query_one(f"#{name}")
            column.display = any(pane.display for pane in column.query(Pane))
        choice = CHOICE[self._kind]
        for pane in self.query(Pane):
            chosen = pane.id == self._alone or (not self._alone and pane.id == self._chosen and pane.id in choice)
            pane.border_subtitle = "tab: another" if chosen else ""
        self.call_after_refresh(self._refresh_panes)

    # -- showing ------------------------------------------------------------------------------------------------

    @work(thread=True, exclusive=True)
    def _execute(self, line: str) -> None:
        self._before.note(self._commands)
        try:
            said = self._commands.execute(line)
        except PffemuError as error:
            said = f"error: {error}"
        self.call_from_thread(self._executed, line, said)

    def _executed(self, line: str, said: str) -> None:
        self._busy = False
        self.query_one("#line", Input).placeholder = _HINT
        if self._commands.over:
            self.exit()
        log = self.query_one("#log", RichLog)
        log.write(Text(f"> {line}", style="bold"), expand=True)
        if self._output:
            log.write(Text(self._output.decode("utf-8", "replace").rstrip("\n"), style="green"), expand=True)
            self._output.clear()
        if said:
            log.write(Text(said.rstrip()), expand=True)
        following = self._waiting.take()
        if following and not self._commands.over:
            self.action_execute(following)
        else:
            self._refresh_panes()

    def _refresh_panes(self) -> None:
        if self._busy:
            return
        cpu = self._commands.session.seen
        for pane in self.query(Pane):
            if pane.display:
                name, room = str(pane.id), Room(*pane.content_size)
                text = PANES[name][1](self._commands, cpu, self._before, room)
                pane.show(text, line_in_view(name, text))
        code = self.query_one("#code", Pane)
        code.border_title, code.border_subtitle = where(self._commands), escape(callers(self._commands))
