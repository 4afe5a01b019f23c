"""Whole experiments as functions with typed results: `pffemu faults`, `timeline`, `bench`, `compare`, `report`.

Results print as text, show as HTML in a notebook, and become pandas' tables where pandas is installed. A program is a
Program (assemble) or a Path; text is neither, because it could be a path or source.
"""

from __future__ import annotations

import html
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pffemu
from guest.caching.mechanisms import chosen_mechanisms
from guest.caching.workload import CacheSetting
from guest.caching.workloads import named_workload
from guest.handlers import Handler
from guest.workloads import Workload
from kernel_model.mechanisms import Mode
from pffemu.asm import Program
from pffemu.cli import compare_run
from pffemu.cli.measure import Setup, measure
from pffemu.debug.fault_recorder import FaultRecorder
from pffemu.debug.places import Places
from pffemu.debug.source_lines import SourceLines, lines_of_file, lines_of_program
from pffemu.errors import MissingExtraError, PffemuError, UsageError
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions, changed
from pffemu.machine.stop import Stop
from pffemu.option_values import member
from pffemu.report import csv_rows, page
from pffemu.report.fault_choice import Chosen, FaultChoice
from pffemu.report.fault_list import FaultList, FaultRow, fault_table
from pffemu.report.fault_page import fault_page
from pffemu.report.fault_steps import SteppedFault
from pffemu.report.summary import RunSummary, report_of

COMPARED: Final = (Mode.UFFD, Mode.PFF)


class _Rows:
    """A result that is a table. `records`: one dictionary a row."""

    def records(self) -> list[dict[str, Any]]:
        raise NotImplementedError

    def to_pandas(self) -> Any:
        """The rows as a pandas.DataFrame. Raises PffemuError without pandas."""
        try:
            import pandas
        except ImportError as error:
            raise PffemuError("pandas is not installed", remedy="pip install pandas, or use records()") from error
        return pandas.DataFrame(self.records())

    def _repr_html_(self) -> str:
        rows = self.records()
        names = list(dict.fromkeys(name for row in rows for name in row))
        head = "".join(f"<th>{html.escape(name)}" for name in names)
        body = "".join("<tr>" + "".join(f"<td>{_cell(row.get(name))}" for name in names) for row in rows)
        return f"<table><tr>{head}{body}</table>"


def _cell(value: object) -> str:
    return html.escape(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))


@dataclass(frozen=True, slots=True)
class FaultTable(_Rows):
    """The page faults of a run. `count`: all of them, `rows`: the first; `paths`: (faults, cycles) by path."""

    rows: tuple[FaultRow, ...]
    count: int
    paths: dict[str, tuple[int, int]]
    stop: Stop
    output: bytes  # what the guest wrote
    text: str

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[FaultRow]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> FaultRow:
        return self.rows[index]

    def __str__(self) -> str:
        return self.text

    def records(self) -> list[dict[str, Any]]:
        return [{name: getattr(row, name) for name in FaultRow.__slots__} for row in self.rows]


@dataclass(frozen=True, slots=True)
class Timeline(_Rows):
    """One fault, step by step, under each mechanism that took it. Times in virtual cycles after the refused walk."""

    title: str
    faults: tuple[SteppedFault, ...]

    def __getitem__(self, mode: Mode | str) -> SteppedFault:
        """Raises KeyError when the program took no such fault under that mode."""
        for fault in self.faults:
            if fault.mode == member("mode", Mode, mode).value:
                return fault
        raise KeyError(mode)

    def records(self) -> list[dict[str, Any]]:
        return [
            {"mode": fault.mode, "cycles": step.cycles, "kind": step.kind, "text": step.text, "thread": step.thread}
            for fault in self.faults
            for step in fault.steps
        ]

    def html(self) -> str:
        """A self-contained page to step through it."""
        return fault_page(self.faults, self.title)

    def __str__(self) -> str:
        return "\n".join(f"{row['mode']:<8} {row['cycles']:>8,}  {row['text']}" for row in self.records())

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{html.escape(self.html())}" width="100%" height="700"></iframe>'


@dataclass(frozen=True, slots=True)
class BenchResult(_Rows):
    """Runs of a workload, one for each mode."""

    runs: tuple[RunSummary, ...]
    options: dict[str, Any]

    def __getitem__(self, mode: Mode | str) -> RunSummary:
        """The first run in that mode. Raises KeyError."""
        for run in self.runs:
            if run.mode == member("mode", Mode, mode).value:
                return run
        raise KeyError(mode)

    def as_dict(self) -> dict[str, Any]:
        """What `--json` writes."""
        return report_of(pffemu.__version__, "bench fault", self.options, self.runs, host_stats=False)

    def records(self) -> list[dict[str, Any]]:
        return csv_rows.rows(self.as_dict())


def faults(
    program: Program | Path, arguments: Sequence[str] = (), *, most: int = 10_000, stdin: bytes = b"", **options: Any
) -> FaultTable:
    """Run a program and list its page faults. `options`: fields of MachineOptions by name, as for Machine."""
    output = io.BytesIO()
    machine = _machine(program, arguments, MachineOptions(), options, output, stdin)
    found = FaultList(machine, most, Places(machine, _lines(program)).describe_line)
    machine.events.sinks.append(found)
    stop = machine.run()
    return FaultTable(tuple(found.rows), found.count, found.paths, stop, output.getvalue(), fault_table(found))


