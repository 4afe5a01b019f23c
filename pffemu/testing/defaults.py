"""A project's defaults for blocks that say nothing: directives from pytest's configuration, or a command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pffemu.errors import UsageError
from pffemu.inspect.nearest import nearest
from pffemu.testing.directives import Directive

NAMES: Final = ("mode", "cpus", "ram", "budget")


def directives_of(values: Mapping[str, str], file: str) -> tuple[Directive, ...]:
    """The directives of NAMES that have a value; messages say `file`."""
    return tuple(Directive(name, values[name], file, 0) for name in NAMES if values.get(name))


def read_defaults(texts: list[str], where: str) -> tuple[Directive, ...]:
    """`mode: pff-pte` and the like, as on a command line. Raises UsageError."""
    values = {}
    for text in texts:
        name, colon, value = (part.strip() for part in text.partition(":"))
        if name not in NAMES or not colon or not value:
            raise UsageError(
                f"{text!r} sets nothing up", where=where, remedy=f"as in 'mode: pff'; {nearest(name, NAMES)}"
            )
        values[name] = value
    return directives_of(values, where)
