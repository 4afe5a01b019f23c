"""A pane's text as HTML: spans whose classes are the names of the panes' styles."""

from __future__ import annotations

from html import escape
from typing import Final

from rich.text import Text

from pffemu.debug.panes import HERE, NAME, NEW, QUIET

_CLASSES: Final = {NEW: "new", HERE: "here", QUIET: "quiet", NAME: "name"}


def as_html(text: Text) -> str:
    """The text with a <span> around each styled part; the panes' styles do not overlap."""
    text = text.copy()
    text.rstrip()
    pieces, done = [], 0
    for span in sorted(text.spans):
        styled = _CLASSES.get(str(span.style))
        if styled is None or span.start < done or span.end <= span.start:
            continue
        pieces.append(escape(text.plain[done : span.start], quote=False))
        pieces.append(f'<span class="{styled}">{escape(text.plain[span.start : span.end], quote=False)}</span>')
        done = span.end
    return "".join([*pieces, escape(text.plain[done:], quote=False)])
