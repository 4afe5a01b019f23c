"""The figures of an evaluation, from the JSON of benchmarks. Needs matplotlib (extra: plot).

They can be printed in grey: neighbours in a bar differ in lightness and in hatching, lines in their dashes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

from pffemu.report.colours import LineStyles
from pffemu.report.stages import (
    DECISION,
    DELIVERY,
    DISK,
    FILL,
    HANDLER,
    IOCTL,
    KERNEL_WORK,
    MESSAGE,
    RETURN,
    STAGES,
    SWITCH,
)
from pffemu.timing.catalogue import STALLS

Run = Mapping[str, Any]

# fill, hatch: light and dark alternate in the order of a fault
_FILLS: Final = {
    DECISION: ("#c8c8c8", ""), DELIVERY: ("#08519c", ""), MESSAGE: ("#fdae61", "//"), HANDLER: ("#ffffbf", ""),
    IOCTL: ("#238b45", ""), SWITCH: ("#d94801", "\\\\"), KERNEL_WORK: ("#9ecae1", ".."), FILL: ("#fdae6b", "xx"),
    DISK: ("#f0f0f0", "//"), RETURN: ("#54278f", ""),
}  # fmt: skip
_IOCTL_FILLS: Final = (
    ("#c8c8c8", ""), ("#252525", ""), ("#fdae61", "//"), ("#08519c", ""), ("#fee0d2", "--"), ("#ffffbf", ""),
    ("#238b45", ""), ("#9ecae1", ".."), ("#54278f", ""), ("#ffffff", "xx"), ("#d94801", "\\\\"),
)  # fmt: skip
_STALL_FILLS: Final = (
    ("#f0f0f0", ""), ("#9ecae1", ""), ("#08519c", ""), ("#d94801", "\\\\"), ("#ffffbf", ".."), ("#54278f", "//"),
)  # fmt: skip
_STATUS_FILLS: Final = {
    "measured": ("#ffffff", ""), "published": ("#c8c8c8", ""), "derived": ("#9ecae1", ""), "guessed": ("#d94801", "//"),
    "assumed": ("#54278f", ".."),
}  # fmt: skip
_AXES: Final = {
    "resident": "fraction of the graph that stays in memory", "threads": "faulting threads", "pages": "pages touched",
    "scale": "scale (2^scale vertices)", "handler-threads": "handler threads",
}  # fmt: skip
STYLE: Final = {
    "font.size": 9, "font.family": "DejaVu Sans", "axes.spines.top": False, "axes.spines.right": False,
    "svg.hashsalt": "pffemu", "svg.fonttype": "none", "hatch.linewidth": 0.6, "axes.titlesize": 10,
    "axes.titlelocation": "left", "figure.dpi": 150,
}  # fmt: skip
_HEIGHT: Final = 3.3  # inches
_GAP: Final = 0.45  # between groups of bars, in bars
_MARGIN: Final = 0.04  # beside the bars of a tornado, of their whole width
_CASES: Final = {
    "uffd, sleeper on another core": "uffd,\nother core", "uffd, sleeper on this core": "uffd,\nsame core",
    "pff, no sleeper": "pff,\nno sleeper",
}  # fmt: skip
_WIDE_RANGE: Final = 12  # largest value over smallest from which on an axis is logarithmic


def name_of(run: Run) -> str:
    """The run's mode, and its handler where there is a choice."""
    return f"{run['mode']} {run['handler']}".rstrip()


def name_of_path(run: Run, path: str, between: str = ", ") -> str:
    """The run's name, and the path where there is a choice."""
    return name_of(run) if len(run["stages"]) < 2 else f"{name_of(run)}{between}{path}"


def breakdown(report: Run) -> Any:
    """Stacked bars: a fault's mean latency by stage, a bar for each path of a run; intervals where there are draws."""
    bars, drawn = [], []
    for run in report["runs"]:
        for path, cycles in run["stages"].items():
            faults = run["latency"][path]["faults"]
            bars.append((name_of_path(run, path, "\n"), {stage: cycles.get(stage, 0) / faults for stage in STAGES}))
            drawn.append(_interval(report, name_of(run), "mean") if len(run["stages"]) == 1 else None)
    fills = {stage: _FILLS[stage] for stage in STAGES}
    return _bars(bars, fills, "cycles per fault", "Where a fault's latency goes", intervals=drawn)


def ioctl_breakdown(report: Run) -> Any:
    """Stacked bars: the stages of an ioctl."""
    bars = [(_CASES.get(run["case"], run["case"]), run["stages"]) for run in report["runs"]]
    stages = list(report["runs"][0]["stages"])
    fills = dict(zip(stages, _IOCTL_FILLS, strict=True))
    groups = [run["ioctl"] for run in report["runs"]]
    drawn = [_interval(report, f"{run['ioctl']}, {run['case']}", "call") for run in report["runs"]]
    return _bars(bars, fills, "cycles per call", "Inside the ioctl", groups, drawn)


