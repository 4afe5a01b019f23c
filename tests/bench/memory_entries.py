"""What the default profile's `[memory]` entries move: python -m tests.bench.memory_entries [--all] [WORKLOAD...].

`--uncertainty` draws costs and latencies, one factor for each cause of a wait. Here each guessed entry is put to the
edges of a guess's width in a profile of its own, and the workload runs under it with `--memory caches`. One line a
workload and entry: by how much a conclusion moves at most, and which. Conclusions are those of `--uncertainty`: time
and mean latency of two runs next to each other, and of the slowest and the fastest. `--all`: the entries that have a
source, too, each within its status's width.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pffemu.report.uncertainty import MATTERS, SAME
from pffemu.timing import DEFAULT_PROFILE, load_profile
from pffemu.timing.profile import Entry, Status
from pffemu.timing.uncertainty import WIDTHS
from tests.system.cli_runs import pffemu

_USUAL: Final = ("--mode", "kernel", "--mode", "uffd", "--mode", "pff")
_MECHANISMS: Final = "kernel,sigsegv,uffd,uffd-sigbus,swizzle,hw,pff"
_COMPARED: Final = ("--threads", "1", "--quota", "0.5,1", "--mechanism", _MECHANISMS)
WORKLOADS: Final[dict[str, tuple[str, ...]]] = {
    "copy": ("bench", "fault", "--pages", "32", "--handler", "all", *_USUAL),
    "zero": ("bench", "fault", "--pages", "32", "--handler", "read", "--handler", "sigbus", "--zero", *_USUAL),
    "continue": ("bench", "fault", "--pages", "32", "--handler", "read", "--handler", "sigbus", "--minor", *_USUAL),
    "writes": ("bench", "fault", "--pages", "32", "--handler", "all", *_USUAL, "--write"),
    "threads": ("bench", "fault", "--pages", "32", "--threads", "4", "--handler-threads", "2", "--random", *_USUAL),
    "bfs": ("bench", "bfs", "--scale", "13", "--edge-factor", "16", *_USUAL),
    "bfs-small": ("bench", "bfs", "--scale", "10", "--edge-factor", "8", *_USUAL),
    "cache": ("bench", "bfs", "--scale", "11", "--edge-factor", "8", "--resident", "0.5", "--handler", "read",
              "--handler", "sigbus", *_USUAL[2:]),
    **{f"compare-{name}": ("compare", name, "--scale", "10", *_COMPARED)
       for name in ("mmapbench", "mmapbench-write", "kv", "update", "btree", "bfs", "pagerank", "scan", "gc")},
}  # fmt: skip
_FLAGS: Final = {"prefetch.pair": (Fraction(0),)}  # entries that are on or off
_GEOMETRY: Final = ("line", "page", ".size", ".ways", ".entries")  # not drawn: they are counts, not prices

Results = dict[str, dict[str, float]]  # group and quantity -> run -> value


def results(arguments: tuple[str, ...], profile: str) -> Results:
    """What the runs of a command took, in cycles."""
    with tempfile.TemporaryDirectory() as folder:
        own = ("--folder", folder, "--jobs", "0") if arguments[0] == "compare" else ()
        ran = pffemu(*arguments, *own, "--memory", "caches", "--profile", profile, "--json", "-")
    assert ran.code == 0, ran.err
    found: Results = {}
    for run in json.loads(ran.out)["runs"]:
        for name, quantity, value in _quantities(run):
            found.setdefault(quantity, {})[name] = value
    return found


def _quantities(run: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    if "mechanism" in run:
        yield run["mechanism"], f"time, quota {run['quota']:g}", run["operations"] / run["operations_per_second"]
        return
    name = f"{run['mode']} {run['handler']}".strip()
    yield name, "time", run["cycles"]
    if run["latency"]:
        yield name, "mean", max(run["latency"].values(), key=lambda one: one["faults"])["mean"]


def moved(nominal: Results, changed: Results) -> tuple[float, str]:
    """By how much of itself a conclusion's ratio moves at most, and which conclusion that is."""
    most = 0.0, ""
    for quantity, runs in nominal.items():
        ordered = sorted(runs, key=lambda run: runs[run])
        pairs = [*pairwise(ordered), (ordered[0], ordered[-1])]
        for less, more in pairs:
            if runs[more] - runs[less] > SAME * runs[more]:
                ratio, other = runs[more] / runs[less], changed[quantity][more] / changed[quantity][less]
                most = max(most, (abs(other / ratio - 1), f"{quantity}: {more} / {less}, {ratio:.2f} to {other:.2f}"))
    return most


def entries(*, everything: bool = False) -> dict[str, Entry]:
    """The default profile's guesses about memory; or all entries that are prices."""
    found = load_profile().hierarchy
    return {
        name: entry
        for name, entry in found.items()
        if entry.status is Status.GUESSED or (everything and not name.endswith(_GEOMETRY))
    }


def edges(name: str, entry: Entry) -> tuple[Fraction, ...]:
    """The values at the edges of its width."""
    if name in _FLAGS:
        return _FLAGS[name]
    width = Fraction(str(WIDTHS[entry.status]))
    counted = entry.unit in ("instructions", "lines", "misses", "walks", "entries")
    return tuple(Fraction(round(value)) if counted else value for value in (entry.value / width, entry.value * width))


def changed_profile(folder: Path, values: Mapping[str, Fraction]) -> str:
    """The path of a profile that differs from the default one in these entries of `[memory]`."""
    own = load_profile().hierarchy
    lines = [
        f'"{name}" = {{ value = {float(value):g}, unit = "{own[name].unit}", status = "guessed", source = "changed" }}'
        for name, value in values.items()
    ]
    told = "-".join(f"{name}-{float(value):g}" for name, value in values.items())
    path = folder / f"{told}.toml"  # a name of its own: what is loaded stays loaded
    head = ('name = "changed"', 'machine = "changed"', f'base = "{DEFAULT_PROFILE}"', "[memory]")
    path.write_text("\n".join((*head, *lines)))
    return str(path)


def moves(workload: str, *, everything: bool = False) -> Iterator[tuple[str, float, str]]:
    """(entry, by how much it moves a conclusion at most, which one), of each entry that is varied."""
    arguments = WORKLOADS[workload]
    nominal = results(arguments, DEFAULT_PROFILE)
    with tempfile.TemporaryDirectory() as folder:
        for name, entry in entries(everything=everything).items():
            found = [
                moved(nominal, results(arguments, changed_profile(Path(folder), {name: value})))
                for value in edges(name, entry)
            ]
            yield name, *max(found)


def main() -> None:
    everything = "--all" in sys.argv
    worst = 0.0
    for workload in [name for name in sys.argv[1:] if name != "--all"] or WORKLOADS:
        for name, most, which in moves(workload, everything=everything):
            guessed = load_profile().hierarchy[name].status is Status.GUESSED
            worst = max(worst, most if guessed else 0.0)
            mark = "  <--" if most > MATTERS else ""
            print(f"{workload:16} {name:20} {100 * most:6.2f} %  {which}{mark}", flush=True)
    print(f"a guess moves a conclusion by {100 * worst:.2f} % at most")


if __name__ == "__main__":
    main()
