"""What the directed resolution unit would be worth, were each of its costs at its lower or at its upper bound.

No CPU has the unit, so its costs are assumed; docs/hardware-resolution.md derives the bounds. All at once are a corner
that no design would reach. python examples/directed_bounds.py
"""

from dataclasses import replace
from fractions import Fraction

from pffemu import FaultWorkload, MachineOptions, Mode, Profile, bench, load_profile

BOUNDS = {  # cycles, or cycles a byte
    "cpu.directed.check": (7, 142),
    "cpu.directed.claim": (5, 170),
    "cpu.directed.wait": (5, 300),
    "cpu.directed.frame": (10, 300),
    "cpu.directed.copy": (0.03, 0.376),
    "cpu.directed.zero": (0.028, 0.219),
    "cpu.directed.record": (3, 45),
    "cpu.directed.publish": (1, 20),
    "cpu.directed.decline": (5, 60),
    "cpu.directed.pageout": (45, 450),
    "kernel.directed.entry": (0.1, 50),
    "kernel.directed.frame": (5, 160),
    "kernel.directed.record": (20, 149),
    "kernel.directed.settle": (10, 1500),
}
KINDS = {
    "COPY": FaultWorkload(64),
    "ZERO, stores": FaultWorkload(64, copy=False, write=True),
    "MAP": FaultWorkload(64, minor=True),
}


def bound(profile: Profile, end: int) -> Profile:
    """The profile with each cost of the unit at its lower (0) or upper (1) bound."""
    changed = {cost: replace(profile.entries[cost], value=Fraction(str(ends[end]))) for cost, ends in BOUNDS.items()}
    return profile.with_entries({**profile.entries, **changed})


def page(mode: Mode, workload: FaultWorkload, profile: Profile) -> float:
    """Cycles from refused walks to resumed instructions, a page."""
    options = replace(MachineOptions().cpu, profile=profile)
    [run] = bench(workload, (mode,), cpu=options).runs
    assert run.correct
    return sum(sum(path.latencies) for path in run.stages.values()) / workload.pages


default = load_profile()
low, high = bound(default, 0), bound(default, 1)
print(f"{'cycles a page':15}{'kernel':>9}{'uffd':>9}{'pff':>9}{'hw: low':>10}{'assumed':>9}{'high':>9}")
for kind, workload in KINDS.items():
    cells = [page(mode, workload, default) for mode in (Mode.KERNEL, Mode.UFFD, Mode.PFF)]
    cells += [page(Mode.HW, workload, profile) for profile in (low, default, high)]
    print(f"{kind:15}" + "".join(f"{cell:{9 + (i == 3)},.0f}" for i, cell in enumerate(cells)))
