"""A self-contained HTML page of benchmark reports: options, numbers, figures. It has no script and fetches nothing."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from pffemu.report import compare_figure, compare_table, figures, sweep_table
from pffemu.report.command_line import command_line
from pffemu.report.figures import name_of_path
from pffemu.report.uncertainty import MATTERS
from pffemu.report.uncertainty_table import HEADINGS, movers

Report = Mapping[str, Any]

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --line: #ccc; --soft: #f3f3f3; --quiet: #666 }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e6e6e6; --paper: #16181b; --line: #444;
  --soft: #262a2e; --quiet: #a0a0a0 } }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 76rem; margin: 1rem auto; padding: 0 1rem; color: var(--ink);
  background: var(--paper) }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-top: 1px solid var(--line);
  padding-top: .8rem }
nav a { margin-right: 1rem; color: inherit } figcaption, .quiet { color: var(--quiet); font-size: .9em }
figure svg { background: #fff } details { margin: .4rem 0 } dl { display: grid; grid-template-columns: max-content 1fr;
  gap: .1rem .8rem; margin: .3rem 0; font-size: .9em } dd { margin: 0; overflow-wrap: anywhere }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .8rem 0; font-size: .85em;
  display: block; max-width: 100%; overflow-x: auto }
th, td { padding: .2rem .5rem; text-align: right; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { text-align: left } td { white-space: nowrap }
code { font-size: .9em; background: var(--soft); padding: .1em .3em; overflow-wrap: anywhere } figure { margin: 1rem 0 }
svg { max-width: 100%; height: auto }
@media (max-width: 700px) { figure { overflow-x: auto } figure svg { max-width: none; width: auto; min-width: 36rem } }
.wrong { color: #b00; font-weight: bold }
"""


_FAULTS_TABLE: Final = (
    "Virtual cycles. Latencies and their parts are of one fault of the path named; the measured part, and the time in "
    "it, are of the whole run."
)
_CALLS_TABLE: Final = "Virtual cycles of one call, by its stages."
_CACHE_TABLE: Final = (
    "Million operations a second, in all and by a core; the milliseconds that all cores were busy; virtual cycles of a "
    "miss (p50, p99, p99.9); how often, in the measured part: misses, pages evicted and written, kernel entries, "
    "thread switches, TLB flushes and interrupts between cores."
)
_CAPTIONS: Final = {
    "breakdown": "The mean latency of a fault by stage, from the refused page walk to the resumed instruction.",
    "time": "The first thread's time in the measured part: its own work, its faults, and waiting for others.",
    "memory": "What all threads waited for memory in the measured part, by cause; it is part of the time above.",
    "latency": "How many faults take no longer than that. A single mark: those of that path take equally long.",
    "stages": "The cycles of one call by stage, without the system call's entry and exit.",
    "throughput": "Operations a second, by a core of those that the mechanism uses, over the memory that it has.",
    "speedup": "How much shorter the measured part is than under userfaultfd.",
}
_FAULT: Final = "The same fault under two mechanisms. Rows are evenly spaced; the bars on the left are to scale."


@dataclass(frozen=True, slots=True)
class Shown:
    """A report, its name, its table and its figures by short name."""

    name: str
    report: Report
    headings: list[str]
    rows: list[list[str]]
    figures: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, report: Report) -> Shown:
        """Raises ValueError when `report` is not what a benchmark writes."""
        if not isinstance(report.get("options"), dict) or not isinstance(report.get("version"), str):
            raise ValueError("no options or no version")
        try:
            return cls(name, report, *table(report), _drawn(report))
        except (AttributeError, IndexError, KeyError, TypeError, ZeroDivisionError) as error:
            raise ValueError(f"{type(error).__name__} {error}") from error


