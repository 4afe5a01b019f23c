"""Every mutant of directed resolution: python -m tests.mutation.every [--only TEXT] [--rows | --sites] [--jobs 2]

The rows of tests/mutation/mutants.py (each check of the eight steps, and what the kernel does around them), and each
comparison, operator, condition, number and statement of the unit's files in hw/ (tests/mutation/sites.py). One at a
time is bent, and a test must notice: those that make each step themselves first. A mutant is a child of this process
in which one function has other code. Prints the survivors, except EQUIVALENT ones; exits 1 if there is one.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any, Final

import pytest

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.mutants import DIRECTED_RESOLUTION
from tests.mutation.sites import Site, applied, sites

ROOT: Final = Path(__file__).resolve().parents[2]
FILES: Final = tuple(
    f"pffemu/hw/{name}.py" for name in ("directed_resolution", "directive", "frame_rings", "insns/pageout")
)
_UNIT: Final = "tests/unit/kernel_model/test_directed"
TESTS: Final = (
    (f"{_UNIT}_attacks.py",),
    (f"{_UNIT}_returns.py", f"{_UNIT}_costs.py"),
    ("tests/asm/test_directed.s", "tests/unit/debug/test_directives_pane.py", "tests/unit/hw/test_own_instructions.py"),
    (f"{_UNIT}_points.py",),
    (f"{_UNIT}_invariants.py",),
    ("tests/system/test_hardware_resolution.py",),
)
OPTIONS: Final = ("-x", "-q", "-n", "0", "-p", "no:cacheprovider")
_SECONDS: Final = 900  # a mutant that hangs is killed
Mutant = tuple[str, Site]


def rows() -> list[Mutant]:
    """Those of the table."""
    found = []
    for file, old, new in DIRECTED_RESOLUTION:
        before, text, behind = (ROOT / file).read_text().partition(old)
        assert text, f"not there: {old}"
        assert old not in behind, f"there twice: {old}"
        at = len(before.encode())
        found.append((file, Site(1 + before.count("\n"), at, at + len(old.encode()), new)))
    return found


def every_site() -> list[Mutant]:
    """Those of the unit's files."""
    return [(file, site) for file in FILES for site in sites((ROOT / file).read_text())]


def bend(file: str, site: Site) -> None:
    """Give the function around the place its other code."""
    module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    code = compile(applied((ROOT / file).read_text(), site), str(ROOT / file), "exec", dont_inherit=True)
    for function, new in _functions(module, code):
        if function.__code__ != new:
            function.__code__ = new
            return
    raise AssertionError(f"{file}:{site.line}: in no function")


def _functions(owner: Any, code: CodeType) -> Iterator[tuple[Any, CodeType]]:
    """Functions of the module or class, with their code in another version of it."""
    for new in code.co_consts:
        if not isinstance(new, CodeType):
            continue
        found = vars(owner).get(new.co_name)
        if isinstance(found, type):
            yield from _functions(found, new)
            continue
        found = getattr(found, "fget", getattr(found, "__func__", found))
        if hasattr(found, "__code__"):
            yield found, new


def survives(mutant: Mutant) -> int:
    """Start the child: its exit code is 0 if all tests pass."""
    child = os.fork()
    if child:
        return child
    signal.alarm(_SECONDS)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    bend(*mutant)
    os._exit(next((1 for tests in TESTS if pytest.main([*OPTIONS, *tests])), 0))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.every", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants of files whose path holds this")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--rows", action="store_true", help="only the table's")
    kinds.add_argument("--sites", action="store_true", help="only those of the unit's files")
    parser.add_argument("--lines", default="0-100000", metavar="FIRST-LAST", help="mutants of these lines")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args()
    os.chdir(ROOT)
    os.environ["PFFEMU_JIT"] = "0"
    world = importlib.import_module("tests.directed_world")
    for cores in (1, 2):
        world.machine_of(cores)  # the children have them, too
    first, last = map(int, chosen.lines.split("-"))
    chosen_kinds = [] if chosen.sites else rows()
    chosen_kinds += [] if chosen.rows else every_site()
    everything = [(file, site) for file, site in chosen_kinds if chosen.only in file and first <= site.line <= last]
    alive, equivalent, running = 0, 0, dict[int, Mutant]()
    waiting = iter(everything)
    while True:
        while len(running) < chosen.jobs and (mutant := next(waiting, None)) is not None:
            running[survives(mutant)] = mutant
        if not running:
            break
        child, status = os.wait()
        file, site = running.pop(child)
        if os.waitstatus_to_exitcode(status):
            continue
        if known(file, site):
            equivalent += 1
        else:
            alive += 1
            old = (ROOT / file).read_bytes()[site.start : site.end].decode()
            print(f"survived: {file}:{site.line}: {old!r} -> {site.new!r}", flush=True)
    print(f"{len(everything) - alive - equivalent} of {len(everything)} killed, {equivalent} equivalent, {alive} alive")
    return int(alive > 0)


def known(file: str, site: Site) -> bool:
    line = (ROOT / file).read_text().splitlines()[site.line - 1].strip()
    return (Path(file).stem, line, site.new) in EQUIVALENT


if __name__ == "__main__":
    sys.exit(main())
