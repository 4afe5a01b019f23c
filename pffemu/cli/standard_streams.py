"""Prepares this process's standard streams, which may be closed, accept ASCII only, or give bytes that are not text.

A stream that was closed is replaced, so that no other file gets its number and writes fail as on Linux (EBADF); the
guest starts without that descriptor. A character that the encoding lacks is replaced by a similar one.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Any, Final, TextIO

from pffemu.cli.terminal import OutputClosed

_LIKE: Final = "pffemu.like"  # name of the error handler
_ALIKE: Final = str.maketrans({
    **dict.fromkeys("\u2500\u2501\u2550\u2574\u2576\u2010\u2011\u2013\u2014\u2212", "-"),
    **dict.fromkeys("\u2502\u2503\u2551", "|"), **dict.fromkeys("\u2588\u2589\u258a\u258b\u258c\u2593\u25a0", "#"),
    **dict.fromkeys("\u2591\u2592\u2581\u2582\u2583\u2584\u2585\u2586\u2587", ":"),
    **dict.fromkeys("\u2192\u25b6\u25ba\u25b8", ">"), **dict.fromkeys("\u2190\u25c0\u25c2", "<"),
    **dict.fromkeys("\u2191\u25b2", "^"), **dict.fromkeys("\u2193\u25bc", "v"), **dict.fromkeys("\u2022\u25cf", "*"),
    **dict.fromkeys("\u201c\u201d", '"'), **dict.fromkeys("\u2018\u2019", "'"), **dict.fromkeys("\u00b5\u03bc", "u"),
    "\u2026": "~", "\u00b7": ".", "\u00d7": "x", "\u00a0": " ",
})  # fmt: skip
_BOXES: Final = range(0x2500, 0x2580)


class _Output(io.FileIO):
    """Standard output, raising OutputClosed: typer would turn a BrokenPipeError into status 1."""

    def write(self, data: Any, /) -> int:
        """Raises OutputClosed, OSError."""
        try:
            return super().write(data)
        except BrokenPipeError as error:
            raise OutputClosed from error


class ClosedStream(io.TextIOWrapper):
    """Replaces a standard stream that was closed."""


def prepare() -> None:
    """To be called before anything is read, written or opened."""
    codecs.register_error(_LIKE, _alike)
    sys.stdin = _prepared(sys.stdin, os.O_RDONLY, "rb", "surrogateescape")
    if sys.__stdout__ is not None and sys.stdout is sys.__stdout__:
        sys.stdout = _reopened(sys.__stdout__)
    sys.stdout = _prepared(sys.stdout, os.O_RDONLY, "wb", _LIKE)
    sys.stderr = _prepared(sys.stderr, os.O_WRONLY, "wb", "backslashreplace")  # messages go nowhere, and none fails


def closed_descriptors() -> list[int]:
    """Those of descriptors 0, 1 and 2 that were closed when the process started."""
    return [fd for fd, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)) if isinstance(stream, ClosedStream)]


def draws_lines() -> bool:
    """Whether standard output can show the characters that panes are drawn with."""
    return str(sys.stdout.encoding).lower().startswith("utf")


def _reopened(stream: TextIO) -> TextIO:
    binary = io.BufferedWriter(_Output(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(binary, encoding=stream.encoding, line_buffering=stream.isatty())


def _prepared(stream: TextIO | None, flags: int, mode: str, errors: str) -> TextIO:
    if stream is None:
        binary = os.fdopen(os.open(os.devnull, flags), mode)
        os.set_inheritable(binary.fileno(), True)
        return ClosedStream(binary, encoding="utf-8", errors=errors)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=errors)
    return stream


def _alike(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_ALIKE)
    shown = ("+" if ord(one) in _BOXES else one if one.isascii() else "?" for one in text)
    return "".join(shown), error.end
