"""The stages of a fault as stacked bars, and the length of whole runs. Needs matplotlib (extra: plot)."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pffemu.errors import MissingExtraError, PffemuError, UsageError
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
from pffemu.report.summary import RunSummary

FORMATS: Final = (".png", ".svg", ".pdf")

# Okabe and Ito's colours, which colour-blind readers can distinguish; neighbours in a bar differ in lightness
_COLOURS: Final = {
    DECISION: "#999999",
    DELIVERY: "#0072B2",
    MESSAGE: "#E69F00",
    HANDLER: "#F0E442",
    IOCTL: "#009E73",
    SWITCH: "#D55E00",
    KERNEL_WORK: "#56B4E9",
    FILL: "#882255",
    DISK: "#DDDDDD",
    RETURN: "#CC79A7",
}
_PANEL: Final = 3.7  # inches wide
_HEIGHT: Final = 4.6  # inches
_STYLE: Final = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "pffemu"}
_WIDTH: Final = 0.6  # of a bar


def available() -> bool:
    """True when matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def check(path: Path) -> None:
    """Raises UsageError for an unsupported format, PffemuError without matplotlib."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError("not a supported format", where=str(path), remedy=f"end the name in {', '.join(FORMATS)}")
    if not available():
        raise MissingExtraError("matplotlib", "plot", where="plot")


def draw(benchmarks: Mapping[str, Sequence[RunSummary]], path: Path, profile: str) -> None:
    """Draw one panel a benchmark, the cycles of a fault by stage, then the last one's whole runs. Raises PffemuError.

    `profile`: the name of the machine profile.
    """
    check(path)
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.rc_context(_STYLE):
        figure, panels = pyplot.subplots(
            1, len(benchmarks) + 1, figsize=(_PANEL * (len(benchmarks) + 1), _HEIGHT), layout="constrained"
        )
        top = max(run.cycles_per_fault for runs in benchmarks.values() for run in runs)
        for axes, (title, runs) in zip(panels, benchmarks.items(), strict=False):
            _stages(axes, title, runs, top)
        last_title, last_runs = list(benchmarks.items())[-1]
        _whole_runs(panels[-1], last_title, last_runs)
        figure.suptitle(f"costs: {profile}", x=0.995, ha="right", fontsize=8, color="#666666")
        _legend(
            figure,
            [run for runs in benchmarks.values() for run in runs],
            columns=4 if len(panels) == 2 else len(STAGES),
        )
        try:
            figure.savefig(path, dpi=150)
        except OSError as error:
            raise PffemuError(f"cannot write: {error.strerror}", where=str(path), remedy="name another file") from error
        finally:
            pyplot.close(figure)


def _stages(axes: Any, title: str, runs: Sequence[RunSummary], top: float) -> None:
    for x, run in enumerate(runs):
        bottom = 0.0
        for stage in STAGES:
            height = run.stage_per_fault(stage)
            if height:
                axes.bar(
                    x,
                    height,
                    _WIDTH,
                    bottom=bottom,
                    color=_COLOURS[stage],
                    label=stage,
                    edgecolor="white",
                    linewidth=0.6,
                )
            bottom += height
        axes.text(x, bottom + top * 0.01, f"{bottom:,.0f}", ha="center", va="bottom", fontweight="bold")
    axes.set_ylim(0, top * 1.08 or 1)
    axes.set_title(_two_lines(title), fontsize=10, loc="left")
    axes.set_ylabel("virtual cycles per fault")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    _name_modes(axes, runs)


def _whole_runs(axes: Any, title: str, runs: Sequence[RunSummary]) -> None:
    from matplotlib.ticker import EngFormatter

    top = max(run.cycles for run in runs)
    short = EngFormatter(places=1)
    axes.bar(range(len(runs)), [run.cycles for run in runs], _WIDTH, color="#555555")
    for x, run in enumerate(runs):
        axes.text(x, run.cycles + top * 0.01, short(run.cycles), ha="center", va="bottom", fontweight="bold")
    axes.set_ylim(0, top * 1.08)
    axes.set_title(f"whole run\n{title.partition(':')[0]}", fontsize=10, loc="left")
    axes.set_ylabel("virtual cycles")
    axes.yaxis.set_major_formatter(EngFormatter())
    _name_modes(axes, runs)


def _name_modes(axes: Any, runs: Sequence[RunSummary]) -> None:
    axes.set_xticks(range(len(runs)), [f"{run.mode}\n{run.counts['faults']:,} faults" for run in runs])
    axes.set_xlim(-0.6, len(runs) - 0.4)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)


def _legend(figure: Any, runs: Sequence[RunSummary], columns: int) -> None:
    """The stages that occur, in the order of a fault, below the panels."""
    from matplotlib.patches import Patch

    used = [stage for stage in STAGES if any(run.stage_per_fault(stage) for run in runs)]
    patches = [Patch(color=_COLOURS[stage], label=stage) for stage in used]
    if patches:
        figure.legend(
            handles=patches,
            loc="outside lower center",
            ncols=min(columns, len(patches)),
            frameon=False,
            columnspacing=1.2,
            handlelength=1.2,
        )


def _two_lines(title: str) -> str:
    head, _, rest = title.partition(":")
    return f"{head}\n{rest.strip()}"
