"""Events and sub-event steps as one line of text each; breakpoints on events match the line's first words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pffemu.events.details import AreaFound, ConditionChecked, SignalTaken, UifCleared, WordPushed
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


def line_of(mark: Any, describe: Describe) -> str:
    """The line of an event or step, as in `frame size=48 vector=14 ... thread=1`."""
    text = _DETAILS.get(type(mark))
    return f"{text(mark, describe)} thread={mark.tid}" if text is not None else event_text(mark, describe)
