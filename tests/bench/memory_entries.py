"""What guesses among the default profile's `[memory]` entries move: python -m tests.bench.memory_entries [SCALE].

No error bar has them (docs/timing.md), so each is halved and doubled in a profile of its own, and breadth-first search
runs under it with `--memory caches`. One line an entry: by how much the ratio of userfaultfd, and of the kernel, to
forwarding moves.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from pffemu.timing import DEFAULT_PROFILE, load_profile
from pffemu.timing.profile import Status

MODES: Final = ("kernel", "uffd", "pff")
_FLAGS: Final = {"prefetch.pair": (0,)}  # entries that are on or off


def ratios(scale: int, profile: str) -> tuple[float, float]:
    """Time of userfaultfd and of the kernel, over that of forwarding."""
    command = [sys.executable, "-m", "pffemu", "bench", "bfs", "--scale", str(scale), "--edge-factor", "16"]
    modes = [word for mode in MODES for word in ("--mode", mode)]
    options = ["--memory", "caches", "--profile", profile, "--json", "-"]
    done = subprocess.run([*command, *modes, *options], check=True, capture_output=True, text=True)
    cycles = {run["mode"]: run["cycles"] for run in json.loads(done.stdout)["runs"]}
    return cycles["uffd"] / cycles["pff"], cycles["kernel"] / cycles["pff"]


def main() -> None:
    scale = int(sys.argv[1]) if len(sys.argv) > 1 else 14
    own = ratios(scale, DEFAULT_PROFILE)
    print(f"scale {scale}: uffd / pff {own[0]:.3f}, kernel / pff {own[1]:.3f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "changed.toml")
        for name, entry in load_profile().hierarchy.items():
            if entry.status is not Status.GUESSED:
                continue
            moved = [0.0, 0.0]
            for value in _FLAGS.get(name, (float(entry.value) / 2, float(entry.value) * 2)):
                changed = (
                    f'"{name}" = {{ value = {value:g}, unit = "{entry.unit}", status = "guessed", source = "changed" }}'
                )
                path.write_text(
                    f'name = "changed"\nmachine = "{name}"\nbase = "{DEFAULT_PROFILE}"\n[memory]\n{changed}\n'
                )
                found = ratios(scale, str(path))
                moved = [max(most, abs(one / of - 1)) for most, one, of in zip(moved, found, own, strict=True)]
            print(f"{name:22} {100 * moved[0]:6.2f} % {100 * moved[1]:6.2f} %", flush=True)


if __name__ == "__main__":
    main()
