"""The application: panes, keys, a command line; the guest runs in a worker, so that Ctrl-C is always heard."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Input, RichLog, Static

from pffemu.debug.commands import Commands
from pffemu.errors import PffemuError
from pffemu.tui.panes import PANES, Before

_KEYS: Final = (
    ("s", "step", "step"), ("n", "next", "step over"), ("p", "phase", "phase"), ("f", "finish", "finish"),
    ("c", "continue", "continue"),
)  # fmt: skip


class Pane(Static):
    """One of PANES; its border says which."""

    def __init__(self, name: str) -> None:
        super().__init__("", id=name, markup=False)
        self.border_title = PANES[name][0]


class DebuggerApp(App[None]):
    """Keys run the commands of the line mode; the shifted key of each goes the other way in time."""

    TITLE = "pffemu debug"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None
    CSS = """
    Screen { layout: vertical; }
    #main { height: 1fr; }
    Pane { border: round $primary; padding: 0 1; overflow: hidden hidden; text-wrap: nowrap; text-overflow: clip; }
    #left { width: 11fr; } #middle { width: 8fr; } #right { width: 7fr; }
    #code { height: 3fr; } #timeline { height: 2fr; }
    #registers { height: 22; } #stack { height: 1fr; }
    #uintr { height: 15; } #walk { height: 9; } #regions { height: 1fr; } #queues { height: 8; }
    RichLog { height: 6; border: round $primary; padding: 0 1; }
    Input { border: none; height: 1; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"execute('{command}')", label) for key, command, label in _KEYS),
        *(Binding(key.upper(), f"execute('reverse-{command}')", f"back: {label}", show=False)
          for key, command, label in _KEYS),
        Binding("colon,slash", "focus_input", "command", key_display=":"),
        Binding("escape", "leave_input", "keys", show=False),
        Binding("ctrl+c", "interrupt", "stop", priority=True),
        Binding("q", "quit", "quit"),
    ]  # fmt: skip

    def __init__(self, commands: Commands, output: bytearray) -> None:
        """`output`: what the guest has written and nobody has shown; taken from."""
        super().__init__()
        self._commands, self._output = commands, output
        self._before = Before()
        self._busy = False

    def compose(self) -> ComposeResult:
        with Horizontal(id="main"):
            with Vertical(id="left"):
                yield Pane("code")
                yield Pane("timeline")
            with Vertical(id="middle"):
                yield Pane("registers")
                yield Pane("stack")
            with Vertical(id="right"):
                yield Pane("uintr")
                yield Pane("walk")
                yield Pane("regions")
                yield Pane("queues")
        yield RichLog(id="log", wrap=True, max_lines=1000)
        yield Input(placeholder=": for a command, keys below; help lists the commands", id="line")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#log", RichLog).can_focus = False
        self.set_focus(None)
        self.call_after_refresh(self._refresh_panes)

    def on_resize(self) -> None:
        self.call_after_refresh(self._refresh_panes)

    # -- actions ------------------------------------------------------------------------------------------------

    def action_execute(self, line: str) -> None:
        """Run one command in the worker; while one runs, nothing else is started."""
        if not self._busy:
            self._busy = True
            self._execute(line)

    def action_focus_input(self) -> None:
        self.query_one(Input).focus()

    def action_leave_input(self) -> None:
        self.set_focus(None)

    def action_interrupt(self) -> None:
        self._commands.session.interrupt()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        line, event.input.value = event.value.strip(), ""
        if line:
            self.action_execute(line)

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
        if self._commands.over:
            self.exit()
        log = self.query_one("#log", RichLog)
        log.write(Text(f"> {line}", style="bold"))
        if self._output:
            log.write(Text(self._output.decode("utf-8", "replace").rstrip("\n"), style="green"))
            self._output.clear()
        if said:
            log.write(Text(said.rstrip()))
        self._refresh_panes()

    def _refresh_panes(self) -> None:
        if self._busy:
            return
        cpu = self._commands.session.seen
        for name, (_, render) in PANES.items():
            pane = self.query_one(f"#{name}", Pane)
            pane.update(render(self._commands, cpu, self._before, max(1, pane.content_size.height)))
