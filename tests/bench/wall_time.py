"""(c) A whole command, start to end, as a user waits for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable

from tests.bench.result import Result

COMMAND = ("bench", "bfs", "--scale", "20", "--edge-factor", "16", "--mode", "pff", "--json", "-")
TARGET = 15.0  # seconds


def measure(say: Callable[[str], None]) -> list[Result]:
    """Once; it takes seconds."""
    say(f"pffemu {' '.join(COMMAND[:8])}")
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "pffemu", *COMMAND], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    assert done.returncode == 0, f"exit code {done.returncode}"
    (run,) = json.loads(done.stdout)["runs"]
    note = f"{run['faults']:,} faults, {run['instructions'] / 1e6:,.0f} M instructions"
    return [Result("bench bfs, scale 20, edge factor 16, pff", seconds, "s", TARGET, note=note)]
