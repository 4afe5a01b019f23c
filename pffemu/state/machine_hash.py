"""A hash of a machine's whole state: equal states have equal hashes, wherever objects and files lie on the host."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from pffemu.machine.machine import Machine
from pffemu.state.classes import OF_THE_HOST, OF_THE_USER, fixed_attributes
from pffemu.state.parts import CoreState, Parts, attributes
from pffemu.state.ram_pages import used_pages

_PLAIN: Final = (bool, int, float, str, bytes, type(None))


def machine_hash(machine: Machine) -> str:
    """SHA-256 over RAM, cores, kernel, devices, host streams' positions and event counts."""
    digest = hashlib.sha256()
    for line in state_lines(machine):
        digest.update(line.encode() + b"\n")
    for frame, data in used_pages(machine).items():
        digest.update(frame.to_bytes(8, "little") + data)
    return digest.hexdigest()


def state_lines(machine: Machine) -> Iterator[str]:
    """Everything but RAM as `path = value` lines, in a fixed order, for comparing two states."""
    parts = Parts(machine)
    walk = _Walk(parts)
    for name, part in parts.wired.items():
        yield from walk.lines(name, attributes(part))
    yield from walk.lines("cores", [_seen(machine, i, core) for i, core in enumerate(parts.cores())])
    yield from walk.lines("positions", parts.positions())
    yield from walk.lines("counts", parts.counts())


def _seen(machine: Machine, index: int, core: CoreState) -> CoreState:
    """`core` without what depends on the engine's way here: its last block, and a refusal that no stop waits for."""
    waits = machine.turns.waits(machine.cpus[index])
    return core._replace(counted=core.counted[:3], fill=core.fill if waits else core.fill[:1])


class _Walk:
    """Walks over objects; one met before is named by the path at which it was met first."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._met: dict[int, str] = {}
        self._keep: list[Any] = []  # keeps objects alive, so that no id is used twice

    def lines(self, path: str, value: Any) -> Iterator[str]:
        if isinstance(value, Enum):
            yield f"{path} = {value.name}"
        elif isinstance(value, _PLAIN):
            yield f"{path} = {value!r}"
        elif isinstance(value, bytearray | memoryview) and self._parts.name_of(value) is None:
            yield f"{path} = {bytes(value)!r}"
        elif isinstance(value, list | tuple | deque):
            yield f"{path} = {type(value).__name__} of {len(value)}"
            for i, item in enumerate(value):
                yield from self.lines(f"{path}[{i}]", item)
        elif isinstance(value, dict):
            yield f"{path} = {type(value).__name__} of {len(value)}"
            for i, (key, item) in enumerate(value.items()):
                yield from self.lines(f"{path}.keys[{i}]", key)
                yield from self.lines(f"{path}[{key}]" if isinstance(key, int | str) else f"{path}.values[{i}]", item)
        elif isinstance(value, set | frozenset):
            yield f"{path} = {sorted(value)!r}"
        elif isinstance(value, type) or callable(value):
            yield f"{path} = {value.__module__}.{value.__qualname__}"
        else:
            yield from self._object(path, value)

    def _object(self, path: str, value: Any) -> Iterator[str]:
        name = self._parts.name_of(value)
        if name is not None or id(value) in self._met:
            yield f"{path} -> {name or self._met[id(value)]}"
            return
        self._met[id(value)] = path
        self._keep.append(value)
        yield f"{path} = {type(value).__name__}"
        of_the_host = fixed_attributes(type(value), OF_THE_HOST) | fixed_attributes(type(value), OF_THE_USER)
        for attribute, item in sorted(attributes(value).items()):
            if attribute not in of_the_host:
                yield from self.lines(f"{path}.{attribute}", item)
