"""pffemu report: benchmark reports as an HTML page, figures for a paper, and tables in a document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from guest.workloads import FaultWorkload
from kernel_model.mechanisms import Mode
from pffemu.cli.measure import Setup, describe_guest, measure
from pffemu.cli.terminal import check_writable, out_console, replace_between_markers, write_text
from pffemu.errors import MissingExtraError, MissingFileError, PffemuError, UsageError
from pffemu.report import page, plot
from pffemu.report.svg_timeline import svg
from pffemu.report.sweep_table import draws_of
from pffemu.report.timeline import one_fault_title
from pffemu.timing import DEFAULT_PROFILE, Profile, builtin_profiles, load_profile

_PAGES = 64
_FAULT = 9  # number of the one that is drawn


def report(
    files: Annotated[list[str], typer.Argument(metavar="FILE.json...", help="Files that --json of benchmarks wrote.")],
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE.html", help="HTML file.")] = "report.html",
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write each figure as SVG and PNG, named after its report.")
    ] = None,
    tables: Annotated[
        Path | None, typer.Option(metavar="FILE.md", help="Also write each table, between its report's markers.")
    ] = None,
) -> None:
    """Put benchmark reports on one self-contained HTML page: options, tables, figures, one fault step by step.

    Example: pffemu report fault.json bfs.json -o report.html --figures figures
    """
    if not plot.available():
        raise MissingExtraError("matplotlib", "plot", where="report")
    check_writable(output)
    reports = [_read(file) for file in files]
    if figures is not None:
        _write_figures(reports, figures)
    if tables is not None:
        for shown in reports:
            replace_between_markers(tables, shown.name, page.markdown(shown))
            if draws_of(shown.report) is not None:
                replace_between_markers(tables, f"{shown.name} draws", page.markdown_of_draws(shown))
    write_text(page.html(reports, _one_fault(_profile(reports))).rstrip("\n"), output)
    out_console().print(f"{len(reports)} reports in {output}", markup=False)


def _read(file: str) -> page.Shown:
    try:
        told = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise MissingFileError(
            f"cannot read: {error.strerror}", where=file, remedy="name a benchmark's JSON"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not JSON: {error}", where=file, remedy="name what --json of a benchmark wrote") from error
    if not isinstance(told, dict) or not str(told.get("command", "")).startswith(("bench", "compare")):
        of_run = isinstance(told, dict) and told.get("command") == "run"
        remedy = "`pffemu compare PROG --json` reports on your own program" if of_run else (
            "name what --json of a benchmark wrote"
        )  # fmt: skip
        raise UsageError("not the report of a benchmark", where=file, remedy=remedy)
    try:
        return page.Shown.of(Path(file).stem, told)
    except ValueError as error:
        raise UsageError(
            f"an incomplete report: {error}", where=file, remedy="name what --json of a benchmark wrote"
        ) from error


def _write_figures(reports: list[page.Shown], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for shown in reports:
            for kind, figure in shown.figures.items():
                figure.savefig(folder / f"{shown.name}-{kind}.png", dpi=150)
                (folder / f"{shown.name}-{kind}.svg").write_text(page.as_svg(figure), encoding="utf-8")
    except OSError as error:
        raise PffemuError(f"cannot write: {error.strerror}", where=str(folder), remedy="another --figures") from error


def _profile(reports: list[page.Shown]) -> Profile:
    """The machine profile that all reports were made with, if pffemu has it; else the default."""
    names = {one.report["options"].get("profile", DEFAULT_PROFILE) for one in reports if "points" not in one.report}
    return load_profile(*names & set(builtin_profiles()) if len(names) == 1 else ())


def _one_fault(profile: Profile) -> str:
    setup, workload = Setup.of(profile, shown_fault=_FAULT), FaultWorkload(_PAGES)
    shown = [
        (one_fault_title(mode.value, profile.name), measure(workload, mode, setup).one_fault)
        for mode in (Mode.UFFD, Mode.PFF)
    ]
    return svg(shown, describe_guest(workload))
