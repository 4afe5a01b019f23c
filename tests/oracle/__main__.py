"""python -m tests.oracle: random instructions on the host's CPU and in pffemu.

Exit code 1 when something differs that no rule explains, or, with --thorough, when a rule explains nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from pffemu.errors import PffemuError
from tests.oracle import campaign
from tests.oracle.campaign import BATCH
from tests.oracle.document import document
from tests.oracle.emulator import Emulator
from tests.oracle.host import why_not_here
from tests.oracle.outcome import Outcome, never_seen, run
from tests.oracle.rules import RULES
from tests.oracle.shrink import shrunk, snippet
from tests.oracle.summary import summary

_SHOWN = 5  # failures, as assembly


def main() -> int:
    chosen = _arguments()
    if chosen.write:
        chosen.write.write_text(document())
        return 0
    reason = why_not_here()
    if reason:
        print(f"{reason}: nothing to compare with")
        return 0
    with Emulator() as emulator:
        if chosen.case:
            return _show(emulator, chosen.case, shrink=chosen.shrink)
        return _campaign(emulator, chosen)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000, metavar="N", help="single instructions (20000)")
    parser.add_argument("--sequences", type=int, default=0, metavar="N", help="sequences of 2 to 8 instructions (0)")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="emulators at a time (1)")
    parser.add_argument("--thorough", action="store_true", help="every form that a rule names must differ")
    parser.add_argument("--summary", type=Path, metavar="FILE", help="write there, in groups, what no rule explains")
    parser.add_argument("--all", action="store_true", help="in the summary, also what rules explain")
    parser.add_argument("--case", metavar="NAME", help="one case, as a failure names it")
    parser.add_argument("--shrink", action="store_true", help="with --case: as assembly, without what it does not need")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write docs/instructions.md, and run nothing")
    return parser.parse_args()


def _campaign(emulator: Emulator, chosen: argparse.Namespace) -> int:
    outcome, started = Outcome(keeps_all=chosen.all), time.monotonic()
    for verdict in run(chosen.seed, chosen.cases, chosen.sequences, chosen.jobs):
        unexplained = outcome.unexplained
        outcome.add(verdict)
        if outcome.unexplained > unexplained:
            print(f"{verdict.name} differs", flush=True)
        if outcome.cases % (20 * BATCH) == 0:
            _say(outcome, started)
    _say(outcome, started)
    print("rules:", ", ".join(f"{rule.name} {outcome.seen[rule.name]:,}" for rule in RULES))
    idle = never_seen(outcome, chosen.seed, chosen.jobs) if chosen.thorough else []
    print("".join(f"{line}\n" for line in idle), end="")
    if chosen.summary:
        chosen.summary.write_text("\n".join(summary(outcome.kept)) + "\n")
    elif outcome.unexplained:
        print("\n".join(snippet(shrunk(emulator, verdict)) for verdict in outcome.kept[:_SHOWN]))
    return int(bool(outcome.unexplained or idle))


def _say(outcome: Outcome, started: float) -> None:
    seconds = time.monotonic() - started
    print(f"{outcome.cases:,} cases in {seconds:.0f} s, {outcome.unexplained:,} unexplained", flush=True)


def _show(emulator: Emulator, name: str, *, shrink: bool) -> int:
    verdict = next(campaign.judge(emulator, [(name, campaign.named(name))]))
    if not verdict.found:
        print(f"{name}: no difference")
        return 0
    print(snippet(shrunk(emulator, verdict)) if shrink else "\n".join(summary([verdict])))
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PffemuError as error:
        sys.exit(str(error))
