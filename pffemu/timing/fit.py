"""Fits a machine profile to primitives measured on a host.

A primitive determines a group of entries: what the model lacks or has too much is spread over the group in proportion,
and the primitives are run again in the model under the new profile, until both agree. Only primitives are fitted.
Composites (faults that user space handles) are never looked at here, so that they can test the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from typing import Final

from pffemu.timing.catalogue import CATALOGUE
from pffemu.timing.profile import Entry, Profile, Spread, Status
from pffemu.timing.samples import Estimate, Samples

_PAGE: Final = 4096  # bytes
_SMALLEST: Final = 0.02  # of an entry's value: a step leaves at least that much
_LEAST: Final = 0.01  # ns, that a fit leaves of an entry
CLOSE: Final = 0.01  # relative difference of a primitive at which a fit ends
MEASURED_HERE: Final = "measured here"


@dataclass(frozen=True, slots=True)
class Primitive:
    """A measure, less another one, and the entries it determines, by the units of each in one operation."""

    name: str
    entries: Mapping[str, int]
    less: str = ""

    @property
    def told(self) -> str:
        return f"{self.name} less {self.less}" if self.less else self.name

    def of(self, estimates: Mapping[str, Estimate]) -> float | None:
        """ns; None when it was left out."""
        if self.name not in estimates or (self.less and self.less not in estimates):
            return None
        return estimates[self.name].ns - (estimates[self.less].ns if self.less else 0.0)


def _once(*names: str) -> dict[str, int]:
    return dict.fromkeys(names, 1)


# in the order in which one builds on another
PRIMITIVES: Final = (
    Primitive("null-call", _once("cpu.syscall", "kernel.syscall", "cpu.sysret", "kernel.call")),
    Primitive(
        "read-fault",
        _once(
            "cpu.exception", "kernel.entry", "kernel.lock", "kernel.fault.vma", "kernel.fault.walk",
            "kernel.fault.install", "kernel.exit", "cpu.iret", "cpu.tlb_miss",
        ),
    ),
    Primitive("write-fault", _once("kernel.page.allocate"), less="read-fault"),
    Primitive(
        "ioctl-zeropage",
        _once("kernel.uffd.validate", "kernel.mmget"),
    ),
    Primitive("ioctl-copy", {"kernel.page.copy": _PAGE}, less="ioctl-zeropage"),
    Primitive("ioctl-continue", _once("kernel.page.lookup"), less="ioctl-zeropage"),
    Primitive("ioctl-unprotect", _once("cpu.tlb_flush")),
    Primitive("mprotect-page", _once("kernel.vma.change")),
    Primitive("madvise-page", _once("kernel.page.free"), less="madvise-nothing"),
    Primitive("signal-deliver", _once("kernel.signal.deliver"), less="tgkill-nothing"),
    Primitive("signal-return", _once("kernel.signal.return")),
    Primitive("uffd-poll-empty", _once("kernel.poll")),
    Primitive("ping-pong-same", dict.fromkeys(("kernel.schedule", "kernel.context_switch", "kernel.wake"), 2)),
    Primitive(
        "uffd-event",
        _once("kernel.uffd.enqueue", "kernel.uffd.read", "kernel.uffd.wake"),
        less="madvise-nothing",
    ),
    Primitive("ping-pong-awake", dict.fromkeys(("cpu.ipi.send", "cpu.ipi.flight"), 2)),
    Primitive("ping-pong-other", {"cpu.idle_wake": 2}, less="ping-pong-awake"),
    Primitive("madvise-shootdown", _once("kernel.tlb.shootdown"), less="madvise-page"),
)  # fmt: skip
# measures that are entries: by the number of units in one operation
DIRECT: Final = {
    "page-zero": ("kernel.page.zero", _PAGE),
    "page-copy": ("kernel.user_byte", _PAGE),
    "line-transfer": ("kernel.lock.transfer", 1),
    **{f"insn.{kind}": (f"insn.{kind}", 1) for kind in ("multiply", "divide", "vector", "atomic", "pause")},
}
USED: Final = {one for primitive in PRIMITIVES for one in (primitive.name, primitive.less) if one}
CORE_CYCLE: Final = "core-cycle"
# instructions whose cost is not one of hits in the first cache alone: the base's cycles, at this core's speed
_CYCLES: Final = ("insn.simple", "insn.load", "insn.store", "insn.branch", "insn.rep")
_WITH: Final = {"kernel.uffd.retry": "kernel.uffd.wake"}  # scaled with that one, for only a fault takes it


def start(base: Profile, estimates: Mapping[str, Estimate], frequency: int, name: str, machine: str) -> Profile:
    """`base` at this clock, all times kept in ns, with the entries that were measured directly."""
    entries = {}
    for cost, entry in base.entries.items():
        source = f"{base.name}: {entry.source}"
        entries[cost] = replace(_in_ns(base, cost), source=source, inherited="")
    for measure, (cost, units) in DIRECT.items():
        if measure in estimates:
            ns = max(estimates[measure].ns, 0.01) / units
            entries[cost] = _entry(cost, ns, Status.MEASURED, f"{MEASURED_HERE}: {measure}")
    if CORE_CYCLE in estimates:
        for cost in _CYCLES:
            ns = float(base.cycles_of(cost)) * estimates[CORE_CYCLE].ns
            taken = base.entries[cost]
            source = f"{base.name}'s cycles, each {CORE_CYCLE} ({MEASURED_HERE}); {taken.source}"
            entries[cost] = _entry(cost, ns, taken.status, source)
    return Profile.of(name, machine, frequency, entries, base.hierarchy, locking=base.locking)


def step(profile: Profile, base: Profile, measured: Mapping[str, Estimate], model: Mapping[str, Estimate]) -> Profile:
    """One round of the fit: `model` is what the primitives take under `profile`, `measured` on the host."""
    entries = dict(profile.entries)
    for primitive in PRIMITIVES:
        there, here = primitive.of(measured), primitive.of(model)
        if there is None or here is None:
            continue
        group = {cost: ns_of(profile, cost) * units for cost, units in primitive.entries.items()}
        factor = max(1 + (there - here) / sum(group.values()), _SMALLEST)
        alone = len(group) == 1
        source = f"{MEASURED_HERE}: {primitive.told}" + ("" if alone else f", in the proportions of {base.name}")
        for cost in group:
            status = Status.MEASURED if alone and not primitive.less else Status.DERIVED
            ns = max(ns_of(profile, cost) * factor, _LEAST / primitive.entries[cost])
            entries[cost] = _entry(cost, ns, status, source)
    fitted = profile.with_entries(entries)
    for cost, other in _WITH.items():
        source = f"{base.name}, scaled with {other}, which was {MEASURED_HERE}"
        entries[cost] = _entry(
            cost, ns_of(base, cost) * ns_of(fitted, other) / ns_of(base, other), Status.DERIVED, source
        )
    return profile.with_entries(entries)


def with_spreads(profile: Profile, samples: Samples) -> Profile:
    """The profile with the spread of each primitive's samples, as factors of the entries it determines.

    What a primitive varies less than the one that it builds on is that one's, and left out.
    """
    spreads = []
    for primitive in PRIMITIVES:
        beyond, before = samples.beyond_median(primitive.name), samples.beyond_median(primitive.less)
        value = sum(ns_of(profile, cost) * units for cost, units in primitive.entries.items())
        if beyond and value > 0:
            factors = [max(1 + (ns - before.get(share, 0.0)) / value, 0.0) for share, ns in beyond.items()]
            points = tuple(zip(beyond, accumulate(factors, max), strict=True))
            spreads.append(Spread(tuple(primitive.entries), points, f"{MEASURED_HERE}: {primitive.told}"))
    return replace(profile, spreads=tuple(spreads))


def misfits(measured: Mapping[str, Estimate], model: Mapping[str, Estimate]) -> dict[str, float]:
    """The primitives on which they do not agree, and by how much, relative to what is measured."""
    off = {}
    for primitive in PRIMITIVES:
        there, here = primitive.of(measured), primitive.of(model)
        if there is not None and here is not None and abs(here - there) > CLOSE * measured[primitive.name].ns:
            off[primitive.told] = (here - there) / measured[primitive.name].ns
    return off


def ns_of(profile: Profile, cost: str) -> float:
    """ns of one unit."""
    return float(profile.cycles_of(cost)) * 1e9 / profile.frequency


def _in_ns(profile: Profile, cost: str) -> Entry:
    entry = profile.entries[cost]
    return _entry(cost, ns_of(profile, cost), entry.status, entry.source)


def _entry(cost: str, ns: float, status: Status, source: str) -> Entry:
    per = CATALOGUE[cost].per
    return Entry(Fraction(f"{ns:.6f}"), f"ns/{per}" if per else "ns", status, source)
