"""Checks that the assembly tests notice a missing step of the machine: python -m tests.mutation.run [--jobs 2]

Each mutant is applied to a copy of the sources, and tests/asm runs there until its first failure; for those of directed
resolution, whose checks a guest alone cannot reach, the tests that make each step themselves run first; those of the
page cache of files on disk, which needs a disk, have only tests of their own. Prints the kill rate and the survivors;
exits 1 when fewer than 95 % are killed, or a row no longer fits the sources.
"""

from __future__ import annotations

import argparse
import compileall
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.mutation.mutants import DIRECTED_RESOLUTION, MUTANTS, PAGE_CACHE, Mutant

ROOT = Path(__file__).resolve().parents[2]
STEP_BY_STEP = (
    "tests/directed_world.py", "tests/directed_cases.py", "tests/directed_operations.py", "tests/directed_points.py",
    "tests/guest_tools.py", "tests/unit/kernel_model/test_directed_attacks.py",
    "tests/unit/kernel_model/test_directed_returns.py", "tests/unit/kernel_model/test_directed_points.py",
    "tests/unit/kernel_model/test_directed_invariants.py",
)  # fmt: skip
PAGES = (
    "tests/page_cache_guests.py", "tests/system/test_page_cache_paths.py", "tests/system/test_page_reclaim_policy.py",
    "tests/system/test_page_cache_calls.py", "tests/system/test_page_cache.py",
)  # fmt: skip
COPIED = ("pffemu", "kernel_model", "guest", "tests/asm")
ENOUGH = 0.95
TIMEOUT = 600  # seconds, one mutant; one that hangs is killed, and named


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("--only", default="", help="mutants of files whose name holds this")
    arguments = options.parse_args()
    mutants = [mutant for mutant in MUTANTS if arguments.only in mutant.file]
    stale = [mutant for mutant in mutants if not fits(mutant)]
    for mutant in stale:
        print(f"stale: {mutant.file}: not there exactly once: {mutant.old.strip()!r}")
    fitting = [mutant for mutant in mutants if mutant not in stale]
    with tempfile.TemporaryDirectory(prefix="pffemu-mutants-") as folder:
        clean = clean_copy(Path(folder))
        if not survives(clean, None):
            print("the assembly tests fail without any mutant")
            return 1
        survivors = []
        with ThreadPoolExecutor(arguments.jobs) as pool:
            for mutant, alive in zip(fitting, pool.map(partial(survives, clean), fitting), strict=True):
                if alive:
                    survivors.append(mutant)
                    print(f"survived: {described(mutant)}", flush=True)
    rate = 1 - len(survivors) / len(fitting)
    print(f"{len(fitting) - len(survivors)} of {len(fitting)} mutants killed ({rate:.1%})")
    return 0 if rate >= ENOUGH and not stale else 1


def fits(mutant: Mutant) -> bool:
    path = ROOT / mutant.file
    return path.is_file() and path.read_text().count(mutant.old) == 1


def described(mutant: Mutant) -> str:
    return f"{mutant.file}: {mutant.old.strip()!r} -> {mutant.new.strip()!r}"


def clean_copy(folder: Path) -> Path:
    """The sources without a mutant, compiled, so that each mutant's copy compiles one file only."""
    copy = folder / "clean"
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in STEP_BY_STEP + PAGES:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    # no options of the project's own: its plugins and strictness do not matter here, strict xfail does
    (copy / "pyproject.toml").write_text("[tool.pytest.ini_options]\nxfail_strict = true\n")
    compileall.compile_dir(copy, quiet=1)
    return copy


def survives(clean: Path, mutant: Mutant | None) -> bool:
    """Whether every assembly test passes in a copy that holds the mutant; the likeliest are tried first."""
    with tempfile.TemporaryDirectory(prefix="pffemu-mutant-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(clean, copy)
        if mutant is not None:
            path = copy / mutant.file
            path.write_text(path.read_text().replace(mutant.old, mutant.new))
        if mutant in PAGE_CACHE:
            return passes(copy, mutant, [copy / name for name in PAGES if "test_" in name])
        likely = sorted((copy / "tests/asm").glob(likely_tests(mutant)))
        stepped = [copy / name for name in STEP_BY_STEP if "test_" in name] if mutant in DIRECTED_RESOLUTION else []
        return all(passes(copy, mutant, tests) for tests in (stepped, likely, [copy / "tests/asm"]) if tests)


def passes(copy: Path, mutant: Mutant | None, tests: list[Path]) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *map(str, tests)]
    environment = {**os.environ, "PFFEMU_JIT": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        print(f"hung: {described(mutant) if mutant is not None else 'without a mutant'}", flush=True)
        return False
    if mutant is not None and (done.returncode > 1 or b"INTERNALERROR" in done.stdout):
        print(f"broken: {mutant.file}: {done.stdout[-500:].decode()}{done.stderr[-500:].decode()}")
    return done.returncode == 0


def likely_tests(mutant: Mutant | None) -> str:
    """Which files come first: those about what the mutant is in. Only how long it takes depends on it."""
    for word, files in (
        ("uffd", "test_uffd*"),
        ("signal", "test_signals*"),
        ("uintr", "test_u*intr*"),
        ("insns", "test_u*"),
        ("own_encodings", "test_u*"),
    ):
        if mutant is not None and word in mutant.file:
            return files
    return "test_f*"


if __name__ == "__main__":
    sys.exit(main())