def varies(latency: Mapping[str, Any]) -> bool:
    """Whether a path's latencies differ enough for a line: without 2 % of them below, by more than 2 %."""
    percentiles = latency["percentiles"]
    return bool(percentiles[2] < 0.98 * percentiles[100])


def latency_cdf(report: Run) -> Any:
    """Cumulative distribution of the faults' latencies; one mark where those of a path are as good as equal."""
    from matplotlib.ticker import LogLocator, NullLocator

    def draw(axes: Any) -> None:
        lines = [(name_of_path(run, path), one) for run in report["runs"] for path, one in run["latency"].items()]
        lines = list(report.get("scatter", {}).get("latency", {}).items()) or lines
        styles = LineStyles()
        for name, latency in lines:
            colour, dashes, marker = styles.next(name)
            if not varies(latency):
                between = f" ({latency['min']:,} to {latency['max']:,})" if latency["min"] < latency["max"] else ""
                label = f"{name}: {latency['median']:,}{between}"
                axes.plot([latency["median"]], [100], marker, color=colour, markersize=7, clip_on=False, label=label)
                continue
            axes.step(
                latency["percentiles"], range(101), where="post", label=name, color=colour, linestyle=dashes,
                linewidth=1.6,
            )  # fmt: skip
        axes.set_xscale("log")
        axes.set_xlim(min(one["min"] for _, one in lines) * 0.7, max(one["max"] for _, one in lines) * 1.3)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlabel("latency of a fault, cycles (log scale)")
        axes.set_ylabel("faults that take no longer, %")
        axes.set_ylim(0, 101)
        axes.set_title("Latency of a fault")
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))

    return _figure(draw, 5.6)


def time_split(report: Run) -> Any:
    """Stacked bars: the measured part, application, handling and waiting."""
    fills = {"application": ("#ffffbf", ""), "handling": ("#238b45", ""), "waiting": ("#fdae61", "//")}
    bars = [(name_of(run), {kind: run["time"][kind] / 1e6 for kind in fills}) for run in report["runs"]]
    drawn = [_interval(report, name_of(run), "time") for run in report["runs"]]
    millions = [one and (one[0] / 1e6, one[1] / 1e6) for one in drawn]
    return _bars(bars, fills, "million cycles", "Time of the measured part", intervals=millions)


def stalls_of(run: Run) -> dict[str, int]:
    """Cycles that the threads of a run waited for memory, by cause, in the measured part; empty: memory was flat."""
    return {name: run["charges"][name] for name in STALLS if run.get("charges", {}).get(name)}


def memory_stalls(report: Run) -> Any:
    """Stacked bars: what the threads waited for memory in the measured part, by cause."""
    bars = [(name_of(run), {name: cycles / 1e6 for name, cycles in stalls_of(run).items()}) for run in report["runs"]]
    return _bars(bars, dict(zip(STALLS, _STALL_FILLS, strict=True)), "million cycles", "Waiting for memory")


def tornado(report: Run) -> Any:
    """Bars around the nominal value of a ratio: what each cost alone does to it, the largest first."""
    told = report["uncertainty"]["tornado"]

    def draw(axes: Any) -> None:
        for y, (_, status, low, high) in enumerate(told["bars"]):
            colour, hatch = _STATUS_FILLS[status]
            axes.barh(
                -y, high - low, 0.62, left=low, color=colour, hatch=hatch, edgecolor="#404040", linewidth=0.5,
                label=None if status in [bar[1] for bar in told["bars"][:y]] else status,
            )  # fmt: skip
        axes.axvline(told["nominal"], color="#252525", linewidth=1)
        low, high = min(bar[2] for bar in told["bars"]), max(bar[3] for bar in told["bars"])
        axes.set_xlim(low - _MARGIN * (high - low), high + _MARGIN * (high - low))
        axes.set_yticks([-y for y in range(len(told["bars"]))], [bar[0] for bar in told["bars"]])
        axes.set_xlabel(told["of"])
        axes.set_title("What matters most")
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))

    return _figure(draw, 6.4)


def _interval(report: Run, name: str, quantity: str) -> tuple[float, float] | None:
    """Where the draws of a run's quantity lie; None without draws."""
    for run in report.get("uncertainty", {}).get("runs", ()):
        if run["run"] == name and quantity in run:
            return run[quantity][0], run[quantity][2]
    return None


