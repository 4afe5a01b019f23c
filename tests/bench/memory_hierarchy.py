"""The memory hierarchy against this host: python -m tests.bench.memory_hierarchy [--quick] [--write docs/timing.md].

Geometry comes from the host's sysfs. Four latencies are fitted to four sizes of one pointer chase, and each program's
instructions to its run inside the first level; everything else is predicted. Needs a C compiler. Exits with 1 when more
than a third of what is predicted is off by more than WITHIN %; that leaves room for what neighbours do to caches.
"""

from __future__ import annotations

import io
import math
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pffemu import Machine
from pffemu.hw.cpu_options import CpuOptions, Memory
from pffemu.timing import Profile, load_profile
from pffemu.timing.load import parse_profile
from tests.bench.programs import build

CACHE: Final = Path("/sys/devices/system/cpu/cpu0/cache")
RUNS: Final = 7  # in each pass; others use the machine, too
PASSES: Final = 3
WITHIN: Final = 30  # percent
_MAY_BE_OFF: Final = 1 / 3  # of what is predicted
BEGIN, END = "<!-- memory -->", "<!-- /memory -->"
_CLASSES: Final = ("simple", "load", "store", "branch", "multiply", "divide", "vector", "atomic", "rep", "pause")


@dataclass(frozen=True, slots=True)
class Point:
    """One run of tests/bench/guests/memory.c. `fits`: the entry of `[memory]` that this measurement gives.

    Where more than half of the chase of 16 MiB fits into what is left of the third level, memory's latency is fitted
    to that of 64 MiB instead, and the walk's is the base profile's.
    """

    kind: str
    size: int
    count: int
    what: str
    fits: str = ""
    long: bool = False


INSIDE: Final = {  # sizes within the first level, to which a program's instructions are fitted
    "chase": (16, 200_000), "stream": (16, 400_000), "random": (16, 200_000), "bfs": (9, 0), "matrix": (8, 0),
    "btree": (4, 100_000),
}  # fmt: skip
POINTS: Final = (
    Point("chase", 256, 200_000, "256 KiB", "l2.latency"),
    Point("chase", 512, 100_000, "512 KiB"),
    Point("chase", 1024, 50_000, "1 MiB"),
    Point("chase", 2048, 50_000, "2 MiB", "l3.latency"),
    Point("chase", 4096, 50_000, "4 MiB"),
    Point("chase", 8192, 50_000, "8 MiB", "l3.size"),
    Point("chase", 16384, 50_000, "16 MiB", "memory.latency"),
    Point("chase", 65536, 50_000, "64 MiB", "walk.latency"),
    Point("chase", 262144, 50_000, "256 MiB", long=True),
    Point("stream", 65536, 4_000_000, "64 MiB, a word", "memory.gap"),
    Point("stream", 512, 1_000_000, "512 KiB, a word"),
    Point("stream", 2048, 1_000_000, "2 MiB, a word"),
    Point("random", 512, 100_000, "512 KiB"),
    Point("random", 4096, 100_000, "4 MiB"),
    Point("random", 65536, 100_000, "64 MiB"),
    Point("bfs", 14, 0, "2^14 vertices, an edge"),
    Point("bfs", 16, 0, "2^16 vertices, an edge"),
    Point("bfs", 18, 0, "2^18 vertices, an edge"),
    Point("matrix", 512, 0, "256 x 256, a multiplication"),
    Point("btree", 1200, 50_000, "1.1 MiB, a look-up"),
    Point("btree", 18000, 50_000, "17 MiB, a look-up"),
)


