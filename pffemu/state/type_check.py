"""Whether a value is of a declared type (attribute_types.py), as far down as its containers go."""

from __future__ import annotations

import collections
import collections.abc
import inspect
import types
import typing
from functools import cache
from typing import Any, Final

from pffemu.state.attribute_types import declared
from pffemu.state.classes import SnapshotError

_WRAPPERS: Final = (typing.Final, typing.ClassVar, typing.Annotated)
_ANYTHING: Final = (typing.Any, object, typing.Hashable, collections.abc.Hashable)
_MAPPINGS: Final = (dict, collections.OrderedDict, collections.defaultdict, collections.Counter,
                    collections.abc.Mapping, collections.abc.MutableMapping)  # fmt: skip
_MANY: Final = (list, set, frozenset, collections.deque, collections.abc.Sequence, collections.abc.MutableSequence,
                collections.abc.Set, collections.abc.MutableSet, collections.abc.Collection,
                collections.abc.Iterable)  # fmt: skip
_DEPTH: Final = 5  # of types in types


def check_types(owner: Any, values: collections.abc.Mapping[str, Any]) -> None:
    """Raises SnapshotError unless each value is of the type that the class declares for that attribute."""
    for name, value in values.items():
        kind = declared(owner, name)
        if not fits(value, kind):
            raise SnapshotError(
                f"the snapshot gives {owner.__name__}.{name} a value of another type ({type(value).__name__})"
            )


def fits(value: Any, kind: Any, depth: int = 0) -> bool:
    """Whether `value` is of type `kind`: a class, a construct of `typing`, or (origin, arguments)."""
    origin, arguments = _taken_apart(kind)
    if depth > _DEPTH or isinstance(origin, typing.TypeVar) or origin in _ANYTHING:
        return True
    if origin in _WRAPPERS:
        return not arguments or fits(value, arguments[0], depth)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, each, depth) for each in arguments)
    if origin is None or origin is types.NoneType:
        return value is None
    if origin is typing.Literal:
        return value in arguments
    if origin in (typing.Callable, collections.abc.Callable):
        return callable(value)
    if not isinstance(origin, type):
        return True
    return _is(value, origin) and (not arguments or _holds(value, origin, arguments, depth + 1))


def _taken_apart(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    if isinstance(kind, tuple):
        origin, arguments = kind
        deeper, own = _taken_apart(origin)
        return deeper, own or arguments
    origin = typing.get_origin(kind)
    if origin is not None:
        return origin, typing.get_args(kind)
    if hasattr(kind, "__supertype__"):  # NewType
        return _taken_apart(kind.__supertype__)
    return kind, ()


def _is(value: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float)
    if getattr(kind, "_is_protocol", False):
        own: Any = type(value)
        return _has_all(own, kind) or all(_has(value, name) for name in _members(kind))
    try:
        return isinstance(value, kind)
    except TypeError:  # a class that says nothing about its instances
        return True


def _holds(value: Any, origin: type[Any], arguments: tuple[Any, ...], depth: int) -> bool:
    """Whether what a container holds is of the types of its arguments."""
    if issubclass(origin, tuple):
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return all(fits(each, arguments[0], depth) for each in value)
        return len(value) == len(arguments) and all(map(fits, value, arguments, [depth] * len(value)))
    if origin in _MAPPINGS:
        key, item = (arguments[0], int) if len(arguments) == 1 else arguments
        return all(fits(k, key, depth) and fits(v, item, depth) for k, v in value.items())
    if origin in _MANY and len(arguments) == 1:
        return isinstance(value, str | bytes) or all(fits(each, arguments[0], depth) for each in value)
    return True


@cache
def _members(protocol: type[Any]) -> frozenset[str]:
    kinds = [each for each in protocol.__mro__ if getattr(each, "_is_protocol", False) and each is not typing.Protocol]
    names = {name for each in kinds for name in (*vars(each), *vars(each).get("__annotations__", {}))}
    return frozenset(name for name in names if not name.startswith("_"))


@cache
def _has_all(kind: Any, protocol: Any) -> bool:
    return all(_has(kind, name) for name in _members(protocol))


def _has(value: Any, name: str) -> bool:
    missing = object()
    return inspect.getattr_static(value, name, missing) is not missing