def _drawn(report: Report) -> dict[str, Any]:
    """The figures for a report, by short name."""
    if "points" in report:
        return _drawn_of_sweep(report)
    drawn = report.get("uncertainty", {}).get("tornado", {}).get("bars")
    matters = {"tornado": figures.tornado(report)} if drawn else {}
    if compares_workload(report):
        return {"throughput": compare_figure.compare_figure(report)}
    if report["command"] == "bench ioctl":
        return {"stages": figures.ioctl_breakdown(report), **matters}
    shown = {"breakdown": figures.breakdown(report), "time": figures.time_split(report)}
    if any(map(figures.varies, (one for run in report["runs"] for one in run["latency"].values()))):
        shown["latency"] = figures.latency_cdf(report)
    if any(map(figures.stalls_of, report["runs"])):
        shown["memory"] = figures.memory_stalls(report)
    return shown | matters


def compares_workload(report: Report) -> bool:
    """Whether `report` is of `pffemu compare` with one of its workloads."""
    return report["command"] == "compare" and "workload" in report["options"]


def _drawn_of_sweep(report: Report) -> dict[str, Any]:
    vary = list(report["options"]["vary"])
    points = report["points"]
    numbers = [point["values"][vary[0]] for point in points]
    if len(vary) != 1 or report["options"]["benchmark"] == "ioctl" or not all(map(_is_number, numbers)):
        return {}
    line = [(float(number), point["report"]) for number, point in zip(numbers, points, strict=True)]
    what = _BENCHMARKS[report["options"]["benchmark"]]
    return {
        "time": figures.sweep_lines(line, vary[0], f"Time of {what}", speedup=False),
        "speedup": figures.sweep_lines(line, vary[0], f"Speed-up of {what}", speedup=True),
    }


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _what_the_table_says(report: Report) -> str:
    if compares_workload(report):
        return _CACHE_TABLE
    inner = report["points"][0]["report"] if report.get("points") else report
    return _CALLS_TABLE if inner["command"] == "bench ioctl" else _FAULTS_TABLE


def table(report: Report) -> tuple[list[str], list[list[str]]]:
    """(headings, rows) of a report's main numbers, in whole cycles."""
    if "points" in report:
        vary = list(report["options"]["vary"])
        headings, rows = [*vary], []
        for point in report["points"]:
            inner, inner_rows = table(point["report"])
            headings = [*vary, *inner]
            rows += [[*point["values"].values(), *row] for row in inner_rows]
        return headings, rows
    if compares_workload(report):
        return compare_table.headings_and_rows(report["runs"])
    if report["command"] == "bench ioctl":
        stages = list(report["runs"][0]["stages"])
        return ["ioctl", "case", *stages, "total"], [
            [run["ioctl"], run["case"], *(f"{run['stages'][stage]:,}" for stage in stages), f"{run['total']:,}"]
            for run in report["runs"]
        ]
    return (
        [
            "run",
            "faults",
            "median",
            "p99",
            *_PARTS,
            "measured part",
            "application",
            "busy with faults",
            "waiting",
            "answer",
        ],
        [_row(run, path) for run in report["runs"] for path in run["stages"] or ("",)],
    )


def intervals(report: Report) -> tuple[list[str], list[list[str]]]:
    """(headings, rows) of what lies where under the draws; the report has some."""
    if "points" in report:
        vary: list[str] = list(report["options"]["vary"])
        headings: list[str] = []
        rows: list[list[str]] = []
        for point in report["points"]:
            if "uncertainty" not in point["report"]:
                continue
            headings, told = intervals(point["report"])
            rows += [[*point["values"].values(), *row] for row in told]
        return [*vary, *headings], rows
    runs = report["uncertainty"]["runs"]
    names = [name for name in HEADINGS if any(name in run for run in runs)]
    told = [
        [run["run"], *("{1:,.0f} [{0:,.0f}, {2:,.0f}]".format(*run[name]) if name in run else "-" for name in names)]
        for run in runs
    ]
    return ["run", *(HEADINGS[name] for name in names)], told


def conclusions(report: Report) -> list[str]:
    """The conclusions under the draws, and the guesses that matter to them."""
    if "points" in report:
        return sweep_table.conclusions(report["points"])
    drawn = report["uncertainty"]
    moved = f"guesses that move one by more than {100 * MATTERS:.0f} %: {movers(drawn['guesses'])}"
    return [*(one["told"] for one in drawn["conclusions"]), moved]


