"""pffemu timeline: shows one fault, step by step, as text, as a picture, or as a page to step through."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from guest.build import guest as guest_program
from guest.workloads import RESULT_FD, FaultWorkload
from kernel_model.mechanisms import Mode
from pffemu.cli import foreground, options
from pffemu.cli.debugging import SourceFolders
from pffemu.cli.guest_machine import GuestCommand, load_guest
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.terminal import check_writable, err_console, out_console, say, write_text
from pffemu.debug.fault_recorder import FaultRecorder
from pffemu.debug.places import Places
from pffemu.debug.source_lines import SourceLines, lines_of_file, lines_of_program
from pffemu.errors import UsageError
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions
from pffemu.report.fault_choice import Chosen, FaultChoice
from pffemu.report.fault_page import fault_page
from pffemu.report.fault_steps import SteppedFault
from pffemu.report.one_fault import OneFault
from pffemu.report.progress import ProgressLine
from pffemu.report.svg_timeline import svg
from pffemu.report.timeline import one_fault_title
from pffemu.report.timeline import timeline as text

_BENCHMARK: Final = FaultWorkload(64)  # it runs when no program is named
_FAULT: Final = 9  # of the benchmark


@chooses_machine
def timeline(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A guest program; by default, the fault benchmark.")
    ] = None,
    arguments: options.GuestArguments = None,
    fault: Annotated[
        list[int],
        typer.Option(
            min=1,
            help="Number of the page fault, as `pffemu faults` lists them; of several, text and a drawing show each.",
            show_default="the first in userfaultfd memory",
        ),
    ] = [],  # noqa: B006
    mode: options.BenchModes = [],  # noqa: B006
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE.svg", help="File of the drawing; text by default.")
    ] = None,
    html: Annotated[
        str | None, typer.Option(metavar="FILE.html", help="Write a page that steps through the fault, in any browser.")
    ] = None,
    source: SourceFolders = None,
    *,
    machine: MachineChoice,
) -> None:
    """Show one page fault from the refused walk to the resumed instruction, under each mode.

    Example: pffemu timeline --mode uffd --mode pff --html fault.html
    """
    _check(output, html, fault)
    modes = options.chosen_modes(mode) if mode else (Mode.UFFD, Mode.PFF)
    shown_program = _program(file, arguments or [], machine.environment)._replace(sources=tuple(source or ()))
    wanted: list[int | None] = list(fault) or [None if file is not None else _FAULT]
    profile = machine.options.cpu.profile.name
    shown: list[tuple[str, _Found]] = []
    for number in wanted:
        found = _under_each(modes, machine.options, shown_program, number, html is not None)
        if html is not None:
            _write_page(html, shown_program.name, profile, {each: found[each].stepped for each in modes})
            without_text = next(filter(None, (each.without_text for each in found.values())), "")
            if without_text:
                say(f"hint: the page has no text of {without_text}; --source DIR names its folder")
        which = f"Fault {number}" if len(wanted) > 1 else "One fault"
        shown += [(one_fault_title(each.value, profile, which), found[each]) for each in modes]
    if output is not None:
        write_text(svg([(title, one.events) for title, one in shown], shown[0][1].describe).rstrip("\n"), output)
    elif html is None:
        for title, one in shown:
            out_console().print(text(one.events, title, one.describe), "", sep="\n", markup=False, soft_wrap=True)


def _under_each(
    modes: Sequence[Mode], chosen: MachineOptions, program: _Program, number: int | None, with_steps: bool
) -> dict[Mode, _Found]:
    """The fault under each mode: the same one, as far as the program takes it there."""
    like: Chosen | None = None
    found: dict[Mode, _Found] = {}
    for each in sorted(modes, key=lambda each: not each.mechanism.userfaultfd):
        found[each] = _run(replace(chosen, mode=each), program, number, like, with_steps)
        like = like or found[each].chosen
    if not any(each.events for each in found.values()):
        what = f"fault {number}" if number is not None else "fault in userfaultfd memory"
        raise UsageError(f"the run had no {what} that was resumed", remedy="`pffemu faults` lists those of a program")
    return found


def _check(output: str | None, html: str | None, faults: list[int]) -> None:
    if html is not None and len(faults) > 1:
        raise UsageError("a page steps through one fault", where="--fault", remedy="write a page for each")
    for target, suffixes, what in ((output, (".svg",), "picture"), (html, (".html", ".htm"), "page")):
        if target is not None and Path(target).suffix not in suffixes:
            option = "-o" if target is output else "--html"
            raise UsageError(f"the {what} is an {suffixes[0]}", where=target, remedy=f"name one after {option}")
        check_writable(target)


class _Program(NamedTuple):
    """What runs: its name, its file (None: the benchmark's), and how a machine gets it."""

    name: str
    file: Path | None
    load: Callable[[MachineOptions, ProgressLine], Machine]
    sources: tuple[Path, ...] = ()  # folders with its source texts


class _Found(NamedTuple):
    """A run's fault: which it was, its events (none: it was not resumed), and its steps if they were wanted."""

    chosen: Chosen | None
    events: list[Any]
    describe: Callable[[int], str]  # an address as symbol+offset
    stepped: SteppedFault | None
    without_text: str = ""  # the source file of the instruction that faults, where its text is not to be read


def _program(file: str | None, arguments: list[str], environment: list[str]) -> _Program:
    if file is None:
        return _Program(_BENCHMARK.guest, None, _load_benchmark)
    guest = GuestCommand(file, arguments, environment)
    return _Program(Path(file).name, Path(file), lambda chosen, progress: load_guest(chosen, guest, progress, True))


def _load_benchmark(chosen: MachineOptions, _: ProgressLine) -> Machine:
    machine = Machine(chosen)
    machine.open_output(RESULT_FD, "result", io.BytesIO())
    machine.load(guest_program(_BENCHMARK.guest), _BENCHMARK.arguments)
    return machine


def _run(
    chosen: MachineOptions, program: _Program, number: int | None, like: Chosen | None, with_steps: bool
) -> _Found:
    progress = ProgressLine(err_console, f"{program.name}, {chosen.mode.value}")
    machine = foreground.prepare(lambda: program.load(chosen, progress), progress, "loading")
    choice = FaultChoice(machine, number, like)
    foreground.show_warnings(machine.events)
    if not with_steps:
        one_fault = OneFault(choice)
        machine.events.sinks.append(one_fault)
        foreground.run(machine, progress)
        return _Found(choice.chosen, one_fault.events, machine.symbols.describe, None)
    places = Places(machine, _lines(program))
    recorder = FaultRecorder(machine, choice, places)
    foreground.run(machine, progress, by=recorder.run)
    events = recorder.one_fault.events
    without_text = places.file_without_text(events[0].rip) if events else ""
    return _Found(choice.chosen, events, machine.symbols.describe, recorder.stepped, without_text)


def _lines(program: _Program) -> SourceLines:
    if program.file is None:
        return lines_of_program(guest_program(program.name))
    return lines_of_file(program.file, program.sources)


def _write_page(target: str, name: str, profile: str, stepped: dict[Mode, SteppedFault | None]) -> None:
    notes = [f"Times are virtual cycles of the profile {profile}, after the refused page walk."]
    missing = [mode.value for mode, fault in stepped.items() if fault is None]
    if missing:
        notes.append(f"Not shown: {', '.join(missing)}. The program took no such fault there.")
    faults = [fault for fault in stepped.values() if fault is not None]
    write_text(fault_page(faults, f"One page fault of {name}", notes).rstrip("\n"), target)
    for mode in missing:
        say(f"warning: under {mode} the program took no such fault that was resumed")
