"""pffemu faults: lists the page faults of a run."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

import pffemu
from pffemu.cli import foreground, options
from pffemu.cli.guest_machine import GuestCommand, load_guest
from pffemu.cli.machine_choice import MachineChoice, chooses_machine
from pffemu.cli.terminal import check_writable, err_console, out_console, say, write_text
from pffemu.debug.places import Places
from pffemu.debug.source_lines import lines_of_file
from pffemu.machine.stop import Exited
from pffemu.report.fault_list import FaultList, fault_table
from pffemu.report.progress import ProgressLine

MOST_ROWS = 200


@chooses_machine
def faults(
    file: options.GuestFile,
    arguments: options.GuestArguments = None,
    most: Annotated[int, typer.Option(min=1, max=1_000_000, help="List at most so many; the others are counted.")] = (
        MOST_ROWS
    ),
    json: options.Json = None,
    *,
    machine: MachineChoice,
    budget: options.Budget = None,
) -> None:
    """List the page faults of a run: their numbers, virtual cycles, paths, addresses and instructions.

    The guest's own output goes to standard error. `pffemu timeline --fault N FILE` shows one of them.

    Example: pffemu faults examples/own_handler.s
    """
    check_writable(json)
    progress = ProgressLine(err_console, Path(file).name)
    guest = GuestCommand(file, arguments or [], machine.environment)
    loaded = foreground.prepare(lambda: load_guest(machine.options, guest, progress, True), progress, "loading")
    found = FaultList(loaded, most, Places(loaded, lines_of_file(Path(file))).describe_line)
    loaded.events.sinks.append(found)
    foreground.show_warnings(loaded.events)
    stop = foreground.run(loaded, progress, budget)
    if not isinstance(stop, Exited):
        say(str(stop))
    if json is not None:
        head = {"version": pffemu.__version__, "command": "faults", "mode": machine.options.mode.value}
        write_text(json_format.dumps({**head, **found.as_dict()}, indent=1), json)
    if json != "-":
        out_console().print(_told(found), markup=False, soft_wrap=True)
    if not isinstance(stop, Exited):
        raise typer.Exit(stop.exit_code)


def _told(found: FaultList) -> str:
    paths = ", ".join(f"{path} {faults:,} in {cycles:,} cycles" for path, (faults, cycles) in found.paths.items())
    lines = [fault_table(found)] if found.rows else []
    if found.left_out:
        lines.append(f"... and {found.left_out:,} more (--most)")
    return "\n".join([*lines, f"{found.count:,} fault{'' if found.count == 1 else 's'}{f': {paths}' if paths else ''}"])