_BENCHMARKS: Final = {"fault": "the fault benchmark", "bfs": "BFS"}
_PARTS: Final = ("notification", "handling", "resolution", "resumption")


def _row(run: Mapping[str, Any], path: str) -> list[str]:
    """The row of one path of a run: its faults are the path's, the other numbers the whole run's."""
    latency, parts = run["latency"].get(path), run["parts"].get(path)
    return [
        name_of_path(run, path), *(f"{latency[key]:,}" if latency else "-" for key in ("faults", "median", "p99")),
        *(f"{parts[part] // latency['faults']:,}" if latency else "-" for part in _PARTS), f"{run['cycles']:,}",
        *(f"{run['time'][kind]:,}" for kind in ("application", "handling", "waiting")),
        {True: "right", False: "WRONG", None: "-"}[run["correct"]],
    ]  # fmt: skip


def markdown(shown: Shown) -> str:
    lines = [shown.headings, ["---", *["---:"] * (len(shown.headings) - 1)], *shown.rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def markdown_of_draws(shown: Shown) -> str:
    """Intervals and conclusions of a report with draws."""
    headings, rows = intervals(shown.report)
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    told = "".join(f"* {one}\n" for one in conclusions(shown.report))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines) + f"\n{told}"


def as_svg(figure: Any) -> str:
    """A figure as an <svg> element, with the same bytes every time."""
    from matplotlib import pyplot

    out = io.StringIO()
    with pyplot.rc_context(figures.STYLE):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def html(reports: Sequence[Shown], fault_pictures: str = "") -> str:
    """The page. `fault_pictures`: an <svg> of single faults (svg_timeline)."""
    parts = ["<h1>Page fault handling in virtual time</h1>", _contents(reports, bool(fault_pictures))]
    for number, shown in enumerate(reports):
        title, report = shown.name, shown.report
        parts.append(f'<h2 id="report-{number}">{escape(title)}: {escape(report["command"])}</h2>')
        parts.append(_options(report))
        parts.append(f"<p class=quiet>{_what_the_table_says(report)}</p>")
        parts.append(_html_table(shown.headings, shown.rows))
        if (draws := sweep_table.draws_of(report)) is not None:
            parts.append(f"<p>Where 90 % of {draws:,} draws of the profile's costs lie:</p>")
            parts.append(_html_table(*intervals(report)))
            parts.append(f"<ul>{''.join(f'<li>{escape(one)}</li>' for one in conclusions(report))}</ul>")
        for name, one in shown.figures.items():
            caption = f"<figcaption>{_CAPTIONS.get(name, '')}</figcaption>"
            parts.append(f"<figure>{_unique(as_svg(one), f'{title}-{name}')}{caption}</figure>")
    if fault_pictures:
        parts += [
            '<h2 id="fault">One fault</h2>',
            f"<figure>{fault_pictures}<figcaption>{_FAULT}</figcaption></figure>",
        ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>pffemu report</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _contents(reports: Sequence[Shown], fault: bool) -> str:
    links = [f'<a href="#report-{number}">{escape(shown.name)}</a>' for number, shown in enumerate(reports)]
    return f"<nav>{''.join(links)}{'<a href=#fault>one fault</a>' if fault else ''}</nav>"


def _options(report: Report) -> str:
    """The command, and its options folded away."""
    rows = "".join(f"<dt>{escape(name)}<dd>{escape(_told(value))}" for name, value in report["options"].items())
    return (
        f"<p><code>{escape(command_line(report))}</code>, version {escape(report['version'])}</p>"
        f"<details><summary>its options</summary><dl>{rows}</dl></details>"
    )


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_told(each)}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _html_table(headings: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in headings)
    body = "".join(f"<tr>{''.join(f'<td{_wrong(cell)}>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _wrong(cell: str) -> str:
    return ' class="wrong"' if cell == "WRONG" else ""


def _unique(svg: str, prefix: str) -> str:
    """Make ids unique: matplotlib gives every figure the same ones, which would clash on one page."""
    name = "".join(c if c.isalnum() else "-" for c in prefix)
    return svg.replace('id="', f'id="{name}-').replace("url(#", f"url(#{name}-").replace('href="#', f'href="#{name}-')
