"""One fault as a picture for a paper (SVG): time runs down, one column a lane, an arrow where the lane changes.

Rows are evenly spaced; the bars on the left are to scale and show where the cycles went. Black, white and two greys.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from pffemu.report.timeline import Describe, Row, lane_titles, rows

_FONT: Final = "Helvetica, Arial, sans-serif"
_SIZE: Final = 12  # px, of the text
_ROW: Final = 23  # px
_TOP: Final = 58  # px above the first row
_TIME: Final = 62  # px, the right edge of the cycles
_BAR: Final = 90  # px, the longest bar
_LANES: Final = (_TIME + _BAR + 30, _TIME + _BAR + 400)  # px, x of the two lanes' lines
_WIDTH: Final = _LANES[1] + 350
_GREYS: Final = ("#303030", "#9a9a9a")  # bars: faulting thread, others


def svg(faults: Sequence[tuple[str, Sequence[Any]]], describe: Describe = hex) -> str:
    """A picture of each (title, events of one fault), below each other. Faults without events are left out.

    `describe`: an address in words.
    """
    drawn = [(title, fault) for title, fault in faults if fault]
    heights = [_TOP + _ROW * (len(rows(fault)) + 1) for _, fault in drawn]
    height = sum(heights) + 10
    root = Element("svg", xmlns="http://www.w3.org/2000/svg", width=str(_WIDTH), height=str(height))
    for name, value in (
        ("viewBox", f"0 0 {_WIDTH} {height}"),
        ("font-family", _FONT),
        ("font-size", str(_SIZE)),
    ):
        root.set(name, value)
    _arrow_head(root)
    SubElement(root, "rect", width="100%", height="100%", fill="white")
    longest = max((_longest_step(rows(fault)) for _, fault in drawn), default=1)
    above = 0
    for (title, fault), own in zip(drawn, heights, strict=True):
        panel = SubElement(root, "g", transform=f"translate(0 {above})")
        _panel(panel, title, fault, longest, describe)
        above += own
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


def _panel(panel: Element, title: str, fault: Sequence[Any], longest: int, describe: Describe) -> None:
    shown = rows(fault, describe)
    took = fault[-1].time - fault[0].time
    _text(panel, 10, 18, f"{title}: {took:,} virtual cycles", weight="bold")
    _text(panel, _TIME, 42, "cycles", anchor="end")
    _text(panel, _TIME + 8, 42, "dark: this thread")
    for x, lane in zip(_LANES, lane_titles(fault), strict=True):
        _text(panel, x - 5, 42, lane, weight="bold")
        bottom = _TOP + _ROW * (len(shown) - 1)
        _line(panel, x, _TOP - 6, x, bottom + 6, "#9a9a9a")
    for number, row in enumerate(shown):
        previous = shown[number - 1] if number else row
        _row(panel, number, previous, row, longest)


def _row(panel: Element, number: int, previous: Row, row: Row, longest: int) -> None:
    y, x = _TOP + _ROW * number, _LANES[row.lane]
    step = row.cycles - previous.cycles
    if step > 0 or not number:
        _text(panel, _TIME, y + 4, f"{row.cycles:,}", anchor="end")
    if step > 0:
        length = max(1.0, _BAR * step / longest)
        SubElement(
            panel, "rect", x=str(_TIME + 8), y=str(y - _ROW // 2 - 4), width=f"{length:.1f}", height="8",
            fill=_GREYS[row.lane],
        )  # fmt: skip
    if previous.lane != row.lane:
        between = y - _ROW // 2  # the lines of text
        path = f"M{_LANES[previous.lane]} {y - _ROW} V{between} H{x} V{y - 2}"
        SubElement(panel, "path", {"d": path, "fill": "none", "stroke": "black", "marker-end": "url(#head)"})
    SubElement(panel, "circle", cx=str(x), cy=str(y), r="3.5", fill="black")
    _text(panel, x + 10, y + 4, row.text)


def _longest_step(shown: Sequence[Row]) -> int:
    return max((after.cycles - before.cycles for before, after in pairwise(shown)), default=1) or 1


def _text(parent: Element, x: int, y: int, text: str, anchor: str = "start", weight: str = "normal") -> None:
    element = SubElement(parent, "text", x=str(x), y=str(y))
    if anchor != "start":
        element.set("text-anchor", anchor)
    if weight != "normal":
        element.set("font-weight", weight)
    element.text = text


def _line(parent: Element, x1: int, y1: int, x2: int, y2: int, colour: str) -> None:
    SubElement(parent, "line", x1=str(x1), y1=str(y1), x2=str(x2), y2=str(y2), stroke=colour)


def _arrow_head(root: Element) -> None:
    marker = SubElement(
        SubElement(root, "defs"), "marker", id="head", viewBox="0 0 8 8", refX="8", refY="4", markerWidth="6",
        markerHeight="6", orient="auto",
    )  # fmt: skip
    SubElement(marker, "path", d="M0 0 L8 4 L0 8 z")
