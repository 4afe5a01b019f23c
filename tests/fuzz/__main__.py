"""python -m tests.fuzz [CAMPAIGN ...]: random inputs of every kind, for so many minutes or so many cases each."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz import runner
from tests.fuzz.campaigns import CAMPAIGNS
from tests.fuzz.runner import Limits, Outcome

_SEEDS = 10_000_000  # between the first cases of two values of --seed


def main() -> int:
    chosen = _arguments()
    failed = False
    for name in chosen.campaign or CAMPAIGNS:
        campaign = CAMPAIGNS[name]
        units = chosen.units or (sys.maxsize if chosen.minutes else campaign.enough)
        first = chosen.first if chosen.first is not None else _SEEDS * chosen.seed
        outcome = runner.run(campaign, first, Limits(60 * (chosen.minutes or 1e6), units))
        line = _line(name, chosen.seed, campaign.units, outcome)
        print(line, flush=True)
        print("".join(f"{name} {each}\n" for each in outcome.failures), end="", flush=True)
        if chosen.log:
            with chosen.log.open("a") as log:
                print(line, file=log)
        failed |= bool(outcome.failures)
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("campaign", nargs="*", metavar="CAMPAIGN", help=f"{', '.join(CAMPAIGNS)} (all)")
    parser.add_argument("--minutes", type=float, default=0, metavar="N", help="each (until its count is reached)")
    parser.add_argument("--units", type=int, default=0, metavar="N", help="files, packets, ... each (the usual count)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="which cases (0)")
    parser.add_argument("--first", type=int, metavar="CASE", help="begin with this case, as a failure names it")
    parser.add_argument("--log", type=Path, metavar="FILE", help="append a line for each")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.campaign if name not in CAMPAIGNS]
    if unknown:
        parser.error(f"no campaign {unknown[0]!r}: {', '.join(CAMPAIGNS)}")
    return chosen


def _line(name: str, seed: int, units: str, outcome: Outcome) -> str:
    return (
        f"{name:<10} seed {seed}: {outcome.cases:,} cases, {outcome.units:,} {units}, "
        f"{outcome.seconds / 60:.1f} minutes, {len(outcome.failures)} failures, "
        f"{outcome.grown >> 20} MiB more at most, {outcome.kept >> 20} kept"
    )


if __name__ == "__main__":
    sys.exit(main())
