"""Sink: events as JSON lines in a file. `sha256sum` of the file is the run's trace hash."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from pffemu.errors import PffemuError, UsageError
from pffemu.events.trace import to_json


class TraceFile:
    """Writes each event it is called with. A context manager: leaving it, also by an exception, writes out the rest."""

    _BATCH = 4096  # events

    def __init__(self, path: Path) -> None:
        """Raises UsageError when `path` cannot be written."""
        self._path = path
        self._lines: list[str] = []
        try:
            self._file = path.open("wb")
        except OSError as error:
            raise UsageError(
                f"cannot write the trace: {error.strerror}", where=str(path), remedy="name another file after --trace"
            ) from error

    def __call__(self, event: Any) -> None:
        self._lines.append(to_json(event))
        if len(self._lines) >= self._BATCH:
            self._write()

    def __enter__(self) -> TraceFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write out the rest. Raises PffemuError when that fails."""
        if not self._file.closed:
            try:
                self._write()
            finally:
                with suppress(OSError):  # after a failed write, the same error comes again
                    self._file.close()

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        if not lines:
            return
        try:
            self._file.write(("\n".join(lines) + "\n").encode())
            self._file.flush()
        except OSError as error:
            raise PffemuError(
                f"the trace cannot be written: {error.strerror}", where=str(self._path), remedy="free some space"
            ) from error
