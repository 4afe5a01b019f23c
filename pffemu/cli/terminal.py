"""Output: consoles for the user, an unbuffered byte stream for the guest, one line for an error."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from pffemu.errors import PffemuError, UsageError
from pffemu.host_files import write_whole

if TYPE_CHECKING:
    from rich.console import Console

_LONGEST_NAME: Final = 255  # bytes
_FILE_WIDTH: Final = 200  # columns


class OutputClosed(BaseException):
    """The reader of our standard output has closed it; a native program would die of SIGPIPE."""

    exit_code = 141


class GuestOutput:
    """A guest's stdout or stderr: every write reaches the host stream at once."""

    def __init__(self, stream: BinaryIO, before: Callable[[], None] = lambda: None) -> None:
        """`before` is called before each write, to clear the progress line."""
        self._stream, self._before = stream, before

    def write(self, data: bytes, /) -> None:
        """Raises OutputClosed, PffemuError."""
        self._before()
        try:
            self._stream.write(data)
            self._stream.flush()
        except BrokenPipeError as error:
            raise OutputClosed from error
        except OSError as error:
            raise PffemuError(
                f"the guest's output cannot be written: {error.strerror}", remedy="look at where it is redirected to"
            ) from error


def out_console(*, to_stderr: bool = False) -> Console:
    """A console for tables and text; on stderr when stdout is for JSON alone. Into a file or pipe nothing is cut."""
    from rich.console import Console  # many modules, which a quiet run does not need

    console = Console(stderr=to_stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _FILE_WIDTH
    return console


def err_console() -> Console:
    """A console for progress."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def say(message: str) -> None:
    """Write `message` to standard error, if that is still open."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"pffemu: {message}\n")
        sys.stderr.flush()


def write_text(text: str, target: str) -> None:
    """Write `text` and a newline to the file `target`, or to standard output for `-`. Raises PffemuError.

    A file has all of the text, or what it had before.
    """
    if target == "-":
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        return
    try:
        write_whole(Path(target), (text + "\n").encode())
    except OSError as error:
        raise PffemuError(f"cannot write: {error.strerror}", where=target, remedy="name another file") from error


def check_writable(target: str | Path | None) -> None:
    """Raises UsageError, before a long run, if its result could not be written."""
    if target is None or str(target) == "-":
        return
    path = Path(target)
    folder = path.parent
    if os.path.isdir(path):
        problem = "is a directory"
    elif not os.path.isdir(folder):
        problem = f"there is no directory {folder}"
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        problem = "permission denied"
    elif len(os.fsencode(path.name)) > _LONGEST_NAME:
        problem = os.strerror(errno.ENAMETOOLONG)
    else:
        return
    raise UsageError(f"cannot write: {problem}", where=str(path), remedy="name another file")


def replace_between_markers(path: Path, name: str, text: str) -> None:
    """Put `text` between the lines `<!-- NAME -->` and `<!-- /NAME -->` of a file. Raises UsageError."""
    try:
        old = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read: {error.strerror}", where=str(path), remedy="name a Markdown file") from error
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    head, found, rest = old.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise UsageError(f"has no lines {begin.strip()} and {end}", where=str(path), remedy="add them where it belongs")
    write_text(f"{head}{begin}{text}{end}{tail}".rstrip("\n"), str(path))
