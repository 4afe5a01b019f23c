"""The objects of a snapshot as a flat list of nodes, which is JSON, and their bytes beside it.

A value is null, a boolean, a number or a text, or [n] for node n, or [at, size] for bytes. A node is a list that begins
with its kind:

    ["part", name]                         a part of the machine that stays in place (parts.py)
    ["object", class, [value, ...]]        the values of the class's attributes, in the order of `classes`
    ["tuple", [value, ...]]                and "list", "set", "frozenset"; of earlier nodes only, where it is immutable
    ["named", class, [value, ...]]         a NamedTuple
    ["deque", [value, ...], most]
    ["dict", [key, value, ...]]            and "OrderedDict", "Counter"; "defaultdict" with the name of its factory
    ["bytearray", at, size]  ["range", start, stop, step]  ["fraction", numerator, denominator]
    ["enum", class, member]  ["factory", name]

Nothing here recurses through objects, so that the length of a chain of them does not matter.
"""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from enum import Enum
from fractions import Fraction
from typing import Any, Final

from pffemu.state.classes import (
    FACTORIES,
    OF_THE_HOST,
    OF_THE_USER,
    SnapshotError,
    check_attribute,
    fixed_attributes,
    is_named_tuple,
    permitted_class,
)
from pffemu.state.parts import Parts, all_attributes
from pffemu.state.type_check import check_types

_PLAIN: Final = frozenset({type(None), bool, float, str})
_NUMBER_MAX: Final = 4096  # bits
_DICTS: Final[dict[type[Any], str]] = {dict: "dict", OrderedDict: "OrderedDict", Counter: "Counter"}
_LISTS: Final[dict[type[Any], str]] = {list: "list", set: "set"}
_TUPLES: Final[dict[type[Any], str]] = {tuple: "tuple", frozenset: "frozenset"}


def write_graph(root: Any, parts: Parts) -> tuple[bytes, bytes]:
    """`root` and all it refers to, as JSON, and the bytes. Raises SnapshotError for what is not data."""
    writer = _Writer(parts)
    top = writer.value(root)
    writer.write_waiting()
    text = json.dumps({"root": top, "classes": writer.classes, "nodes": writer.nodes}, separators=(",", ":"))
    return text.encode("ascii"), bytes(writer.octets)


def read_graph(text: bytes, octets: bytes | memoryview, parts: Parts, *, foreign: bool) -> Any:
    """The root that `write_graph` was given. `foreign`: from a file, whose host paths do not count.

    Raises SnapshotError, and anything for damaged data.
    """
    told = json.loads(text)
    reader = _Reader(told["nodes"], told["classes"], octets, parts, foreign)
    reader.make()
    reader.fill()
    if foreign:
        reader.check()
    return reader.value(told["root"])


