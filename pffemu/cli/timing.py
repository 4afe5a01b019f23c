"""pffemu timing: shows, checks, validates and calibrates machine profiles."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from pffemu.cli import validation
from pffemu.cli.calibrate import calibrate
from pffemu.cli.terminal import out_console, replace_between_markers
from pffemu.timing import CATALOGUE, DEFAULT_PROFILE, Entry, Profile, Status, builtin_profiles, load_profile
from pffemu.timing.hierarchy import FIELDS

_NAME: Final = typer.Argument(metavar="PROFILE", help="A profile's name, or a TOML file.")
_WITH_SOURCES: Final = 120  # columns of a terminal that has room for sources
timing = typer.Typer(no_args_is_help=True)


@timing.command("show")
def show(profile: Annotated[str, _NAME] = DEFAULT_PROFILE) -> None:
    """Show every cost of a machine profile, and its caches and memory, with units, status and source.

    Example: pffemu timing show amd-rome
    """
    chosen = load_profile(profile)
    out = out_console()
    with_sources = out.width >= _WITH_SOURCES
    table = _table(_title(chosen), ("cost", "value", "cycles", "status"), with_sources)
    for cost in CATALOGUE:
        entry = chosen.entries[cost]
        cells = (cost, _value(entry), _number(chosen.cycles_of(cost)), entry.status.value)
        table.add_row(*cells, *([_source(entry)] if with_sources else []))
    out.print(table, markup=False)
    if chosen.hierarchy:
        table = _table("[memory]: caches and memory under --memory caches", ("entry", "value", "status"), with_sources)
        for name in FIELDS:
            entry = chosen.hierarchy[name]
            table.add_row(name, _value(entry), entry.status.value, *([_source(entry)] if with_sources else []))
        out.print(table, markup=False)
    if not with_sources:
        out.print(f"Sources need {_WITH_SOURCES} columns: widen the terminal, or write into a file.", markup=False)
    others = ", ".join(name for name in builtin_profiles() if name != chosen.name)
    out.print(f"Other profiles: {others}", markup=False)


@timing.command("check")
def check(profiles: Annotated[list[str] | None, _NAME] = None) -> None:
    """Check the keys, units and values of profiles (by default, all of pffemu's). Exit code 2 when one is wrong.

    Example: pffemu timing check my-machine.toml
    """
    out = out_console()
    for name in profiles or builtin_profiles():
        out.print(_title(load_profile(name)), markup=False, soft_wrap=True)


@timing.command("validate")
def validate(
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table between the markers in this Markdown file.")
    ] = None,
) -> None:
    """Compare the model with published totals, and mark those it was fitted to. Takes seconds.

    Example: pffemu timing validate --write docs/timing.md
    """
    results = [validation.compare(total) for total in validation.published()]
    told = validation.markdown(results)
    if write is None:
        out_console().print(told, markup=False, soft_wrap=True)
    else:
        replace_between_markers(write, "validation", told)
    large = sum(one.large for one in results)
    fitted = sum(one.total.fitted for one in results)
    summary = f"{len(results)} totals, {fitted} of them fitted; {large} of the others are off by more than 30 %"
    out_console().print(summary, markup=False)


timing.command("calibrate")(calibrate)


def _table(title: str, headings: tuple[str, ...], with_sources: bool) -> Table:
    table = Table(header_style="bold", title=Text(title), title_justify="left")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    if with_sources:
        table.add_column("source", min_width=30)
    return table


def _title(profile: Profile) -> str:
    count = Counter(entry.status for entry in profile.entries.values())
    told = ", ".join(f"{count[status]} {status.value}" for status in Status if count[status])
    return f"{profile.name}: {profile.machine}; {profile.frequency / 1e9:g} GHz; {told}; {profile.digest[:12]}"


def _source(entry: Entry) -> str:
    return f"{entry.source} (from {entry.inherited})" if entry.inherited else entry.source


def _value(entry: Entry) -> str:
    return f"{_number(entry.value)} {entry.unit}"


def _number(value: Fraction) -> str:
    return f"{float(value):,.4g}" if value < 1000 else f"{float(value):,.0f}"
