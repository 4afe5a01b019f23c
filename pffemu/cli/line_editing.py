"""Editing, history and completion of typed lines, where Python has readline."""

from __future__ import annotations

from importlib.util import find_spec

from pffemu.debug.commands import Commands


def with_history(talk: Commands) -> None:
    """Let `input` edit lines; Tab completes commands, and symbols in their arguments."""
    if find_spec("readline") is None:
        return
    import readline

    def complete(text: str, state: int) -> str | None:
        first = not readline.get_line_buffer()[: readline.get_begidx()].strip()
        words = talk.names if first else talk.session.symbols
        found = sorted(word for word in words if word.startswith(text))
        return found[state] + " " if state < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" ")
    readline.parse_and_bind("tab: complete")