class _Writer:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.nodes: list[Any] = []
        self.classes: list[tuple[str, str, list[str]]] = []
        self.octets = bytearray()
        self._class_numbers: dict[tuple[type[Any], tuple[str, ...]], int] = {}
        self._known: dict[int, list[int]] = {}
        self._keep: list[Any] = []  # keeps objects alive, so that no id is used twice
        self._waiting: deque[tuple[int, Any]] = deque()  # nodes whose contents are still to be written

    def value(self, value: Any) -> Any:
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind is int:
            if value.bit_length() > _NUMBER_MAX:
                raise SnapshotError("a number in the machine is too long to be saved")
            return value
        known = self._known.get(id(value))
        if known is not None:
            return known
        if kind is bytes:
            found = [len(self.octets), len(value)]
            self.octets += value
        else:
            found = self._node(value, kind)
        self._known[id(value)] = found
        self._keep.append(value)
        return found

    def _node(self, value: Any, kind: type[Any]) -> list[int]:
        node: Any = None  # written later
        part = self._parts.name_of(value)
        if part is not None:
            node = ["part", part]
        elif kind in _TUPLES:
            node = [_TUPLES[kind], [self.value(item) for item in value]]
        elif isinstance(value, Enum):
            node = ["enum", self._class(kind, ()), value.name if value.name in kind.__members__ else value.value]
        elif is_named_tuple(kind):
            node = ["named", self._class(kind, ()), [self.value(item) for item in value]]
        elif kind is range:
            node = ["range", value.start, value.stop, value.step]
        elif kind is Fraction:
            node = ["fraction", value.numerator, value.denominator]
        elif kind is bytearray:
            node = ["bytearray", len(self.octets), len(value)]
            self.octets += value
        elif isinstance(value, type):
            if FACTORIES.get(kind_name := value.__name__) is not value:
                raise SnapshotError(f"a part of the machine cannot be saved: {value!r}")
            node = ["factory", kind_name]
        self.nodes.append(node)
        number = len(self.nodes) - 1
        if node is None:
            self._waiting.append((number, value))
        return [number]

    def write_waiting(self) -> None:
        while self._waiting:
            number, value = self._waiting.popleft()
            self.nodes[number] = self._contents(value, type(value))

    def _contents(self, value: Any, kind: type[Any]) -> Any:
        if kind in _LISTS:
            return [_LISTS[kind], [self.value(item) for item in value]]
        if kind is deque:
            return ["deque", [self.value(item) for item in value], value.maxlen]
        if kind in _DICTS:
            return [_DICTS[kind], [self.value(item) for pair in value.items() for item in pair]]
        if kind is defaultdict:
            pairs = [self.value(item) for pair in value.items() for item in pair]
            return ["defaultdict", pairs, self.value(value.default_factory)]
        permitted_class(kind.__module__, kind.__name__)
        values = all_attributes(value) | fixed_attributes(kind, OF_THE_HOST)
        return ["object", self._class(kind, tuple(values)), [self.value(each) for each in values.values()]]

    def _class(self, kind: type[Any], names: tuple[str, ...]) -> int:
        number = self._class_numbers.get((kind, names))
        if number is None:
            permitted_class(kind.__module__, kind.__name__)
            number = self._class_numbers[kind, names] = len(self.classes)
            self.classes.append((kind.__module__, kind.__name__, list(names)))
        return number


