"""pffemu timeline: shows one fault, step by step, as text, as a picture, or as a page to step through."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from guest.build import guest as guest_program
from guest.workloads import RESULT_FD, FaultWorkload
from kernel_model.mechanisms import Mode
from pffemu.cli import foreground, options
from pffemu.cli.guest_machine import GuestCommand, load_guest
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.terminal import check_writable, err_console, out_console, show_warnings, write_text
from pffemu.errors import UsageError
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions
from pffemu.report.fault_choice import Chosen, FaultChoice
from pffemu.report.one_fault import OneFault
from pffemu.report.progress import ProgressLine
from pffemu.report.svg_timeline import svg
from pffemu.report.timeline import one_fault_title
from pffemu.report.timeline import timeline as text

_BENCHMARK: Final = FaultWorkload(64)  # it runs when no program is named
_FAULT: Final = 9  # of the benchmark

Load = Callable[[MachineOptions, ProgressLine], Machine]


@chooses_machine
def timeline(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A guest program; by default, the fault benchmark.")
    ] = None,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="Arguments of the guest, passed on untouched.")
    ] = None,
    fault: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of the page fault, as `pffemu faults` lists them.",
            show_default="the first in userfaultfd memory",
        ),
    ] = None,
    mode: options.BenchModes = [],  # noqa: B006
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE.svg", help="File of the drawing; text by default.")
    ] = None,
    *,
    machine: MachineChoice,
) -> None:
    """Show one page fault from the refused walk to the resumed instruction, under each mode.

    Example: pffemu timeline --mode uffd --mode pff -o fault.svg
    """
    if output is not None:
        if Path(output).suffix != ".svg":
            raise UsageError("the picture is an .svg", where=output, remedy="name one after -o")
        check_writable(output)
    modes = options.chosen_modes(mode) if mode else (Mode.UFFD, Mode.PFF)
    name, load, fault = _what_runs(file, arguments or [], machine.environment, fault)
    like: Chosen | None = None
    found: dict[Mode, list[Any]] = {}
    for each in sorted(modes, key=lambda each: not each.mechanism.userfaultfd):
        progress = ProgressLine(err_console(), f"{name}, {each.value}")
        choice, found[each] = _run(replace(machine.options, mode=each), load, progress, fault, like)
        like = like or choice
    if not any(found.values()):
        what = f"fault {fault}" if fault is not None else "fault in userfaultfd memory"
        raise UsageError(f"the run had no {what} that was resumed", remedy="`pffemu faults` lists those of a program")
    shown = [(one_fault_title(each.value, machine.options.cpu.profile.name), found[each]) for each in modes]
    if output is not None:
        write_text(svg(shown).rstrip("\n"), output)
        return
    for title, events in shown:
        out_console().print(text(events, title), "", sep="\n", markup=False, soft_wrap=True)


def _what_runs(
    file: str | None, arguments: list[str], environment: list[str], fault: int | None
) -> tuple[str, Load, int | None]:
    """(name, how it is loaded, number of the fault) of the program, or else of the benchmark."""
    if file is None:
        return _BENCHMARK.guest, _load_benchmark, fault or _FAULT
    guest = GuestCommand(file, arguments, environment)
    return Path(file).name, lambda chosen, progress: load_guest(chosen, guest, progress, True), fault


def _load_benchmark(chosen: MachineOptions, _: ProgressLine) -> Machine:
    machine = Machine(chosen)
    machine.open_output(RESULT_FD, "result", io.BytesIO())
    machine.load(guest_program(_BENCHMARK.guest), _BENCHMARK.arguments)
    return machine


def _run(
    chosen: MachineOptions, load: Load, progress: ProgressLine, fault: int | None, like: Chosen | None
) -> tuple[Chosen | None, list[Any]]:
    """Which fault of the run was chosen, and its events; none when it was not resumed."""
    machine = foreground.prepare(lambda: load(chosen, progress), progress, "loading")
    choice = FaultChoice(machine, fault, like)
    one_fault = OneFault(choice)
    machine.events.sinks.append(one_fault)
    show_warnings(machine.events)
    foreground.run(machine, progress)
    return choice.chosen, one_fault.events
