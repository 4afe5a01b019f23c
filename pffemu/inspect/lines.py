"""Events and sub-event steps as one line of text each; breakpoints on events match the line's first words."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, get_type_hints

from pffemu.events.details import DETAILS, AreaFound, ConditionChecked, SignalTaken, UifCleared, WordPushed
from pffemu.events.fields import Label
from pffemu.events.kinds import EVENTS
from pffemu.inspect.event_text import Describe, event_text

_DETAILS: Final[dict[type[Any], Callable[[Any, Describe], str]]] = {
    ConditionChecked: lambda v, d: f"condition {v.condition}: {'holds' if v.holds else 'fails'}",
    WordPushed: lambda v, d: f"push {v.word} value={v.value:#x} at={d(v.address)}",
    UifCleared: lambda v, d: "UIF cleared",
    AreaFound: lambda v, d: (
        f"area {v.start:#x}-{v.end:#x}{' userfaultfd' if v.userfaultfd else ''}" if v.end else "area none"
    ),
    SignalTaken: lambda v, d: f"signal {v.signal} code={v.code} target={v.target}",
}


@cache
def first_words() -> frozenset[str]:
    """The first words of all lines: each event is written down once with zeros, and some begin with a label's value."""
    words = {"forward", "kernel", "stui", "clui", "testui"}
    for kind in (*EVENTS, *DETAILS):
        fields = get_type_hints(kind).values()
        sample = kind(*(b"" if field is bytes else "x" if field in (Label, str) else 1 for field in fields))
        words.add(line_of(sample, hex).partition(" ")[0])
    return frozenset(words - {"x"})


def line_of(mark: Any, describe: Describe) -> str:
    """The line of an event or step, as in `frame size=48 vector=14 ... thread=1`."""
    text = _DETAILS.get(type(mark))
    return f"{text(mark, describe)} thread={mark.tid}" if text is not None else event_text(mark, describe)