class _Reader:
    """Makes all objects first, then gives them their contents: those whose hash may be asked for come first."""

    def __init__(
        self, nodes: list[Any], classes: list[Any], octets: bytes | memoryview, parts: Parts, foreign: bool
    ) -> None:
        self._nodes, self._octets, self._parts, self._foreign = nodes, memoryview(octets), parts, foreign
        self._classes = [self._checked(*each) for each in classes]
        self._made: list[Any] = []
        self._bytes: dict[tuple[int, int], bytes] = {}
        self._room = len(self._octets)  # bytes that have not been taken: none is copied twice

    def _checked(self, module: str, name: str, names: list[str]) -> tuple[type[Any], list[str], dict[str, Any]]:
        kind: Any = permitted_class(module, name)
        for each in names:
            check_attribute(kind, each)
        fixed = fixed_attributes(kind, OF_THE_HOST)
        return kind, names, fixed | (fixed_attributes(kind, OF_THE_USER) if self._foreign else {})

    def value(self, told: Any) -> Any:
        if not isinstance(told, list):
            if isinstance(told, dict):
                raise SnapshotError("the snapshot holds a value of no known kind")
            return told
        if len(told) == 1:
            (number,) = told
            if type(number) is not int or not 0 <= number < len(self._made):
                raise SnapshotError(f"the snapshot refers to node {number!r}")
            return self._made[number]
        return self._octets_at(*told)

    def _octets_at(self, at: int, size: int) -> bytes:
        found = self._bytes.get((at, size))
        if found is None:
            found = self._bytes[at, size] = bytes(self._taken(at, size))
        return found

    def _taken(self, at: int, size: int) -> memoryview:
        self._room -= size
        if not 0 <= at <= at + size <= len(self._octets) or self._room < 0:
            raise SnapshotError("the snapshot refers to bytes that it does not have")
        return self._octets[at : at + size]

    def make(self) -> None:
        for kind, *told in self._nodes:
            self._made.append(_MAKERS[kind](self, *told))

    def fill(self) -> None:
        for wanted, fill in _FILLERS.items():
            for target, (kind, *told) in zip(self._made, self._nodes, strict=True):
                if kind == wanted:
                    fill(self, target, *told)

    def check(self) -> None:
        """Raises SnapshotError for an attribute of another type than its class declares."""
        for made, (kind, *told) in zip(self._made, self._nodes, strict=True):
            if kind == "object":
                names = self._classes[told[0]][1]
                check_types(type(made), {name: getattr(made, name) for name in names})
            elif kind == "named":
                check_types(type(made), made._asdict())

    def values(self, told: Sequence[Any]) -> list[Any]:
        return [self.value(each) for each in told]

    def pairs(self, told: Sequence[Any]) -> list[tuple[Any, Any]]:
        values = self.values(told)
        return list(zip(values[::2], values[1::2], strict=True))

    def new_object(self, number: int, _values: Any) -> Any:
        kind, _, fixed = self._classes[number]
        made: Any = object.__new__(kind) if not hasattr(kind, "__mypyc_attrs__") else kind.__new__(kind)  # type: ignore[call-overload]
        for name, value in fixed.items():
            object.__setattr__(made, name, value)
        return made

    def fill_object(self, target: Any, number: int, values: list[Any]) -> None:
        _, names, fixed = self._classes[number]
        for name, value in zip(names, values, strict=True):
            if name not in fixed:
                object.__setattr__(target, name, self.value(value))

    def named(self, number: int, values: list[Any]) -> Any:
        kind = self._classes[number][0]
        if not is_named_tuple(kind) or len(values) != len(kind._fields):
            raise SnapshotError(f"the snapshot holds a {kind.__name__} of {len(values)} fields")
        return tuple.__new__(kind, self.values(values))

    def member(self, number: int, name: Any) -> Any:
        kind = self._classes[number][0]
        if not issubclass(kind, Enum):
            raise SnapshotError(f"the snapshot holds a member of {kind.__name__}")
        return kind[name] if isinstance(name, str) and name in kind.__members__ else kind(name)

    def part(self, name: str) -> Any:
        return self._parts.part(name)

    def byte_array(self, at: int, size: int) -> bytearray:
        return bytearray(self._taken(at, size))


def _maxlen(most: Any) -> deque[Any]:
    return deque(maxlen=most)


_MAKERS: Final[dict[str, Callable[..., Any]]] = {
    "part": _Reader.part, "object": _Reader.new_object, "named": _Reader.named, "enum": _Reader.member,
    "tuple": lambda reader, values: tuple(reader.values(values)),
    "frozenset": lambda reader, values: frozenset(reader.values(values)),
    "range": lambda _, start, stop, step: range(start, stop, step),
    "fraction": lambda _, numerator, denominator: Fraction(numerator, denominator),
    "bytearray": _Reader.byte_array, "factory": lambda _, name: FACTORIES[name],
    "list": lambda *_: [], "set": lambda *_: set(), "deque": lambda _, __, most: _maxlen(most), "dict": lambda *_: {},
    "OrderedDict": lambda *_: OrderedDict(), "Counter": lambda *_: Counter(),
    "defaultdict": lambda *_: defaultdict(None),
}  # fmt: skip


def _fill_defaultdict(reader: _Reader, target: defaultdict[Any, Any], told: list[Any], factory: Any) -> None:
    target.update(reader.pairs(told))
    made = reader.value(factory)
    if made is not None and made not in FACTORIES.values():
        raise SnapshotError("the snapshot makes values by what is no class of values")
    target.default_factory = made


def _fill_dict(reader: _Reader, target: dict[Any, Any], told: list[Any]) -> None:
    for key, value in reader.pairs(told):
        target[key] = value


_FILLERS: Final[dict[str, Callable[..., None]]] = {
    "object": _Reader.fill_object,
    "list": lambda reader, target, told: target.extend(reader.values(told)),
    "deque": lambda reader, target, told, _: target.extend(reader.values(told)),
    "set": lambda reader, target, told: target.update(reader.values(told)),
    "dict": _fill_dict, "OrderedDict": _fill_dict, "Counter": _fill_dict, "defaultdict": _fill_defaultdict,
}  # fmt: skip
