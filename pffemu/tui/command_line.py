"""The command line below the panes: earlier lines with Up and Down, completion with Tab."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.events import Key
from textual.widgets import Input

_SHOWN: Final = 12  # candidates
_KEPT: Final = 500  # lines


class CommandLine(Input):
    """`words(first)` are the candidates: commands for the first word of a line, symbols for the others.

    `send` gets each line, `show` the candidates when there are several.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "send", show=False),
        Binding("escape", "leave", "keys", show=False),
        Binding("tab,shift+tab", "complete", "complete", show=False),
        Binding("up", "recall(-1)", "earlier line", show=False),
        Binding("down", "recall(1)", "later line", show=False),
    ]

    def __init__(
        self,
        words: Callable[[bool], Iterable[str]],
        send: Callable[[str], None],
        show: Callable[[str], None],
        placeholder: str,
        id: str,
    ) -> None:
        super().__init__(placeholder=placeholder, id=id, select_on_focus=False)
        self._words, self._send, self._show = words, send, show
        self._lines: list[str] = []
        self._at = 0

    async def _on_key(self, event: Key) -> None:
        """Let keys act in the order in which they were typed.

        Textual inserts letters at once and runs bindings when the key has come up to the app, behind later letters.
        """
        bindings = self._bindings.key_to_bindings.get(event.key, []) if not event.is_printable else []
        if self.screen.focused is self and not bindings:
            return
        event.stop()
        event.prevent_default()
        if self.screen.focused is not self:  # typed behind Enter, before the focus had gone
            self.app.post_message(Key(event.key, event.character))
        else:
            await self.run_action(bindings[0].action)

    def action_leave(self) -> None:
        self.screen.set_focus(None)

    def action_send(self) -> None:
        line, self.value = self.value.strip(), ""
        self.screen.set_focus(None)
        if not line:
            return
        if not self._lines or self._lines[-1] != line:
            self._lines = [*self._lines, line][-_KEPT:]
        self._at = len(self._lines)
        self._send(line)

    def action_complete(self) -> None:
        if candidates := self.complete():
            self._show(candidates)

    def action_recall(self, way: int) -> None:
        self._at = max(0, min(len(self._lines), self._at + way))
        self.value = self._lines[self._at] if self._at < len(self._lines) else ""
        self.cursor_position = len(self.value)

    def complete(self) -> str:
        """Complete the last word as far as it is certain; the candidates, when there are several."""
        head, space, word = self.value.rpartition(" ")
        found = sorted({name for name in self._words(not head.strip()) if name.startswith(word)})
        if not found:
            return ""
        ending = " " if len(found) == 1 else ""
        same = takewhile(lambda pair: pair[0] == pair[1], zip(found[0], found[-1], strict=False))
        self.value = f"{head}{space}{''.join(letter for letter, _ in same)}{ending}"
        self.cursor_position = len(self.value)
        more = f" ... {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        return "  ".join(found[:_SHOWN]) + more if len(found) > 1 else ""
