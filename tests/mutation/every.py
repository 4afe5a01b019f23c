"""Every mutant of directed resolution: python -m tests.mutation.every [--only TEXT] [--rows | --sites] [--jobs 2]

The rows of tests/mutation/mutants.py (each check of the eight steps, and what the kernel does around them), and each
comparison, operator, condition, number and statement of the unit's files in hw/ (tests/mutation/sites.py). One at a
time is bent, and a test must notice. A mutant is a child of this process, which has run all tests once, in which one
function has other code; there the tests that call it run again, the quickest first, then the others. Prints the
survivors, except EQUIVALENT ones; exits 1 if there is one.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.mutants import DIRECTED_RESOLUTION
from tests.mutation.sites import Site, applied, sites

ROOT: Final = Path(__file__).resolve().parents[2]
FILES: Final = tuple(
    f"pffemu/hw/{name}.py" for name in ("directed_resolution", "directive", "frame_rings", "insns/pageout")
)
_UNIT: Final = "tests/unit/kernel_model/test_directed"
BY_NAME: Final = (
    f"{_UNIT}_attacks.py", f"{_UNIT}_returns.py", f"{_UNIT}_costs.py", "tests/asm/test_directed.s",
    "tests/unit/hw/test_own_instructions.py",
)  # fmt: skip
TESTS: Final = (
    *BY_NAME, f"{_UNIT}_points.py", f"{_UNIT}_invariants.py", "tests/unit/debug/test_directives_pane.py",
    "tests/system/test_hardware_resolution.py",
)  # fmt: skip
OPTIONS: Final = ("-q", "-s", "-n", "0", "-p", "no:cacheprovider", "-o", "timeout=0")
_SECONDS: Final = 120  # of CPU time; a mutant that hangs is killed
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


class Mutants:
    """A pytest plugin: all tests run once; then, for each mutant, those that can notice it until one does."""

    def __init__(self, mutants: list[Mutant], jobs: int) -> None:
        self._mutants, self._jobs = mutants, jobs
        self._files = {str(ROOT / file) for file, _ in mutants}
        self.alive: list[Mutant] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        calls = {item: self._called(item) for item in session.items}
        running, waiting = dict[int, Mutant](), iter(self._mutants)
        while True:
            while len(running) < self._jobs and (mutant := next(waiting, None)) is not None:
                running[_start(mutant, _ordered(mutant, calls))] = mutant
            if not running:
                return True
            child, status = os.wait()
            mutant = running.pop(child)
            if os.waitstatus_to_exitcode(status) == 0:
                self.alive.append(mutant)
                told(mutant)

    def _called(self, item: pytest.Item) -> tuple[float, set[tuple[str, str]]]:
        """Run the test: its CPU time, and the functions of mutated files that it calls."""
        found: set[tuple[str, str]] = set()

        def note(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and frame.f_code.co_filename in self._files:
                found.add((frame.f_code.co_filename, frame.f_code.co_name))

        start = time.process_time()
        sys.setprofile(note)
        try:
            reports = runtestprotocol(item, nextitem=None, log=False)
        finally:
            sys.setprofile(None)
        assert not any(report.failed for report in reports), f"{item.nodeid} fails without a mutant"
        return time.process_time() - start, found


def _ordered(mutant: Mutant, calls: dict[pytest.Item, tuple[float, set[tuple[str, str]]]]) -> list[pytest.Item]:
    file, site = mutant
    tree = ast.parse((ROOT / file).read_text())
    around = {
        (str(ROOT / file), node.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.lineno <= site.line <= (node.end_lineno or 0)
    }
    return sorted(calls, key=lambda item: (not around & calls[item][1], calls[item][0]))


def _start(mutant: Mutant, items: list[pytest.Item]) -> int:
    """Start the child: its exit code is 0 if all tests pass."""
    child = os.fork()
    if child:
        return child
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    bend(*mutant)
    failed = (report.failed for item in items for report in runtestprotocol(item, nextitem=None, log=False))
    os._exit(int(any(failed)))


def told(mutant: Mutant) -> None:
    file, site = mutant
    if not known(file, site):
        old = (ROOT / file).read_bytes()[site.start : site.end].decode()
        print(f"survived: {file}:{site.line}: {old!r} -> {site.new!r}", file=sys.__stdout__, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.every", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants of files whose path holds this")
    kinds = parser.add_mutually_exclusive_group()
    kinds.add_argument("--rows", action="store_true", help="only the table's")
    kinds.add_argument("--sites", action="store_true", help="only those of the unit's files")
    parser.add_argument("--lines", default="0-100000", metavar="FIRST-LAST", help="mutants of these lines")
    parser.add_argument("--near", action="store_true", help="only the quick tests: a lower bound, sooner")
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
    run = Mutants(everything, chosen.jobs)
    if pytest.main([*OPTIONS, *(BY_NAME if chosen.near else TESTS)], plugins=[run]) not in (
        pytest.ExitCode.OK,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    ):
        print("the tests cannot be collected")
        return 2
    alive = [mutant for mutant in run.alive if not known(*mutant)]
    same = len(run.alive) - len(alive)
    print(f"{len(everything) - len(run.alive)} of {len(everything)} killed, {same} equivalent, {len(alive)} alive")
    return int(bool(alive))


def known(file: str, site: Site) -> bool:
    line = (ROOT / file).read_text().splitlines()[site.line - 1].strip()
    return (Path(file).stem, line, site.new) in EQUIVALENT


if __name__ == "__main__":
    sys.exit(main())