def timeline(
    program: Program | Path,
    arguments: Sequence[str] = (),
    *,
    fault: int | None = None,
    modes: Sequence[Mode | str] = COMPARED,
    stdin: bytes = b"",
    **options: Any,
) -> Timeline:
    """One fault under each of `modes`: number `fault` of the first mode's run, or the first in userfaultfd memory.

    Raises UsageError when no run has it.
    """
    chosen = [member("mode", Mode, mode) for mode in modes]
    like: Chosen | None = None
    found: dict[Mode, SteppedFault] = {}
    for mode in sorted(chosen, key=lambda each: not each.mechanism.userfaultfd):
        machine = _machine(program, arguments, MachineOptions(mode=mode), options, io.BytesIO(), stdin)
        recorder = FaultRecorder(machine, FaultChoice(machine, fault, like), Places(machine, _lines(program)))
        recorder.run(machine.run)
        stepped = recorder.stepped
        if stepped is not None:
            found[mode] = stepped
            like = like or recorder.chosen
    if not found:
        raise UsageError("no run had such a fault that was resumed", remedy="look for its number with faults()")
    name = program.name if isinstance(program, Path) else "a program"
    return Timeline(f"One page fault of {name}", tuple(found[mode] for mode in chosen if mode in found))


def bench(
    workload: Workload,
    modes: Sequence[Mode | str] = tuple(Mode),
    *,
    handler: Handler | str = Handler.READ,
    **options: Any,
) -> BenchResult:
    """Run a workload once in each of `modes`. Each run's `correct` says whether its answer was right.

    `handler`: how userfaultfd's handler waits. `options`: fields of MachineOptions by name.
    """
    machine, wanted = changed(MachineOptions(), options), [member("mode", Mode, mode) for mode in modes]
    if hasattr(workload, "handler"):
        workload = replace(workload, handler=member("handler", Handler, handler))  # type: ignore[type-var]
    setup = Setup(machine, machine.ram if "ram" in options else None)
    runs = tuple(measure(workload, mode, setup).summary for mode in wanted)
    profile = machine.cpu.profile
    chosen = {"modes": [mode.value for mode in wanted], "cpus": machine.cpus, "profile": profile.name,
              "profile_hash": profile.digest}  # fmt: skip
    return BenchResult(runs, {"workload": workload.guest, **chosen})


@dataclass(frozen=True, slots=True)
class CompareResult(_Rows):
    """Runs of one workload under several mechanisms: what `--json` of `pffemu compare` has in `runs`."""

    workload: str
    runs: tuple[dict[str, Any], ...]

    def __getitem__(self, mechanism: str) -> list[dict[str, Any]]:
        """The runs under that mechanism."""
        return [run for run in self.runs if run["mechanism"] == mechanism]

    def records(self) -> list[dict[str, Any]]:
        head = {"version": pffemu.__version__, "command": "compare", "options": {"workload": self.workload}}
        return csv_rows.rows({**head, "runs": self.runs})


def compare(
    workload: str,
    mechanisms: str | Sequence[str] = "all",
    *,
    quotas: Sequence[float] = (0.25, 1),
    threads: Sequence[int] = (1,),
    scale: int = 10,
    on_disk: bool = False,
    **options: Any,
) -> CompareResult:
    """Run a workload of `pffemu compare` under mechanisms (a list, or names with commas between), one after the other.

    `quotas`: fractions of the pages that may be in memory. `options`: fields of MachineOptions. Raises UsageError.
    """
    machine, made = changed(MachineOptions(), options), named_workload(workload, scale)
    named = mechanisms if isinstance(mechanisms, str) else ",".join(mechanisms)
    runs = []
    for one in chosen_mechanisms(named, on_disk=on_disk):
        for quota in quotas:
            for count in threads:
                setting = CacheSetting(one, made.quota_of(quota), count, on_disk=on_disk)
                setting.check(made)
                runs.append(compare_run.run(made, setting, machine).to_json(machine.cpu.profile, quota))
    return CompareResult(workload, tuple(runs))


def write_report(results: Sequence[BenchResult], path: Path, names: Sequence[str] = ()) -> None:
    """Write a page of tables and figures. `names`: of the results, in order. Raises MissingExtraError, OSError."""
    from pffemu.report import plot

    if not plot.available():
        raise MissingExtraError("matplotlib", "plot", where="write_report")
    names = [*names, *(f"result {number}" for number in range(len(names) + 1, len(results) + 1))]
    shown = [page.Shown.of(name, result.as_dict()) for name, result in zip(names, results, strict=False)]
    path.write_text(page.html(shown, ""), encoding="utf-8")


def _machine(
    program: Program | Path,
    arguments: Sequence[str],
    default: MachineOptions,
    options: dict[str, Any],
    output: io.BytesIO,
    stdin: bytes,
) -> Machine:
    if not isinstance(program, Program | Path):
        raise UsageError(
            f"a program of type {type(program).__name__}", remedy="Path('prog') for a file, assemble('...') for source"
        )
    machine = Machine(default, stdin=stdin, stdout=output, stderr=output, **options)
    machine.load(program, arguments)
    return machine


def _lines(program: Program | Path) -> SourceLines:
    return lines_of_file(program) if isinstance(program, Path) else lines_of_program(program)
