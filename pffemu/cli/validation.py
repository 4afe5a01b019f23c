"""Compares the model with published totals (pffemu/timing/published.toml).

The measure of a total is one of
    fault MODE [HANDLER] read|write zero|copy|continue [CORES]   mean latency of a fault
    signal                                              mprotect + SIGSEGV, a page
    ioctl MODE CORES NAME                               a whole ioctl call, system-call entry and exit included
    costs [N*]NAME ...                                  a sum of costs, where one step is the whole
    ratio MODE MODE read|write zero|copy|continue       mean latency of a fault, first mode to second
    share GROUP                                         part of the charges of a userfaultfd fault, in %
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pffemu.timing
from guest.handlers import Handler
from guest.workloads import FaultWorkload, SignalWorkload
from kernel_model.mechanisms import Mode
from pffemu.cli.measure import Measured, Setup, measure
from pffemu.timing import SHIFT, Profile, load_profile

PAGES: Final = 200
LARGE: Final = 30  # an error of more % must be discussed in docs/timing.md
_PUBLISHED: Final = Path(pffemu.timing.__file__).parent / "published.toml"
_GROUPS: Final = {
    "fault": ("cpu.exception", "cpu.iret", "kernel.entry", "kernel.exit", "kernel.fault.vma", "cpu.tlb_miss"),
    "uffd": ("kernel.uffd.enqueue", "kernel.uffd.read", "kernel.uffd.retry", "kernel.uffd.validate", "kernel.mmget"),
    "scheduling": (
        "kernel.wake", "kernel.schedule", "kernel.context_switch", "cpu.ipi.send", "cpu.idle_wake", "kernel.uffd.wake",
    ),
    "syscalls": ("cpu.syscall", "cpu.sysret", "kernel.syscall", "kernel.copy", "kernel.user_byte", "kernel.poll"),
    "page": ("kernel.page", "kernel.fault.install", "kernel.fault.walk"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Total:
    """A published total. `unit`: cycles, ns, x (times) or %.

    `most`: the measure at the other end of what the source leaves open; empty: it leaves nothing open.
    """

    what: str
    profile: str
    measure: str
    value: float
    unit: str
    fitted: bool
    source: str
    most: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """A total and the model's. `most`: at the other end of what the source leaves open; else `model`."""

    total: Total
    model: float
    most: float

    @property
    def error(self) -> float:
        """In % of the published value; for shares, in percentage points. 0 between `model` and `most`."""
        value = self.total.value
        off = max(self.model - value, 0.0) or min(self.most - value, 0.0)
        return off if self.total.unit == "%" else 100 * off / value

    @property
    def large(self) -> bool:
        return not self.total.fitted and abs(self.error) > (LARGE if self.total.unit != "%" else LARGE / 3)


def published() -> list[Total]:
    return [Total(**fields) for fields in tomllib.loads(_PUBLISHED.read_text(encoding="utf-8"))["total"]]


def compare(total: Total) -> Compared:
    model = _measured(total, total.measure)
    return Compared(total, model, _measured(total, total.most) if total.most else model)


def _measured(total: Total, measure: str) -> float:
    profile = load_profile(total.profile)
    kind, *arguments = measure.split()
    cycles = _MEASURES[kind](profile, *arguments)
    return cycles * 1e9 / profile.frequency if total.unit == "ns" else cycles


def _fault(profile: Profile, mode: str, *words: str) -> float:
    handler = Handler(words[0]) if mode == "uffd" else Handler.READ
    write, fill, *cores = words[1:] if mode == "uffd" else words
    run = _run(profile.name, mode, handler, write == "write", fill, int(cores[0]) if cores else 2)
    return run.summary.cycles_per_fault


def _ratio(profile: Profile, slow: str, fast: str, *words: str) -> float:
    return _fault(profile, slow, *words) / _fault(profile, fast, *words)


def _signal(profile: Profile) -> float:
    return measure(SignalWorkload(PAGES), Mode.KERNEL, Setup.of(profile, cpus=1)).summary.cycles_per_fault


def _ioctl(profile: Profile, mode: str, cores: str, name: str) -> float:
    run = _run(profile.name, mode, Handler.READ, False, name.removeprefix("UFFDIO_").lower(), int(cores))
    costs = run.ioctls[name]
    crossing = _costs(profile, "cpu.syscall", "kernel.syscall", "cpu.sysret")
    return costs.total(profile.rates) / costs.calls / (1 << SHIFT) + crossing


def _costs(profile: Profile, *names: str) -> float:
    counted = (name.rpartition("*") for name in names)
    return float(sum(profile.cycles_of(name, int(times or 1)) for times, _, name in counted))


def _share(profile: Profile, group: str) -> float:
    charges = _run(profile.name, "uffd", Handler.POLL, True, "copy", 2).summary.charges
    grouped = sum(cycles for cost, cycles in charges.items() if cost.startswith(_GROUPS[group]))
    return 100 * grouped / sum(charges.values())


@cache
def _run(profile: str, mode: str, handler: Handler, write: bool, fill: str, cores: int) -> Measured:
    workload = FaultWorkload(PAGES, write=write, copy=fill == "copy", handler=handler, minor=fill == "continue")
    return measure(workload, Mode(mode), Setup.of(load_profile(profile), cpus=cores, ioctls=True))


_MEASURES: Final[dict[str, Callable[..., float]]] = {
    "fault": _fault, "signal": _signal, "ioctl": _ioctl, "costs": _costs, "ratio": _ratio, "share": _share,
}  # fmt: skip


def markdown(results: list[Compared]) -> str:
    """The table of docs/timing.md."""
    lines = ["| profile | what | published | model | error | fitted | source |", "|---|---|---:|---:|---:|---|---|"]
    for one in results:
        total = one.total
        unit = "" if total.unit == "%" else " "
        points = " points" if total.unit == "%" else " %"
        error = "within" if one.most > one.model and not one.error else f"{one.error:+.0f}{points}"
        value, model = (f"{number:,.0f}{unit}{total.unit}" for number in (total.value, one.most))
        model = f"{one.model:,.0f} to {model}" if one.most > one.model else model
        shown, fitted = f"**{error}**" if one.large else error, "yes" if total.fitted else ""
        lines.append(f"| {total.profile} | {total.what} | {value} | {model} | {shown} | {fitted} | {total.source} |")
    return "\n".join(lines) + "\n"
