"""Values of options: converted to their field's type, or refused with one clear error."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_type_hints

from pffemu.errors import UsageError

E = TypeVar("E", bound=Enum)


def check_types(options: Any) -> None:
    """Give every field of a frozen dataclass its type; an enumeration's member may be given as its value.

    Raises UsageError for a value of another type, and for one that no member has.
    """
    for name, kinds in _kinds(type(options)).items():
        value = getattr(options, name)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            object.__setattr__(options, name, _converted(name, kinds[0], value))


def _kinds(options: type[Any]) -> dict[str, tuple[type[Any], ...]]:
    """The types of the fields, by field: one, or one and that of None. Fields of other types are not checked."""
    if options not in _known:
        hints = get_type_hints(options)
        named = {field.name: hints[field.name] for field in fields(options)}
        either = {name: get_args(kind) if isinstance(kind, UnionType) else (kind,) for name, kind in named.items()}
        _known[options] = {name: kinds for name, kinds in either.items() if all(isinstance(k, type) for k in kinds)}
    return _known[options]


_known: dict[type[Any], dict[str, tuple[type[Any], ...]]] = {}


def member(name: str, kind: type[E], value: E | str) -> E:
    """The member of an enumeration that option `name` has, given it or its value. Raises UsageError."""
    return value if isinstance(value, kind) else cast("E", _converted(name, kind, value))


def _converted(name: str, kind: type[Any], value: object) -> Any:
    if issubclass(kind, Enum):
        values = [str(member.value) for member in kind]
        if isinstance(value, str) and value in values:
            return kind(value)
        raise UsageError(f"{name}={value!r} does not exist", remedy=f"use {', '.join(map(repr, values))}")
    raise UsageError(
        f"{name}={value!r} is not of type {kind.__name__}", remedy=f"give {name} a value of type {kind.__name__}"
    )
