"""Snapshot files that somebody has written by hand: with right checksums, and anything in them.

Whatever is in one, it is refused or makes a machine; no class of the model is another one afterwards, no file but the
snapshot is opened, and memory and time are bounded.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from kernel_model.files.host_tree import Mount
from pffemu import Machine
from pffemu.errors import PffemuError
from pffemu.state import snapshot_file
from pffemu.state.machine_hash import machine_hash
from tests.fuzz import guest
from tests.fuzz.batch import Nowhere

_RAM: Final = 8 << 20  # bytes
_BUDGET: Final = 300  # instructions
_LENGTH: Final = struct.Struct("<Q")
_PYTHONS: Final = (sys.prefix, sys.base_prefix, str(Path(__file__).parents[2]), "/proc/cpuinfo")  # modules, numba
_NAMES: Final = (
    "__class__",
    "__dict__",
    "__init__",
    "host",
    "release",
    "_descriptor",
    "file",
    "names",
    "mount",
    "host_fs",
)
_CLASSES: Final = (
    ("builtins", "eval"), ("os", "system"), ("subprocess", "Popen"), ("pathlib", "PosixPath"), ("io", "FileIO"),
    ("kernel_model.files.host_tree", "Mount"), ("kernel_model.files.host_file", "HostFile"),
    ("kernel_model.files.tree.place", "Place"), ("pffemu.machine.image", "Image"), ("kernel_model.kernel", "Kernel"),
    ("pffemu.hw.cpu", "Cpu"), ("kernel_model.files.host_stream", "OutputFile"), ("pffemu.errors", "PffemuError"),
)  # fmt: skip
_VALUES: Final[tuple[Any, ...]] = (
    None, True, 0, -1, 1, 3, 1 << 31, 1 << 40, 1 << 62, (1 << 64) - 1, 1 << 200, -(1 << 70), 0.5, float("inf"), "",
    "..", "/etc/passwd", "\ud800", [0], [1], [1 << 40], [-1], [0, 5], [0, 1 << 40], [-4, 8], {}, {"a": 1}, [], [[0]],
)  # fmt: skip


@dataclass(slots=True)
class Parts:
    """The contents of a snapshot file."""

    options: dict[str, Any]
    graph: dict[str, Any]
    octets: bytearray
    pages: bytearray
    header: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, data: bytes) -> Parts:
        line, _, body = data.partition(b"\n")
        told, graph, octets, pages = snapshot_file._parts(zlib.decompress(body))
        header = json.loads(line[len(snapshot_file.MAGIC) :])
        return cls(json.loads(bytes(told)), json.loads(bytes(graph)), bytearray(octets), bytearray(pages), header)

    def written(self, parts: Sequence[bytes] = (), **header: Any) -> bytes:
        """A file with a right header, but for what `header` says otherwise; `parts`: other ones than these."""
        texts = (json.dumps(each).encode("ascii") for each in (self.options, self.graph))
        parts = parts or (*texts, bytes(self.octets), bytes(self.pages))
        raw = b"".join(_LENGTH.pack(len(part)) + part for part in parts)
        body = zlib.compress(raw, 1)
        told = self.header | {"size": len(raw), "sha256": hashlib.sha256(body).hexdigest()} | header
        return snapshot_file.MAGIC + json.dumps(told).encode() + b"\n" + body


@cache
def good(folder: Path) -> bytes:
    """A snapshot of a guest with threads, files and a root, in the middle of its run."""
    (folder / "root").mkdir(exist_ok=True)
    (folder / "root" / "f").write_bytes(bytes(range(256)) * 40)
    machine = Machine(ram=_RAM, cpus=2, stdout=Nowhere(), stderr=Nowhere(), roots=(Mount(str(folder / "root"), ()),))
    machine.load(guest.program())
    source = random.Random(5)
    machine.memory.write(machine.symbols["table"], guest.table(source))
    machine.memory.write(machine.symbols["data"], guest.data(source))
    machine.run(60_000)
    snapshot_file.save(machine, folder / "good")
    return (folder / "good").read_bytes()


def mutated(parts: Parts, source: random.Random) -> None:
    """Change some of it."""
    for _ in range(source.choice((1, 1, 2, 5, 30))):
        _MUTATIONS[source.randrange(len(_MUTATIONS))](parts, source)


def objects_in_attributes(parts: Parts) -> list[tuple[list[Any], int, str, list[list[int]]]]:
    """Where an attribute holds an object: the values, its place in them, its name, and objects of classes that no such
    attribute of that class holds anywhere in the snapshot.
    """
    nodes, classes = parts.graph["nodes"], parts.graph["classes"]
    held: dict[tuple[int, int], set[str]] = {}
    places: dict[tuple[int, int], list[Any]] = {}
    for node in nodes:
        if node[0] == "object":
            for at, value in enumerate(node[2]):
                kind = nodes[value[0]] if isinstance(value, list) and len(value) == 1 else ["none"]
                held.setdefault((node[1], at), set()).add(classes[kind[1]][1] if kind[0] == "object" else kind[0])
                if kind[0] == "object":
                    places[node[1], at] = node[2]
    objects = {classes[node[1]][1]: [i] for i, node in enumerate(nodes) if node[0] == "object"}
    few = [objects[name] for name in ("UintrState", "FrameAllocator", "RwLock")]  # of which nothing is a subclass
    own = {tuple(each): name for name, each in objects.items()}
    return [
        (values, at, ".".join((classes[number][1], classes[number][2][at])),
         [each for each in few if own[tuple(each)] not in held[number, at]])
        for (number, at), values in places.items()
    ]  # fmt: skip


def _value(parts: Parts, source: random.Random) -> None:
    node = source.choice(parts.graph["nodes"])
    places = [each for each in node[1:] if isinstance(each, list) and each] or [node]
    target = source.choice(places)
    target[source.randrange(len(target))] = _some_value(parts, source)


def _some_value(parts: Parts, source: random.Random) -> Any:
    if source.random() < 0.4:
        return [source.randrange(len(parts.graph["nodes"]))]
    return deepcopy(source.choice(_VALUES))  # what is put in is changed later, here and in no other case


def _node(parts: Parts, source: random.Random) -> None:
    nodes = parts.graph["nodes"]
    nodes[source.randrange(len(nodes))] = json.loads(json.dumps(source.choice(nodes)))


def _class(parts: Parts, source: random.Random) -> None:
    row = source.choice(parts.graph["classes"])
    row[:2] = source.choice((*_CLASSES, *(tuple(each[:2]) for each in parts.graph["classes"])))


def _attribute(parts: Parts, source: random.Random) -> None:
    row = source.choice([each for each in parts.graph["classes"] if each[2]])
    row[2][source.randrange(len(row[2]))] = source.choice((*_NAMES, *source.choice(parts.graph["classes"])[2]))


def _part(parts: Parts, source: random.Random) -> None:
    named = [node for node in parts.graph["nodes"] if node[0] == "part"]
    source.choice(named)[1] = source.choice((*(node[1] for node in named), "mount:/etc", "options.Nothing", ""))


def _option(parts: Parts, source: random.Random) -> None:
    table = source.choice((parts.options["machine"], parts.options["cpu"], parts.options["profile"]))
    table[source.choice((*table, "roots", "libs"))] = deepcopy(source.choice(_VALUES))


def _octet(parts: Parts, source: random.Random) -> None:
    target = source.choice((parts.octets, parts.pages))
    for _ in range(source.choice((1, 10, 1000))):
        target[source.randrange(len(target))] = source.randrange(256)


_MUTATIONS: Final = (_value, _value, _value, _value, _node, _class, _attribute, _part, _option, _octet)


def fingerprint() -> dict[str, tuple[int, ...]]:
    """All classes and functions of the model, and what they hold."""
    found = {}
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in ("pffemu", "kernel_model") and module is not None:
            for key, value in list(vars(module).items()):
                if isinstance(value, type) and value.__module__ == name:
                    attributes = {k: v for k, v in vars(value).items() if not k.startswith(("_abc", "__abstract"))}
                    found[f"{name}.{key}"] = tuple(x for k, v in sorted(attributes.items()) for x in (hash(k), id(v)))
    return found


@contextmanager
def _opened(folder: Path) -> Iterator[list[str]]:
    """What is meanwhile opened or changed outside `folder`, but for Python's own modules."""
    if not _installed:
        sys.addaudithook(_hook)
        _installed.append(True)
    _elsewhere.clear()
    _allowed[:] = [str(folder), "/proc/self/fd/"]
    try:
        yield _elsewhere
    finally:
        _allowed.clear()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _allowed or not (event == "open" or event.startswith(("os.", "subprocess.", "socket.", "ctypes."))):
        return
    for path in arguments[:2]:
        text = os.fsdecode(path) if isinstance(path, str | bytes) else ""
        module = text.endswith((".py", ".pyc", ".so")) or text.startswith(_PYTHONS) or text in sys.path
        if ("/" in text or text == "..") and not module and not text.startswith(tuple(_allowed)):
            _elsewhere.append(f"{event} of {text}")


_installed: list[bool] = []
_allowed: list[str] = []
_elsewhere: list[str] = []


def run_one(folder: Path, seed: int) -> str:
    """Restore and run a mutated snapshot; how it ended. Raises AssertionError for what must not happen."""
    source = random.Random(seed)
    parts = Parts.of(good(folder))
    mutated(parts, source)
    path = folder / "mutant"
    path.write_bytes(parts.written())
    roots = (Mount(str(folder / "root"), ()),)
    before = fingerprint()
    ended = "refused"
    with _opened(folder) as elsewhere, suppress(PffemuError):
        machine = snapshot_file.restore(path, stdout=Nowhere(), stderr=Nowhere(), roots=roots)
        ended = "restored"
        with suppress(Exception):  # what the objects are good for is found out when they are used
            machine.run(_BUDGET)
            machine_hash(machine)
            ended = "ran"
    assert not elsewhere, f"seed {seed}: {elsewhere}"
    after = fingerprint()
    changed = [name for name, value in before.items() if after.get(name) != value]
    assert not changed, f"seed {seed}: {changed}"
    return ended
