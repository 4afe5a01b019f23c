"""pffemu timing calibrate: a machine profile of this host, and how well it predicts what it was not fitted to.

One C program (guest/calibrate) measures primitives and composites. It runs on the host, where its clock is the
time-stamp counter, and in pffemu, where the same counter is virtual time. The profile is fitted until the program's
primitives take in pffemu what they take on the host; then the composites are compared.
"""

from __future__ import annotations

import io
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from guest import calibration
from kernel_model.mechanisms import Mode
from pffemu.cli import foreground
from pffemu.cli.options import DEFAULTS
from pffemu.cli.terminal import check_writable, err_console, out_console, write_text
from pffemu.hw.cpu_options import CpuOptions
from pffemu.machine.image import open_image
from pffemu.machine.machine import Machine
from pffemu.report.progress import ProgressLine
from pffemu.timing import DEFAULT_PROFILE, Profile, fit, load_profile
from pffemu.timing.errors import CalibrationError
from pffemu.timing.fit_memory import CHASE, host_caches, host_hierarchy
from pffemu.timing.locking import Locking
from pffemu.timing.samples import Estimate, Samples, read_samples, too_wide
from pffemu.timing.write import to_toml

_PRIMITIVES, _COMPOSITES, _HARDWARE = "primitives", "composites", "hardware"
_IN_THE_MODEL: Final = ("8", "1")  # samples, rounds: every sample is the same there
_TRIES: Final = 3  # measurements before a host counts as too noisy
_MOST_STEPS: Final = 12
_SHORT_STEPS: Final = 2
_TIMEOUT: Final = 120  # seconds, one measurement
_GOOD: Final = 15  # % that a prediction may be off
Runner = Callable[[str, str, tuple[str, ...]], Samples]  # of samples, rounds, groups


@dataclass(frozen=True, slots=True)
class Effort:
    """Samples of a measure in a round, and rounds. A `short` one is for a look at the machinery: it accepts noise."""

    samples: int = 100
    rounds: int = 8
    short: bool = False


@dataclass(slots=True)
class Calibrated:
    """A fitted profile. `composites`: measured and predicted, by name. `misfits`: primitives that were not reached."""

    profile: Profile
    measured: dict[str, Estimate]
    composites: dict[str, tuple[Estimate, float]]
    left_out: dict[str, str]
    misfits: dict[str, float] = field(default_factory=dict)


def calibrate(
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE.toml", help="Write the profile to this file.")
    ] = None,
    base: Annotated[
        str, typer.Option(metavar="PROFILE", help="Profile that gives what cannot be measured, and proportions.")
    ] = DEFAULT_PROFILE,
    short: Annotated[
        bool, typer.Option("--short", help="A second's look that everything works; its figures are noise.")
    ] = False,
) -> None:
    """Measure this host, fit a machine profile, and compare it with faults it was not fitted to. Takes seconds.

    Needs a C compiler and Linux on x86-64; without userfaultfd or a second core, what needs them is left out.

    Example: pffemu timing calibrate -o host.toml
    """
    check_writable(output)
    effort = Effort(samples=12, rounds=2, short=True) if short else Effort()
    progress = ProgressLine(err_console, "calibrate")
    stage = ["compiling"]
    name = Path(output).stem if output is not None else "host"
    try:
        result = foreground.call(
            lambda: _calibrate(load_profile(base), effort, name, stage.append), show=lambda: progress.update(stage[-1])
        )
    finally:
        progress.clear()
    _show(result)
    if output is not None:
        write_text(_file(result).rstrip("\n"), output)
        out_console().print(f"profile {result.profile.digest[:12]} in {output}", markup=False)


def _calibrate(base: Profile, effort: Effort, name: str, stage: Callable[[str], None]) -> Calibrated:
    _check_host()
    with tempfile.TemporaryDirectory() as folder:
        binary = calibration.build(Path(folder))

        def on_host(samples: str, rounds: str, groups: tuple[str, ...]) -> Samples:
            stage("measuring the host")
            return _on_host(binary, samples, rounds, groups)

        def in_model(profile: Profile, *groups: str) -> dict[str, Estimate]:
            stage("running the model")
            return run_in_model(binary, profile, groups).estimates()

        here = replace(base, locking=Locking.of_release(platform.release()))
        return fit_host(here, on_host, in_model, effort, name, _host())


def fit_host(
    base: Profile,
    on_host: Runner,
    in_model: Callable[..., dict[str, Estimate]],
    effort: Effort,
    name: str,
    machine: str,
) -> Calibrated:
    """Measure with `on_host`, fit with `in_model(profile, *groups)`. Raises CalibrationError when it cannot be done."""
    samples = _measured(on_host, effort)
    measured = samples.estimates()
    profile = fit.start(base, measured, samples.frequency, name, machine)
    misfits: dict[str, float] = {}
    for _ in range(_SHORT_STEPS if effort.short else _MOST_STEPS):
        model = in_model(profile, _PRIMITIVES)
        misfits = fit.misfits(measured, model)
        if not misfits:
            break
        profile = fit.step(profile, base, measured, model)
    predicted = in_model(profile, _COMPOSITES)
    composites = {
        one: (measured[one], estimate.ns) for one, estimate in predicted.items() if one in measured and one != "clock"
    }
    hierarchy = host_hierarchy(base, measured, host_caches())
    profile = replace(fit.with_spreads(profile, samples), hierarchy=hierarchy)
    return Calibrated(profile, measured, composites, samples.left_out, misfits)


