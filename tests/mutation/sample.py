"""A random sample of mutants of hw/, kernel_model/ and engine/: python -m tests.mutation.sample --mutants 100 --seed 1

Each is applied to a copy of the tree. Tests run from the likeliest on: files that name the module's functions or its
file, then those of its layer, then conformance programs and tests in assembly, until one fails. Prints the
survivors, the kill rate, and its interval of 95 % (Wilson); exits 1 below 95 %.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from math import sqrt
from pathlib import Path
from typing import Final

from tests.mutation.sites import Site, applied, sites

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("pffemu/hw", "pffemu/engine", "kernel_model")
GENERATED: Final = ("ordinary_table.py",)
_COPIED: Final = ("pffemu", "kernel_model", "guest", "tests", "examples", "docs", "pyproject.toml", "Makefile")
_NEAREST: Final = 8  # test files that are tried first
_LAST: Final = ("tests/asm", "tests/unit/hw", "tests/unit/engine", "tests/unit/kernel_model", "tests/conformance")
_SECONDS: Final = 1800  # for one step of tests; a mutant that hangs is killed
ENOUGH: Final = 0.95


def population() -> list[tuple[Path, Site]]:
    """All mutants, in a fixed order."""
    files = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if path.name not in GENERATED)
    return [(path, site) for path in files for site in sites(path.read_text())]


@cache
def _test_files() -> dict[Path, str]:
    return {path: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}


def nearest(path: Path, site: Site) -> list[Path]:
    """Test files by how often they name the mutated function, its class, or its module."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    tree = ast.parse(path.read_text())
    around = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.lineno <= site.line <= (node.end_lineno or 0)
    ]
    words = [rf"\b{re.escape(name)}\b" for name in around if not name.startswith("__")]
    stem = [word.rstrip("s") for word in path.stem.split("_") if len(word) > 2]
    score = {
        test: 20 * text.count(module)
        + sum(5 * (word in test.stem) + (word in text) for word in stem)
        + sum(len(re.findall(each, text)) for each in words)
        for test, text in _test_files().items()
        if test.parent.name != "docs"
    }
    return sorted((test for test in score if score[test]), key=lambda test: -score[test])[:_NEAREST]


def killed(copy: Path, path: Path, site: Site, *, near: bool) -> bool:
    """Whether some test fails with the mutant; `near`: of the likeliest."""
    target, source = copy / path.relative_to(ROOT), path.read_text()
    target.write_text(applied(source, site))
    try:
        steps = [
            [str(test.relative_to(ROOT)) for test in nearest(path, site)],
            *([] if near else ([folder] for folder in _LAST)),
        ]
        return any(_fails(copy, step) for step in steps if step)
    finally:
        target.write_text(source)


def _fails(copy: Path, tests: list[str]) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PFFEMU_JIT": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode not in (0, 5)


def interval(successes: int, size: int) -> tuple[float, float]:
    """Wilson's interval of 95 % for a rate."""
    z = 1.96
    middle = (successes + z * z / 2) / (size + z * z)
    half = z / (size + z * z) * sqrt(successes * (size - successes) / size + z * z / 4)
    return middle - half, middle + half


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.sample", description=__doc__)
    parser.add_argument("--mutants", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants of files whose path holds this")
    parser.add_argument("--near", action="store_true", help="only the likeliest tests: a lower bound, sooner")
    chosen = parser.parse_args()
    everything = [each for each in population() if chosen.only in str(each[0])]
    some = random.Random(chosen.seed).sample(everything, min(chosen.mutants, len(everything)))
    dead = 0
    with tempfile.TemporaryDirectory(prefix="pffemu-mutants-") as folder:
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, Path(folder) / name)
        for number, (path, site) in enumerate(some, 1):
            is_dead = killed(Path(folder), path, site, near=chosen.near)
            dead += is_dead
            old = path.read_text().encode()[site.start : site.end].decode()
            where = f"{path.relative_to(ROOT)}:{site.line}"
            print(f"{number} {'killed' if is_dead else 'SURVIVED'} {where}: {old!r} -> {site.new!r}", flush=True)
    low, high = interval(dead, len(some))
    print(
        f"{dead} of {len(some)} of {len(everything):,} mutants killed: {dead / len(some):.1%} ({low:.0%} to {high:.0%})"
    )
    return int(dead / len(some) < ENOUGH)


if __name__ == "__main__":
    sys.exit(main())
