"""The same programs under another hash seed, folder, environment, with and without compiled hooks: the same trace."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
# name, options, arguments
PROGRAMS: Final = (
    ("examples/own_handler.s", (), ()),
    ("guest/asm/fault_bench.s", ("--mode", "uffd"), ("4", "0", "0", "0")),
    ("guest/asm/fault_bench.s", ("--mode", "pff", "--cpus", "3"), ("4", "1", "0", "0")),
    ("examples/hello.s", (), ()),
    ("guest/asm/fault_bench.s", ("--mode", "pff-pte"), ("8", "0", "1", "0")),
    ("guest/asm/signal_bench.s", ("--mode", "kernel"), ()),
    ("examples/own_handler.s", ("--profile", "amd-rome", "--cpus", "1"), ()),
    ("examples/hello.s", ("--seed", "7", "--ram", "64M"), ()),
)  # fmt: skip
VARIATIONS: Final[tuple[dict[str, str], ...]] = (
    {"PYTHONHASHSEED": "1"},
    {"PYTHONHASHSEED": "2", "PFFEMU_JIT": "0"},
    {"PYTHONHASHSEED": "3", "FOLDER": "a folder/with a name"},
    {"LANG": "tr_TR.UTF-8", "TZ": "Asia/Tokyo", "HOME": "/nowhere", "USER": "somebody", "PYTHONOPTIMIZE": "1"},
    {"PYTHONHASHSEED": "4", "PYTHONMALLOC": "malloc", "OMP_NUM_THREADS": "1", "COLUMNS": "40"},
)


def trace_hash(program: int, variation: dict[str, str], folder: Path) -> str:
    """SHA-256 of the trace and the exit status of a run under `variation`."""
    name, options, arguments = PROGRAMS[program]
    place = folder / variation.get("FOLDER", "here")
    place.mkdir(parents=True, exist_ok=True)
    for path in (ROOT / name).parent.iterdir():
        if path.suffix in (".s", ".inc"):
            shutil.copy(path, place)
    environment = {key: value for key, value in {**os.environ, **variation}.items() if key != "FOLDER"}
    command = [
        sys.executable,
        "-m",
        "pffemu",
        "run",
        "--budget",
        "300000",
        "--trace",
        "trace",
        *options,
        Path(name).name,
    ]
    ran = subprocess.run(
        [*command, *arguments], cwd=place, capture_output=True, timeout=300, check=False, stdin=subprocess.DEVNULL,
        env={**environment, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert ran.returncode < 125, ran.stderr
    return f"{hashlib.sha256((place / 'trace').read_bytes()).hexdigest()} {ran.returncode}"