def run_in_model(
    binary: Path, profile: Profile, groups: tuple[str, ...], *, cpus: int = 2, mode: Mode = Mode.UFFD
) -> Samples:
    """What the program measures in pffemu, in virtual time of `profile`."""
    out = io.BytesIO()
    machine = Machine(DEFAULTS, stdin=b"", stdout=out, cpus=cpus, mode=mode, cpu=CpuOptions(profile=profile))
    machine.load(open_image(binary), [*_IN_THE_MODEL, *groups])
    stop = machine.run()
    if stop.exit_code != 0:
        raise CalibrationError(f"the calibration program failed in pffemu: {stop}", remedy="report this")
    return read_samples(out.getvalue().decode().splitlines())


def _measured(on_host: Runner, effort: Effort) -> Samples:
    """The host's samples, with more rounds as long as primitives vary too much. Raises CalibrationError."""
    samples = Samples()
    noisy: dict[str, Estimate] = {}
    for _ in range(1 if effort.short else _TRIES):
        more = on_host(str(effort.samples), str(effort.rounds), (_PRIMITIVES, _COMPOSITES, _HARDWARE))
        samples.add(more)
        estimates = samples.estimates()
        wide = too_wide(estimates)
        noisy = {one: estimates[one] for one in wide if one in fit.USED}
        if effort.short:
            return samples
        if not noisy:
            for name in set(wide) & set(fit.DIRECT):
                samples.leave_out(name, "varies too much between rounds")
            return samples
    told = ", ".join(f"{name} {100 * one.spread:.0f} %" for name, one in noisy.items())
    raise CalibrationError(
        f"no profile: what was measured varies too much between rounds ({told})",
        where="calibrate",
        remedy="again when the host is less busy, or on two cores that nothing else uses (taskset)",
    )


def _on_host(binary: Path, samples: str, rounds: str, groups: tuple[str, ...]) -> Samples:
    try:
        done = subprocess.run([binary, samples, rounds, *groups], capture_output=True, text=True, timeout=_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CalibrationError(f"the host could not be measured: {error}", remedy="again on a less busy host") from None
    if done.returncode != 0:
        told = done.stderr.strip() or f"status {done.returncode}"
        raise CalibrationError(f"the host could not be measured: {told}", where="calibrate", remedy="report this")
    return read_samples(done.stdout.splitlines())


def _check_host() -> None:
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "AMD64"):
        raise CalibrationError(
            f"{sys.platform} on {platform.machine()} cannot be measured",
            where="calibrate",
            remedy="Linux on x86-64; elsewhere use one of pffemu's profiles",
        )


def _host() -> str:
    """The host in a sentence."""
    fields: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                fields.setdefault(key.strip(), value.strip())
    except OSError:
        pass
    guest = ", a virtual machine" if "hypervisor" in fields.get("flags", "").split() else ""
    return f"{fields.get('model name', 'unknown CPU')}{guest}, {os.uname().sysname} {platform.release()}"


def _show(result: Calibrated) -> None:
    out = out_console()
    table = Table(header_style="bold", title=f"{result.profile.name}: {result.profile.machine}", title_justify="left")
    table.add_column("composite, not fitted to")
    for heading in ("measured, ns", "spread", "predicted, ns", "error"):
        table.add_column(heading, justify="right")
    for name, (measured, predicted) in result.composites.items():
        error = f"{_error(measured, predicted):+.1f} %"
        table.add_row(name, f"{measured.ns:,.0f}", f"{100 * measured.spread:.0f} %", f"{predicted:,.0f}", error)
    out.print(table, markup=False)
    within = sum(abs(_error(*one)) <= _GOOD for one in result.composites.values())
    out.print(f"{within} of {len(result.composites)} composites within {_GOOD} %", markup=False)
    memory = _memory(result.measured)
    if memory:
        out.print(f"memory, ns a load that waits for the one before: {memory}", markup=False, soft_wrap=True)
    for name, why in result.left_out.items():
        out.print(f"left out: {name}: {why}", markup=False, soft_wrap=True)
    for name, off in result.misfits.items():
        out.print(f"not reached: {name}: off by {100 * off:+.0f} %", markup=False, soft_wrap=True)


def _file(result: Calibrated) -> str:
    comments = [
        "Made by pffemu timing calibrate.",
        "Faults that it was not fitted to, measured and predicted in ns:",
        *(
            f"  {name}: {measured.ns:,.0f}, {predicted:,.0f} ({_error(measured, predicted):+.1f} %)"
            for name, (measured, predicted) in result.composites.items()
        ),
        f"Memory, ns a load that waits for the one before: {_memory(result.measured) or 'not measured'}",
        *(f"Left out: {name}: {why}" for name, why in result.left_out.items()),
    ]
    return to_toml(result.profile, f"{fit.MEASURED_HERE}: time-stamp counter against CLOCK_MONOTONIC", comments)


def _memory(measured: Mapping[str, Estimate]) -> str:
    sizes = {name.removeprefix(CHASE): one for name, one in measured.items() if name.startswith(CHASE)}
    return ", ".join(f"{size} {one.ns:.1f}" for size, one in sizes.items())


def _error(measured: Estimate, predicted: float) -> float:
    """%."""
    return 100 * (predicted - measured.ns) / measured.ns
