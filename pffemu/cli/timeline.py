"""pffemu timeline: shows one fault, step by step, as text or as a picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from guest.workloads import FaultWorkload
from kernel_model.mechanisms import Mode
from pffemu.cli import foreground, options
from pffemu.cli.guest_machine import GuestCommand, load_guest
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.measure import Setup, measure
from pffemu.cli.terminal import check_writable, err_console, out_console, show_warnings, write_text
from pffemu.errors import UsageError
from pffemu.machine.options import MachineOptions
from pffemu.report.one_fault import OneFault
from pffemu.report.progress import ProgressLine
from pffemu.report.svg_timeline import svg
from pffemu.report.timeline import one_fault_title
from pffemu.report.timeline import timeline as text

_PAGES = 64  # of the fault benchmark, which runs when no program is named


@chooses_machine
def timeline(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A guest program; by default, the fault benchmark.")
    ] = None,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="Arguments of the guest, passed on untouched.")
    ] = None,
    fault: Annotated[int, typer.Option(min=1, help="Number of the page fault in the run's trace, from 1.")] = 9,
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
    guest = None if file is None else GuestCommand(file, arguments or [], machine.environment)
    chosen = [replace(machine.options, mode=each) for each in modes]
    shown = [(one_fault_title(each.mode.value, each.cpu.profile.name), _events(each, guest, fault)) for each in chosen]
    if not any(events for _, events in shown):
        raise UsageError(f"the run had no fault {fault} that was resumed", remedy="a smaller --fault, counted from 1")
    if output is not None:
        write_text(svg(shown).rstrip("\n"), output)
        return
    for title, events in shown:
        out_console().print(text(events, title), "", sep="\n", markup=False, soft_wrap=True)


def _events(chosen: MachineOptions, guest: GuestCommand | None, fault: int) -> list[Any]:
    if guest is None:
        setup = Setup(chosen, chosen.ram, shown_fault=fault)
        return measure(FaultWorkload(_PAGES), chosen.mode, setup).one_fault
    progress = ProgressLine(err_console(), Path(guest.file).name)
    machine = foreground.prepare(lambda: load_guest(chosen, guest, progress, True), progress, "loading")
    one_fault = OneFault(fault)
    machine.events.sinks.append(one_fault)
    show_warnings(machine.events)
    foreground.run(machine, progress)
    return one_fault.events
