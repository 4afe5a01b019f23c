"""python -m tests.bench [GROUP ...] [--paper] [--json FILE] [--repetitions N]: the table, and docs/performance.md."""

from __future__ import annotations

import argparse
import gc
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rich.console import Console

from pffemu import CpuOptions, Machine
from pffemu.__main__ import YOUNG_OBJECTS
from pffemu.engine import jit
from tests.bench import calls, commands, faults, gigabyte, guest_speed, page, reverse_steps, scaling, user_interrupts
from tests.bench.result import Result, table

_RUN: Final = re.compile(r", \d+ of \d+$")
_LONGEST: Final = 12  # rows whose time is told


class Stages:
    """What is being measured, on the terminal, and the wall seconds that each row has taken."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show, self._row = show, "start"
        self._since = self._began = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def say(self, what: str) -> None:
        """`what` is measured from now on: a row, and which run of it."""
        now = time.perf_counter()
        self.seconds[self._row] = self.seconds.get(self._row, 0.0) + now - self._since
        self._row, self._since = _RUN.sub("", what), now
        self._show(what)

    def __str__(self) -> str:
        """How long all rows took, and those that took long."""
        self.say("")
        longest = sorted(self.seconds.items(), key=lambda row: -row[1])[:_LONGEST]
        minutes, seconds = divmod(round(time.perf_counter() - self._began), 60)
        rows = "; ".join(f"{row} {seconds:.0f} s" for row, seconds in longest)
        return f"measured in {minutes} min {seconds} s: {rows}"


def main() -> int:
    """0: every row was measured or says why not; a missed target is no failure."""
    groups: dict[str, Callable[[int, Callable[[str], None]], list[Result]]] = {
        "commands": lambda _, say: commands.measure(say),
        "faults": faults.measure,
        "calls": calls.measure,
        "user_interrupts": user_interrupts.measure,
        "scaling": scaling.measure,
        "gigabyte": lambda _, say: gigabyte.measure(say),
        "guest_speed": guest_speed.measure,
        "reverse_steps": lambda _, say: reverse_steps.measure(say),
        "paper": lambda _, say: commands.paper_scale(say),
    }
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description="Speed on this machine against its targets."
    )
    parser.add_argument(
        "group", nargs="*", metavar="GROUP", help=f"only the rows of: {', '.join(groups)} (default: all but paper)"
    )
    parser.add_argument(
        "--paper", action="store_true", help="also the search at the paper's scale, which takes minutes"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the results there")
    parser.add_argument("--dry", action="store_true", help="leave docs/performance.md as it is")
    parser.add_argument(
        "--repetitions", metavar="N", type=int, default=3, choices=range(1, 101), help="runs of what is timed by CPU"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.group) - set(groups):
        parser.error(f"no group {', '.join(sorted(unknown))}; there are {', '.join(groups)}")
    wanted = chosen.group or [name for name in groups if name != "paper" or chosen.paper]
    gc.set_threshold(YOUNG_OBJECTS)  # as for the command
    # the hooks are kept before anything is timed, and used from the first block on
    Machine(cpu=CpuOptions(compiled=True))
    jit.WARM_UP = jit.SHORT_WARM_UP = jit.WarmUp(0, 0)
    results = []
    with Console(stderr=True).status("") as status:
        stages = Stages(status.update)
        for name in wanted:
            found = groups[name](chosen.repetitions, stages.say)
            results += found
            if not chosen.dry:
                page.write(found)
    Console(width=None if sys.stdout.isatty() else 160).print(table(results))
    print(stages, file=sys.stderr)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps([result.as_dict() for result in results], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
