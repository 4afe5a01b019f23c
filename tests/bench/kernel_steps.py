"""Steps of this host's kernel, in read faults, beside the default profile's: python -m tests.bench.kernel_steps FOLDER.

The profile's entries for areas, eviction and the disk's software come from this program's ratios (docs/timing.md).
FOLDER is on a file system with a page cache; where the disk below it is RAM (zram), `direct-read` is software alone.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.bench.programs import build

ROUNDS: Final = 15  # on the host; in the model all rounds are the same
_SCALE: Final = "read-fault"


def steps(output: str) -> dict[str, float]:
    """Each step in read faults of its group, and the read faults themselves in ns."""
    found = {f"{group} {step}": float(ns) for group, step, ns in map(str.split, output.splitlines())}
    return {
        name: ns / (found[f"{name.split()[0]} {_SCALE}"] if _SCALE not in name else 1) for name, ns in found.items()
    }


def main() -> int:
    """0; 1 when the program cannot be run here."""
    if len(sys.argv) != 2:
        print("usage: python -m tests.bench.kernel_steps FOLDER", file=sys.stderr)
        return 2
    program = build("kernel_steps.c")
    with tempfile.TemporaryDirectory() as empty:
        commands = (
            [str(program), sys.argv[1], str(ROUNDS)],
            [
                sys.executable,
                "-m",
                "pffemu",
                "run",
                "--fault-around",
                "1",
                "--root",
                f"{Path(empty)}:/mnt",
                str(program),
                "/mnt",
                "1",
            ],
        )
        done = [subprocess.run(command, stdout=subprocess.PIPE, text=True) for command in commands]
    if any(one.returncode for one in done):
        return 1
    here, model = (steps(one.stdout) for one in done)
    print(f"{'step':22} {'host':>8} {'model':>8}   (read faults; read faults themselves in ns)")
    for name, value in here.items():
        places = 0 if _SCALE in name else 2
        print(f"{name:22} {value:8.{places}f} {model[name]:8.{places}f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
