"""The same programs under other hash seeds, folders, environments and loads, compiled or not, traced, debugged or in
pieces: the same machine at the end, and the same output.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pffemu import Mode
from tests.conformance import program as conformance

ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Replayed:
    """A program: an assembly source of the tree, or a conformance program in C (`files/pipe_basics`)."""

    name: str
    arguments: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def in_c(self) -> bool:
        return not self.name.endswith(".s")


@dataclass(frozen=True)
class Variation:
    """How it is run. `load`: that many processes compute beside it."""

    how: str = "plain"
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "here"
    load: int = 0


_BENCH: Final = "guest/asm/fault_bench.s"
PROGRAMS: Final = (
    Replayed("examples/own_handler.s"),
    Replayed(_BENCH, ("4", "0", "0", "0"), {"mode": Mode.UFFD}),
    Replayed(_BENCH, ("4", "1", "0", "0"), {"cpus": 3}),
    Replayed(_BENCH, ("8", "0", "1", "0"), {"mode": Mode.PFF_PTE}),
    Replayed(_BENCH, ("16", "1", "1", "1", "2"), {"mode": Mode.UFFD, "cpus": 2}),
    Replayed(_BENCH, ("16", "0", "0", "2", "4"), {"mode": Mode.KERNEL, "cpus": 4}),
    Replayed("examples/hello.s", options={"seed": 7, "ram": 64 << 20}),
    Replayed("guest/asm/signal_bench.s", ("12",), {"mode": Mode.KERNEL}),
    Replayed("guest/asm/region_sweep.s", ("70",)),
    Replayed("guest/asm/region_sweep.s", ("5",), {"mode": Mode.PFF_PTE}),
    *(
        Replayed(name)
        for name in (
            "files/transfer", "floats/exceptions", "futex/wait_wake", "futex/pi_lock", "instructions/branches",
            "ipc/messages", "memory/fork_cow", "memory/random_calls", "memory/self_modifying", "processes/fork_threads",
            "processes/spawn_many", "signals/nested_faults", "signals/restart", "signals/threads_signals",
            "sockets/stream", "threads/many_threads", "threads/queue_condvar", "time/itimers",
            "time/posix_timers", "userfaultfd/copy_and_zeropage", "userfaultfd/several", "waiting/work_queue",
        )
    ),
)  # fmt: skip
VARIATIONS: Final = (
    Variation(environment={"PYTHONHASHSEED": "1"}),
    Variation("traced", {"PYTHONHASHSEED": "2", "PFFEMU_JIT": "0"}),
    Variation("debugged", {"PYTHONHASHSEED": "3"}, "a folder/with a name"),
    Variation(
        environment={"LANG": "tr_TR.UTF-8", "TZ": "Asia/Tokyo", "HOME": "/nowhere", "USER": "me", "PYTHONOPTIMIZE": "1"}
    ),
    Variation("pieces", {"PYTHONHASHSEED": "4", "PYTHONMALLOC": "malloc", "OMP_NUM_THREADS": "1", "COLUMNS": "40"}),
    Variation("traced", {"PYTHONHASHSEED": "5"}, load=3),
    Variation("debugged", {"PYTHONHASHSEED": "6", "PFFEMU_JIT": "0"}),
)


def laid_out(program: Replayed, folder: Path) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    """Put the program into `folder`; its file there, arguments, and options of the machine."""
    folder.mkdir(parents=True)
    if not program.in_c:
        shutil.copytree((ROOT / program.name).parent, folder, dirs_exist_ok=True)
        return Path(program.name).name, program.arguments, program.options
    source = next(each for each in conformance.programs() if each.name == program.name)
    shutil.copy(conformance.build(source), folder / "program")
    return "program", source.args, {"mode": Mode.UFFD, "cpus": source.cpus, "stdin": source.stdin}


def possible() -> list[int]:
    """Numbers of the programs that this host can build."""
    return [i for i, program in enumerate(PROGRAMS) if not program.in_c or conformance.compiler(".c")]


def left_by(numbers: Sequence[int], variation: Variation, folder: Path) -> list[str]:
    """What runs of the programs under `variation` leave, a line each (replayed.py)."""
    place = folder / variation.folder
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.fuzz.replayed", variation.how, str(place), *map(str, numbers)]
    with _busy(variation.load):
        ran = subprocess.run(
            command, cwd=place, capture_output=True, timeout=3000, check=False, stdin=subprocess.DEVNULL, text=True,
            env={**os.environ, **variation.environment, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    assert ran.returncode == 0, f"{variation}: {ran.stdout[-200:]}{ran.stderr}"
    return ran.stdout.splitlines()


@contextmanager
def _busy(processes: int) -> Iterator[None]:
    """So many processes compute meanwhile."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for each in spinning:
            each.kill()
            each.wait()


def run_one(folder: Path, seed: int) -> int:
    """Run some programs in two ways; how many. Raises AssertionError when they left something else."""
    source = random.Random(f"replay {seed}")
    numbers = source.sample(possible(), 4)
    one, two = source.sample(VARIATIONS, 2)
    first, second = (left_by(numbers, each, folder) for each in (one, two))
    assert first == second, f"{one}:\n{first}\n{two}:\n{second}"
    return len(numbers)
