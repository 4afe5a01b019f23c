"""Snapshots: the whole state of a machine, to be put back into the same machine or another one built alike."""

from __future__ import annotations

import copyreg
import io
import pickle
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Final

from pffemu import compiled
from pffemu.errors import PffemuError
from pffemu.machine.machine import Machine
from pffemu.state.parts import Parts, attributes
from pffemu.state.ram_pages import Pages, put_pages, used_pages

_OUR_PACKAGES: Final = ("pffemu", "kernel_model")
_PLAIN_CLASSES: Final = frozenset(
    {
        *(("builtins", kind.__name__) for kind in (set, frozenset, bytearray, range, slice, int, str, bytes)),
        *(("builtins", kind.__name__) for kind in (list, dict, tuple, bool)),  # default_factory of a defaultdict
        ("fractions", "Fraction"),
        *(("collections", name) for name in ("deque", "Counter", "OrderedDict", "defaultdict")),
    }
)


class SnapshotError(PffemuError):
    """A snapshot that cannot be taken, read or used."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A machine's state. `graph`: all objects and registers, pickled; `pages`: RAM."""

    graph: bytes
    pages: Pages


def take(machine: Machine, before: Snapshot | None = None) -> Snapshot:
    """The machine's state now. `before`: an older snapshot of it, to share pages with. Raises SnapshotError."""
    parts = Parts(machine)
    state = {name: attributes(part) for name, part in parts.wired.items()}
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, parts)
    try:
        pickler.dump((state, parts.cores(), parts.positions(), parts.counts()))
    except (pickle.PicklingError, TypeError, AttributeError, RecursionError) as error:
        raise SnapshotError(f"a part of the machine cannot be saved: {error}", remedy="report it") from error
    return Snapshot(buffer.getvalue(), used_pages(machine, before.pages if before is not None else None))


def put_back(machine: Machine, snapshot: Snapshot, *, foreign: bool = False) -> None:
    """Put `machine` into the state of `snapshot`. Raises SnapshotError; then the machine may be unusable.

    `foreign`: the snapshot comes from a file, so every object in it is checked (several times slower).
    """
    parts = Parts(machine)
    try:
        unpickler = _WaryUnpickler if foreign else _Unpickler
        state, cores, positions, counts = unpickler(io.BytesIO(snapshot.graph), parts).load()
        if len(cores) != len(machine.cpus) or not _fits(parts, state):
            raise SnapshotError("the snapshot is of another kind of machine", remedy="build it with the same options")
        put_pages(machine, snapshot.pages)
        for name, values in state.items():
            for attribute, value in values.items():
                setattr(parts.wired[name], attribute, value)
        parts.restore(cores, positions, counts)
    except PffemuError:
        raise
    except Exception as error:
        raise SnapshotError(f"the snapshot is damaged: {error}", remedy="save it again") from error


def _fits(parts: Parts, state: dict[str, dict[str, Any]]) -> bool:
    """Whether the saved attributes are those of this machine's parts."""
    here = {name: attributes(part).keys() for name, part in parts.wired.items()}
    return {name: values.keys() for name, values in state.items()} == here


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, parts: Parts) -> None:
        super().__init__(file, protocol=5)
        self._parts = parts
        if compiled.IN_USE:
            self.reducer_override = _reduced  # type: ignore[method-assign]

    def persistent_id(self, value: Any) -> str | None:
        return self._parts.name_of(value)


def _reduced(value: Any) -> Any:
    """How pickle takes an object apart; of itself it leaves out what a subclass adds to a compiled class."""
    if not hasattr(type(value), "__mypyc_attrs__") or not hasattr(value, "__dict__"):
        return NotImplemented
    return copyreg.__newobj__, (type(value),), value.__getstate__() | vars(value)  # type: ignore[attr-defined]


class _Unpickler(pickle.Unpickler):
    """Makes only objects of pffemu's and plain classes, so that a foreign file cannot run code."""

    def __init__(self, file: io.BytesIO, parts: Parts) -> None:
        super().__init__(file)
        self._parts = parts

    def persistent_load(self, name: Any) -> Any:
        return self._parts.part(name)

    def find_class(self, module: str, name: str) -> Any:
        return permitted_class(module, name)


class _WaryUnpickler(pickle._Unpickler):
    """The same in Python, which allows one check more: only objects that the snapshot itself made are given state."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, file: io.BytesIO, parts: Parts) -> None:
        super().__init__(file)
        self._parts = parts

    def persistent_load(self, name: Any) -> Any:
        return self._parts.part(name)

    def find_class(self, module: str, name: str) -> Any:
        return permitted_class(module, name)

    def load_build(self) -> None:
        target = self.stack[-2]  # type: ignore[attr-defined]
        if isinstance(target, type) or self._parts.name_of(target) is not None:
            raise SnapshotError("the snapshot would change pffemu itself")
        super().load_build()  # type: ignore[misc]

    dispatch[pickle.BUILD[0]] = load_build


def permitted_class(module: str, name: str) -> Any:
    """The class of that name, if a snapshot may hold its objects. Raises SnapshotError for others, and functions."""
    found: Any = None
    if (module, name) in _PLAIN_CLASSES or (module.partition(".")[0] in _OUR_PACKAGES and "." not in name):
        try:
            found = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise SnapshotError(f"the snapshot holds a {module}.{name}, which does not exist") from error
    if not isinstance(found, type) or found.__module__ != module:
        raise SnapshotError(f"the snapshot holds a {module}.{name}, which is not part of a machine")
    return found