def natively(program: Path, kind: str, size: int, count: int, lucky: bool = False) -> float:
    """Nanoseconds of processor time that an operation takes on this host, at best; `lucky`: but for two lucky runs."""
    command = [str(program), kind, str(size), str(count)]
    times = sorted(float(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(RUNS))
    return times[2 if lucky else 0]


def emulated(program: Path, kind: str, size: int, count: int, profile: Profile, memory: Memory) -> float:
    """The same in virtual time."""
    out = io.BytesIO()
    machine = Machine(cpu=CpuOptions(profile=profile, memory=memory), ram=1 << 30, cpus=1, stdout=out)
    machine.load(program, (kind, str(size), str(count)))
    machine.run()
    return float(out.getvalue())


class Host:
    """The profile of this host, as far as it has been fitted."""

    def __init__(self) -> None:
        self.memory = dict(_geometry())
        self.scale = 1.0

    def profile(self) -> Profile:
        base = load_profile()
        lines = ['name = "this-host"', 'machine = "this host"', f'base = "{base.name}"', "[costs]"]
        for name in _CLASSES:
            cycles = float(base.cycles_of(f"insn.{name}")) * self.scale
            lines.append(f'"insn.{name}" = {{ value = {cycles:.6f}, unit = "cycles/instruction", {_SOURCE} }}')
        lines.append("[memory]")
        lines += [f'"{name}" = {{ value = {value}, unit = "{unit}", {_SOURCE} }}' for name, (value, unit) in
                  self.memory.items()]  # fmt: skip
        return parse_profile("\n".join(lines), "this-host")

    def time(self, name: str, ns: float) -> None:
        self.memory[name] = (f"{max(ns, 0):.4f}", "ns")


_SOURCE: Final = 'status = "derived", source = "this host"'


def _geometry() -> Iterable[tuple[str, tuple[str, str]]]:
    for folder in sorted(CACHE.glob("index*")):
        kind, level, size, ways = (
            (folder / name).read_text().strip() for name in ("type", "level", "size", "ways_of_associativity")
        )
        if kind != "Instruction":
            yield f"l{level}.size", (size.rstrip("K"), "KiB")
            yield f"l{level}.ways", (ways, "ways")
    if "AuthenticAMD" in Path("/proc/cpuinfo").read_text():  # Hot Chips 2024: Zen 5
        yield "stlb.entries", ("4096", "entries")
        yield "walk.walkers", ("6", "walks")
        yield "window.instructions", ("448", "instructions")
        yield "prefetch.lines", ("63", "lines")


def fit(host: Host, program: Path, point: Point, entry: str, measured: float) -> None:
    """Choose the latency `entry` so that the model takes what was `measured`: three secant steps."""
    guess = measured * 0.8 if entry != "walk.latency" else 20.0
    tried: list[tuple[float, float]] = []
    for _ in range(4):
        host.time(entry, guess)
        took = emulated(program, point.kind, point.size, point.count, host.profile(), Memory.CACHES)
        tried.append((guess, took))
        if abs(took / measured - 1) < 0.02:
            break
        if len(tried) == 1:
            guess = max(guess + measured - took, 0.0)
        else:
            (a, at), (b, bt) = tried[-2:]
            if at == bt:
                break
            guess = max(b + (measured - bt) * (b - a) / (bt - at), 0.0)


def fit_l3(host: Host, program: Path, point: Point, measured: Mapping[Point, float]) -> None:
    """Choose the part of the third level that other users of it leave (half of it, a quarter, and so on): the one under
    which chases of `point`'s, half and twice its size are least wrong, memory being as far as in the longest of all."""
    chases = [one for one in measured if one.kind == "chase" and not one.long]
    around = [one for one in chases if point.size <= 2 * one.size <= 4 * point.size]
    whole = float(host.memory["l3.size"][0])
    host.time("memory.latency", measured[chases[-1]])
    off = {}
    for part in [whole / 2**step for step in range(5)]:
        host.memory["l3.size"] = (f"{part:g}", "KiB")
        off[part] = sum(_wrong(host, program, one, measured[one]) for one in around)
    host.memory["l3.size"] = (f"{min(off, key=lambda part: (off[part], -part)):g}", "KiB")


def entries_to_fit(points: Iterable[Point], l3_kib: float) -> dict[Point, str]:
    """The entry to fit to each point, with that much of the third level left."""
    fits = {point: point.fits for point in points}
    memory = next(point for point, entry in fits.items() if entry == "memory.latency")
    if memory.size < 2 * l3_kib:
        walk = next(point for point, entry in fits.items() if entry == "walk.latency")
        fits |= {memory: "", walk: "memory.latency"}
    return fits


def _wrong(host: Host, program: Path, point: Point, measured: float) -> float:
    """How far the model is from `measured`, as a logarithm."""
    took = emulated(program, point.kind, point.size, point.count, host.profile(), Memory.CACHES)
    return abs(math.log(took / measured))


def _bounds(program: Path, point: Point, profile: Profile) -> str:
    lower, upper = (
        emulated(program, point.kind, point.size, point.count, profile, memory)
        for memory in (Memory.OVERLAPPED, Memory.SERIAL)
    )
    return f"{lower:.2f} to {upper:.2f}"


def compare(program: Path, quick: bool) -> list[str]:
    """The table's rows, and the profile's latencies in the last one."""
    host, rows = Host(), []
    points = [point for point in POINTS if not (quick and point.long)]
    measured: dict[Point, float] = {}
    for _ in range(PASSES):  # neighbours' bursts last for seconds
        for point in points:
            ns = natively(program, point.kind, point.size, point.count, point.fits == "l3.size")
            measured[point] = min(ns, measured.get(point, ns))
    inside = {kind: natively(program, kind, *INSIDE[kind]) for kind in INSIDE}
    scales, fits = {}, {point: point.fits for point in points}
    for kind, (size, count) in INSIDE.items():
        host.scale = 1.0
        scales[kind] = inside[kind] / emulated(program, kind, size, count, host.profile(), Memory.FLAT)
        host.scale = scales[kind]
        for point in (one for one in points if one.kind == kind):
            if fits[point] == "l3.size":
                fit_l3(host, program, point, measured)
                fits = entries_to_fit(points, float(host.memory["l3.size"][0]))
            elif fits[point]:
                fit(host, program, point, fits[point], measured[point])
    for point in points:
        host.scale = scales[point.kind]
        took = emulated(program, point.kind, point.size, point.count, host.profile(), Memory.CACHES)
        error = 100 * (took / measured[point] - 1)
        shown = f"fitted, {error:+.0f} %" if fits[point] else f"{error:+.0f} %"
        shown = shown if fits[point] or abs(error) <= WITHIN else f"**{shown}**"
        bounds = "" if point.long else _bounds(program, point, host.profile())
        row = f"| {point.kind}, {point.what} | {measured[point]:.2f} | {took:.2f} | {shown} | {bounds} |"
        print(row, flush=True)
        rows.append(row)
    return rows


def main(arguments: list[str]) -> None:
    program = build("memory.c")
    rows = compare(program, "--quick" in arguments)
    header = ["| program | measured, ns | model, ns | error | bounds, ns |", "|---|---:|---:|---:|---:|"]
    table = "\n".join([BEGIN, *header, *rows, END])
    if "--write" in arguments:
        page = Path(arguments[arguments.index("--write") + 1])
        text = page.read_text(encoding="utf-8")
        page.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: table, text, flags=re.DOTALL), encoding="utf-8")
    predicted = [row for row in rows if "fitted" not in row]
    off = sum("**" in row for row in predicted)
    print(f"{len(predicted) - off} of {len(predicted)} predicted rows within {WITHIN} %")
    if off > len(predicted) * _MAY_BE_OFF:
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