def sweep_lines(points: Sequence[tuple[float, Run]], xlabel: str, title: str, speedup: bool) -> Any:
    """Time of the measured part over a swept option, a line a run; or speed-up over the first userfaultfd run.

    Points with draws have intervals.
    """

    def draw(axes: Any) -> None:
        series: dict[str, list[tuple[float, float]]] = {}
        edges: dict[str, list[tuple[float, float, float]]] = {}
        compared = ""
        for x, report in points:
            base = next((run for run in report["runs"] if run["mode"] == "uffd"), None)
            compared = name_of(base) if base is not None else ""
            for run in report["runs"]:
                y = base["cycles"] / run["cycles"] if speedup and base is not None else run["cycles"] / 1e6
                series.setdefault(name_of(run), []).append((x, y))
                between = _interval(report, name_of(run), "speedup" if speedup else "time")
                if between is not None:
                    scale = 1 if speedup else 1e6
                    edges.setdefault(name_of(run), []).append((x, between[0] / scale, between[1] / scale))
        styles = LineStyles()
        for name, line in series.items():
            colour, dashes, marker = styles.next(name)
            axes.plot(
                *zip(*sorted(line), strict=True),
                label=name,
                color=colour,
                linestyle=dashes,
                marker=marker,
                markersize=4.5,
            )
            for x, low, high in edges.get(name, ()):
                axes.plot([x, x], [low, high], color=colour, marker="_", markersize=6, linewidth=1)
        axes.set_xlabel(_AXES.get(xlabel, xlabel))
        axes.set_ylabel(f"speed-up over {compared}" if speedup and compared else "million cycles")
        axes.set_title(title)
        _scale_x(axes, sorted({x for x, _ in points}))
        ends = [y for line in edges.values() for _, *ends in line for y in ends]
        _scale_y(axes, [*(y for line in series.values() for _, y in line), *ends], speedup)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))

    return _figure(draw, 5.6)


def _scale_x(axes: Any, values: Sequence[float]) -> None:
    """A tick at each value; powers of two evenly spaced."""
    from matplotlib.ticker import NullLocator

    if len(values) > 2 and all(b == 2 * a for a, b in pairwise(values)):
        axes.set_xscale("log", base=2)
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.xaxis.set_minor_locator(NullLocator())


def _scale_y(axes: Any, values: Sequence[float], speedup: bool) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    if speedup or max(values) < _WIDE_RANGE * min(values):
        axes.set_ylim(0, None)
        return
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.set_ylabel(f"{axes.get_ylabel()} (log scale)")


def _bars(
    bars: Sequence[tuple[str, Mapping[str, float]]],
    fills: Mapping[str, tuple[str, str]],
    ylabel: str,
    title: str,
    groups: Sequence[str] = (),
    intervals: Sequence[tuple[float, float] | None] = (),
) -> Any:
    """Stacked bars, named below; those of a group stand together, above its name. `intervals`: of whole bars."""
    edges = list(intervals) or [None] * len(bars)

    def draw(axes: Any) -> None:
        top = max(*(sum(parts.values()) for _, parts in bars), *(edge[1] for edge in edges if edge is not None), 0)
        used = [part for part in fills if any(parts.get(part) for _, parts in bars)]
        changes = [x > 0 and bool(groups) and groups[x] != groups[x - 1] for x in range(len(bars))]
        places = [x + _GAP * number for x, number in enumerate(accumulate(changes))]
        for x, (_, parts), edge in zip(places, bars, edges, strict=True):
            bottom = 0.0
            for part in used:
                colour, hatch = fills[part]
                label = part if x == 0 else None
                axes.bar(
                    x, parts.get(part, 0), 0.62, bottom=bottom, color=colour, hatch=hatch, edgecolor="#404040",
                    linewidth=0.5, label=label,
                )  # fmt: skip
                bottom += parts.get(part, 0)
            highest = bottom if edge is None else max(bottom, edge[1])
            if edge is not None:
                axes.vlines(x, *edge, color="#252525", linewidth=1.4)
                axes.hlines(edge, x - 0.08, x + 0.08, color="#252525", linewidth=1.4)
            axes.text(x, highest + top * 0.015, _short(bottom), ha="center", va="bottom", fontweight="bold")
        axes.set_ylim(0, top * 1.1 or 1)
        axes.set_xlim(-0.6, places[-1] + 0.6)
        axes.set_xticks(places, [name for name, _ in bars])
        for group in dict.fromkeys(groups):
            inside = [x for x, name in zip(places, groups, strict=True) if name == group]
            axes.annotate(
                group, (sum(inside) / len(inside), 0), (0, -32), ("data", "axes fraction"), "offset points",
                ha="center", va="top", fontweight="bold",
            )  # fmt: skip
        axes.set_ylabel(ylabel)
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.set_title(title)
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], labels[::-1], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))

    return _figure(draw, 2.6 + 0.95 * len(bars))


def _short(value: float) -> str:
    """The number with at least three digits, and no more decimals than necessary."""
    return f"{value:,.{max(0, 3 - len(str(int(value))))}f}"


def _figure(draw: Callable[[Any], None], width: float) -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(width, _HEIGHT), layout="constrained")
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        draw(axes)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once: each drawing would change the layout slightly
        pyplot.close(figure)
    return figure
