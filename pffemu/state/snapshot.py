"""Snapshots: the whole state of a machine, to be put back into the same machine or another one built alike."""

from __future__ import annotations

import copyreg
import io
import pickle
from dataclasses import dataclass
from typing import Any, Final

from pffemu import compiled
from pffemu.arch.paging import PAGE_SIZE
from pffemu.errors import PffemuError
from pffemu.machine.machine import Machine
from pffemu.state.attribute_types import UNKNOWN, declared
from pffemu.state.classes import SnapshotError
from pffemu.state.graph import read_graph, write_graph
from pffemu.state.parts import Parts, attributes
from pffemu.state.ram_pages import Pages, put_pages, used_pages
from pffemu.state.type_check import check_types

_UNNAMED: Final = 1 << 30  # bytes of RAM in use that nothing needs to name
__all__ = ["Snapshot", "SnapshotError", "put_back", "take"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A machine's state. `graph`: all objects and registers; `pages`: RAM.

    The graph is pickled, or, where `octets` is not None, flat (graph.py) with its bytes there: the only form that is
    ever read from a file.
    """

    graph: bytes
    pages: Pages
    octets: bytes | memoryview | None = None


def take(machine: Machine, before: Snapshot | None = None, *, flat: bool = False) -> Snapshot:
    """The machine's state now. `before`: an older snapshot of it, to share pages with. Raises SnapshotError.

    `flat`: for a file. It is several times slower, so that other snapshots are flat only where pickle would recurse
    too deep: through a long chain of processes, or of directories.
    """
    parts = Parts(machine)
    state = {name: attributes(part) for name, part in parts.wired.items()}
    root = (state, parts.cores(), parts.positions(), parts.counts())
    pages = used_pages(machine, before.pages if before is not None else None)
    flat = flat or (before is not None and before.octets is not None)
    try:
        graph = None if flat else _pickled(root, parts)
    except RecursionError:
        graph = None
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise SnapshotError(f"a part of the machine cannot be saved: {error}", remedy="report it") from error
    return Snapshot(graph, pages) if graph is not None else _flat(root, parts, pages)


def _flat(root: Any, parts: Parts, pages: Pages) -> Snapshot:
    graph, octets = write_graph(root, parts)
    return Snapshot(graph, pages, octets)


def put_back(machine: Machine, snapshot: Snapshot, *, foreign: bool = False) -> None:
    """Put `machine` into the state of `snapshot`. Raises SnapshotError; then the machine may be unusable.

    `foreign`: the snapshot comes from a file, so that it is flat, and its host paths do not count.
    """
    parts = Parts(machine)
    try:
        state, cores, positions, counts = _root(snapshot, parts, foreign)
        if len(cores) != len(machine.cpus) or not _fits(parts, state):
            raise SnapshotError("the snapshot is of another kind of machine", remedy="build it with the same options")
        if foreign:
            _check_types(parts, state)
        put_pages(machine, snapshot.pages)
        for name, values in state.items():
            for attribute, value in values.items():
                setattr(parts.wired[name], attribute, value)
        if foreign:
            _check_frames(machine, snapshot)
        parts.restore(cores, positions, counts)
    except PffemuError:
        raise
    except Exception as error:
        raise SnapshotError(f"the snapshot is damaged: {error}", remedy="save it again") from error


def _check_types(parts: Parts, state: dict[str, dict[str, Any]]) -> None:
    """Raises SnapshotError when a part would get a value of another type than it has, or declares."""
    for name, values in state.items():
        part = parts.wired[name]
        kind: Any = type(part)
        check_types(kind, values)
        for attribute, value in values.items():
            now = getattr(part, attribute)
            if declared(kind, attribute) is UNKNOWN and now is not None and not isinstance(value, type(now)):
                raise SnapshotError(f"the snapshot gives {name}'s {attribute} a {type(value).__name__}")


def _check_frames(machine: Machine, snapshot: Snapshot) -> None:
    """Raises ValueError when more RAM is said to be in use than page tables and objects of this size can name, or the
    counts of frames' users are none.
    """
    machine.kernel.frames.check_users()
    named = PAGE_SIZE // 8 * len(snapshot.pages) + len(snapshot.graph)
    used = machine.kernel.frames.high_water
    if not 0 <= used <= min(machine.ram.size, named * PAGE_SIZE + _UNNAMED):
        raise ValueError(f"{used:,} bytes of RAM in use")


def _root(snapshot: Snapshot, parts: Parts, foreign: bool) -> Any:
    if snapshot.octets is not None:
        return read_graph(snapshot.graph, snapshot.octets, parts, foreign=foreign)
    if foreign:
        raise SnapshotError("a snapshot of this form is not read from files")
    return _Unpickler(io.BytesIO(snapshot.graph), parts).load()


def _fits(parts: Parts, state: dict[str, dict[str, Any]]) -> bool:
    """Whether the saved attributes are those of this machine's parts."""
    here = {name: attributes(part).keys() for name, part in parts.wired.items()}
    return {name: values.keys() for name, values in state.items()} == here


def _pickled(root: Any, parts: Parts) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, parts).dump(root)
    return buffer.getvalue()


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
    """Reads what `_Pickler` wrote in this process."""

    def __init__(self, file: io.BytesIO, parts: Parts) -> None:
        super().__init__(file)
        self._parts = parts

    def persistent_load(self, name: Any) -> Any:
        return self._parts.part(name)
