"""Values of options: converted to their field's type, or refused with one clear error."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from typing import Any, get_type_hints

from pffemu.errors import UsageError


def check_types(options: Any) -> None:
    """Give every field of a frozen dataclass its type; an enumeration's member may be given as its value.

    Raises UsageError for a value of another type, and for one that no member has.
    """
    for name, kind in _kinds(type(options)).items():
        value = getattr(options, name)
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            continue
        object.__setattr__(options, name, _converted(name, kind, value))


def _kinds(options: type[Any]) -> dict[str, type[Any]]:
    """The types of the fields that have one type, by field."""
    if options not in _known:
        hints = get_type_hints(options)
        named = {field.name: hints[field.name] for field in fields(options)}
        _known[options] = {name: kind for name, kind in named.items() if isinstance(kind, type)}
    return _known[options]


_known: dict[type[Any], dict[str, type[Any]]] = {}


def _converted(name: str, kind: type[Any], value: object) -> Any:
    if issubclass(kind, Enum):
        values = [str(member.value) for member in kind]
        if isinstance(value, str) and value in values:
            return kind(value)
        raise UsageError(f"{name}={value!r} does not exist", remedy=f"use {', '.join(map(repr, values))}")
    raise UsageError(
        f"{name}={value!r} is not of type {kind.__name__}", remedy=f"give {name} a value of type {kind.__name__}"
    )
