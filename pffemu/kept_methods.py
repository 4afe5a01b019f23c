"""The methods of dataclasses, compiled once and kept beside this module's bytecode.

Python writes the methods of a dataclass as text and compiles it at every start: for the 130 classes of a run that takes
a sixth of its time. A text's code is the same wherever it stands, so it is kept under its text. A host where none can
be kept (PYTHONDONTWRITEBYTECODE, a folder that is not writable) loses the gain and nothing else.
"""

from __future__ import annotations

import dataclasses
import marshal
import os
import sys
from builtins import exec as run
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType
from typing import Any, Final

_MOST: Final = 4096  # texts; above, those that this process did not use are dropped


class KeptMethods:
    """The code of each text. Raises nothing when the file is missing, damaged or of another version."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, CodeType] = {}
        self._used: dict[str, CodeType] = {}
        with suppress(OSError, EOFError, ValueError, TypeError):
            found = marshal.loads(file.read_bytes())
            self._known = found if isinstance(found, dict) else {}

    def execute(self, text: str, names: dict[str, Any], into: dict[str, Any]) -> None:
        """What exec does."""
        code = self._known.get(text)
        if not isinstance(code, CodeType):
            code = compile(text, "<string>", "exec", dont_inherit=True)
        self._used[text] = code
        run(code, names, into)

    def keep(self) -> None:
        """Write the file, whole or not at all, if there is something new."""
        if self._used.keys() <= self._known.keys() or sys.dont_write_bytecode:
            return
        known = self._used if len(self._known) > _MOST else self._known | self._used
        with suppress(OSError):
            new = self._file.with_suffix(f".{os.getpid()}")
            new.write_bytes(marshal.dumps(known))
            new.replace(self._file)


def use() -> KeptMethods:
    """From now on dataclasses takes the methods of its classes from there. For a process of pffemu's own."""
    kept = KeptMethods(Path(cache_from_source(__file__)).with_suffix(".methods"))
    vars(dataclasses)["exec"] = kept.execute
    return kept
