"""The figure of a comparison: throughput at equal cores over the quota, a panel for each number of threads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pffemu.errors import PffemuError
from pffemu.report.colours import LineStyles
from pffemu.report.figures import STYLE

_PANEL: Final = 3.6  # inches wide
_HEIGHT: Final = 3.4  # inches


def draw(report: Mapping[str, Any], path: Path) -> None:
    """Write the figure. Raises PffemuError. Needs matplotlib (report.plot.check)."""
    figure = compare_figure(report)
    try:
        figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None)
    except OSError as error:
        raise PffemuError(f"cannot write: {error.strerror}", where=str(path), remedy="name another file") from error


def compare_figure(report: Mapping[str, Any]) -> Any:
    """The figure of a report of `compare`, as matplotlib's."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    threads, mechanisms = report["options"]["threads"], report["options"]["mechanisms"]
    with pyplot.rc_context(STYLE):
        figure, panels = pyplot.subplots(
            1, len(threads), figsize=(_PANEL * len(threads) + 1.4, _HEIGHT), layout="constrained", squeeze=False
        )
        for axes, count in zip(panels[0], threads, strict=True):
            _panel(axes, [run for run in report["runs"] if run["threads"] == count], mechanisms)
            axes.set_title(f"{count} thread{'s' * (count > 1)}")
        panels[0][0].set_ylabel("million operations a second and core")
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, frameon=False, loc="outside right upper")
        figure.suptitle(f"{report['options']['workload']}, scale {report['options']['scale']}", fontsize=10)
        pyplot.close(figure)
    return figure


def _panel(axes: Any, runs: list[Mapping[str, Any]], mechanisms: list[str]) -> None:
    styles = LineStyles()
    for name in mechanisms:
        line = sorted(
            (run["quota"], run["operations_per_core_second"] / 1e6) for run in runs if run["mechanism"] == name
        )
        colour, dashes, marker = styles.next(name)
        axes.plot(*zip(*line, strict=True), label=name, color=colour, linestyle=dashes, marker=marker, markersize=4.5)
    axes.set_xlabel("fraction of the pages in memory")
    axes.set_xticks(sorted({run["quota"] for run in runs}))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yscale("log")
    for axis_formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        axis_formatter("{x:g}")
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
