"""Writers that are killed in the middle: what they had written before is there, whole, or what they write now is.

A child process counts the C functions that a writer calls and kills itself (SIGKILL) at the N-th. Full disks are in
tests/system/test_hostile_files.py.
"""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from guest import graph_cache
from pffemu import Machine, assemble
from pffemu.cli.terminal import write_text
from pffemu.state import snapshot_file
from tests.fuzz.batch import Nowhere

_END: Final = 99  # the status of a child whose writer ended before it was killed


def killed_at(number: int, write: Callable[[], None]) -> bool:
    """Run `write` in a child that dies at its `number`-th call of a C function; False when it ended before."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == _END, status
        return os.WIFSIGNALED(status)
    left = number

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal left
        if event == "c_call":
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    write()
    sys.setprofile(None)
    os._exit(_END)


def calls_of(write: Callable[[], None]) -> int:
    """C functions that the writer calls."""
    count = 0

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "c_call"

    sys.setprofile(note)
    try:
        write()
    finally:
        sys.setprofile(None)
    return count


def _machine(rax: int) -> Machine:
    machine = Machine(ram=4 << 20, cpus=1, stdout=Nowhere(), stderr=Nowhere())
    machine.load(assemble(f"_start: mov eax, {rax}\nl: jmp l\n"))
    machine.run(10)
    return machine


class SnapshotWriter:
    """`save` of a machine; a file is the old machine's or the new one's."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state"
        self._old, self._new = _machine(1), _machine(2)

    def reset(self) -> None:
        snapshot_file.save(self._old, self.path)

    def write(self) -> None:
        snapshot_file.save(self._new, self.path)

    def check(self) -> None:
        restored = snapshot_file.restore(self.path, stdout=Nowhere(), stderr=Nowhere())
        assert restored.cpus[0].registers["rax"] in (1, 2)


class ResultWriter:
    """--json of a run or a benchmark."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "result.json"

    def reset(self) -> None:
        self.path.write_text("old\n")

    def write(self) -> None:
        write_text("new" * 10_000, str(self.path))

    def check(self) -> None:
        assert self.path.read_text() in ("old\n", "new" * 10_000 + "\n")


class GraphWriter:
    """The cache of graphs: a file that is not whole is none."""

    def __init__(self, folder: Path) -> None:
        os.environ["PFFEMU_GRAPH_CACHE"] = str(folder)
        self._data = np.arange(64, dtype=np.uint64)
        self._levels = np.arange(15, dtype=np.uint16)

    def reset(self) -> None:
        graph_cache.store("g", self._data, self._levels)

    def write(self) -> None:
        graph_cache.store("g", self._data * 2, self._levels)

    def check(self) -> None:
        found = graph_cache.load("g", 64, 15)
        assert found is not None
        assert found[1][1] in (1, 2)


WRITERS: Final[tuple[Callable[[Path], Any], ...]] = (SnapshotWriter, ResultWriter, GraphWriter)


def kill_everywhere(make: Callable[[Path], Any], folder: Path, places: int) -> int:
    """Kill the writer at `places` of its calls, spread over all of them; how many times it was killed."""
    writer = make(folder)
    writer.reset()
    calls = calls_of(writer.write)
    killed = 0
    for place in range(places):
        writer.reset()
        killed += killed_at(1 + place * calls // places, writer.write)
        writer.check()
    return killed


_made: dict[tuple[int, Path], tuple[Any, int]] = {}  # writers and the calls they make, by number and folder


def run_one(folder: Path, seed: int) -> int:
    """Kill one writer at a random call; 1."""
    source = random.Random(f"writers {seed}")
    number = seed % len(WRITERS)
    if (number, folder) not in _made:
        place = folder / str(number)
        place.mkdir()
        writer = WRITERS[number](place)
        writer.reset()
        _made[number, folder] = writer, calls_of(writer.write)
    writer, calls = _made[number, folder]
    writer.reset()
    killed_at(source.randrange(1, calls + 1), writer.write)
    writer.check()
    return 1
