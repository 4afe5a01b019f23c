"""What a hook for loads and stores costs in bare Unicorn: python -m tests.bench.memory_hook [REPETITIONS].

Programs run without a hook, with one whose addresses no access has, so that it is never called, and with one for all
addresses that returns at once: times the first, medians of processor time, paired. Needs a C compiler.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import Final

from pffemu import Machine
from tests.bench.guest_speed import PROGRAMS
from tests.bench.programs import Nowhere, to_begin
from tests.bench.raw_unicorn import run_raw

_NOWHERE: Final = (8, 16)  # no guest has the first frame
_EVERYWHERE: Final = (0, (1 << 63) - 1)
_RAM: Final = 256 << 20


def _bare(source: str, memory_hook: tuple[int, int] | None) -> float:
    machine = Machine(ram=_RAM, cpus=1, stdout=Nowhere(), stderr=Nowhere())
    machine.open_output(4, "result", Nowhere())
    return run_raw(to_begin(machine, source), memory_hook=memory_hook)


def main(arguments: list[str]) -> None:
    for program in (one for one in PROGRAMS if one.source.endswith(".c")):
        never, always = [], []
        for _ in range(int(arguments[0]) if arguments else 3):
            bare = _bare(program.source, None)
            never.append(_bare(program.source, _NOWHERE) / bare)
            always.append(_bare(program.source, _EVERYWHERE) / bare)
        print(f"{program.name}: never called {median(never):.1f} x, called {median(always):.1f} x", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
