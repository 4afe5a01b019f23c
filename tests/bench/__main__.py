"""python -m tests.bench [--json FILE] [--repetitions N]: table; exit code 1 if a target is missed."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from tests.bench import guest_speed, reverse_steps, round_trip, user_interrupts, wall_time
from tests.bench.result import table


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Speed on this machine against its targets."
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the results there")
    parser.add_argument(
        "--repetitions",
        metavar="N",
        type=int,
        default=11,
        choices=range(1, 101),
        help="runs of everything that is timed by CPU",
    )
    chosen = parser.parse_args()
    progress = Console(stderr=True)
    with progress.status("") as status:
        results = [
            *guest_speed.measure(chosen.repetitions, status.update),
            *round_trip.measure(chosen.repetitions, status.update),
            *user_interrupts.measure(status.update),
            *wall_time.measure(status.update),
            *reverse_steps.measure(status.update),
        ]
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table(results))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([result.as_dict() for result in results], indent=2) + "\n")
    return int(not all(result.met for result in results))


if __name__ == "__main__":
    sys.exit(main())
