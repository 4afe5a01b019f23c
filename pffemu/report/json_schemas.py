"""JSON schemas (draft 2020-12) of what commands write with --json: files of the folder `schemas` beside this one."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from pffemu.errors import UsageError

_FOLDER: Final = Path(__file__).parent / "schemas"


@cache
def names() -> tuple[str, ...]:
    """The schemas that there are."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


def schema_text(name: str) -> str:
    """The file. Raises UsageError for an unknown name."""
    if name not in names():
        raise UsageError(f"no schema {name!r}", where="pffemu schema", remedy=f"one of {', '.join(names())}")
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")


def schema(name: str) -> dict[str, Any]:
    """The schema as a value, for a validator. Raises UsageError for an unknown name."""
    found: dict[str, Any] = json.loads(schema_text(name))
    return found
