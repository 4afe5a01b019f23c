"""A trace: one JSON line an event, and the hash of those lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, get_type_hints

from pffemu.events.fields import Hex, Label
from pffemu.events.kinds import EVENTS, name_of


def _template(event: type[Any]) -> str:
    formats: dict[Any, str] = {int: "%d", Hex: '"%#x"', Label: '"%s"', str: "%s"}
    fields = ", ".join(f'"{field}": {formats[kind]}' for field, kind in get_type_hints(event).items())
    return f'{{"event": "{name_of(event)}", {fields}}}'


def _formatter(event: type[Any]) -> Callable[[Any], str]:
    template = _template(event)
    free_text = [i for i, kind in enumerate(get_type_hints(event).values()) if kind is str]
    if not free_text:
        return template.__mod__

    def escaped(values: Any) -> str:
        return template % tuple(json.dumps(value) if i in free_text else value for i, value in enumerate(values))

    return escaped


_FORMATTERS = {event: _formatter(event) for event in EVENTS}


def to_json(event: Any) -> str:
    """One line of a trace, without its newline."""
    return _FORMATTERS[type(event)](event)


class TraceHash:
    """Sink: SHA-256 of the trace's JSON lines, so that `sha256sum` of a written trace gives the same."""

    _BATCH = 1024

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._events: list[Any] = []

    def __call__(self, event: Any) -> None:
        self._events.append(event)
        if len(self._events) >= self._BATCH:
            self._flush()

    def hexdigest(self) -> str:
        self._flush()
        return self._hash.hexdigest()

    def _flush(self) -> None:
        self._hash.update("".join(f"{to_json(event)}\n" for event in self._events).encode())
        self._events.clear()
