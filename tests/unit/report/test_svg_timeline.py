"""The picture of a fault: well-formed, complete, and drawn to scale where it says so."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from guest.workloads import FaultWorkload
from pffemu import Mode
from pffemu.cli.measure import Setup, measure
from pffemu.report.svg_timeline import svg
from pffemu.report.timeline import rows

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def faults() -> list[tuple[str, list[object]]]:
    modes = (Mode.UFFD, Mode.PFF)
    return [(mode.value, measure(FaultWorkload(8), mode, Setup(shown_fault=3)).one_fault) for mode in modes]


def test_every_row_of_the_text_is_in_the_picture(faults: list[tuple[str, list[object]]]) -> None:
    root = ElementTree.fromstring(svg(faults))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    for title, fault in faults:
        assert any(text is not None and text.startswith(f"{title}: ") for text in texts)
        for row in rows(fault):
            assert row.text in texts
    assert len(list(root.iter(f"{SVG}circle"))) == sum(len(rows(fault)) for _, fault in faults)


def test_bars_are_to_scale_across_panels(faults: list[tuple[str, list[object]]]) -> None:
    root = ElementTree.fromstring(svg(faults))
    widths = [float(bar.get("width", "0")) for bar in root.iter(f"{SVG}rect") if bar.get("height") == "8"]
    steps = [
        after.cycles - before.cycles
        for _, fault in faults
        for before, after in zip(rows(fault), rows(fault)[1:], strict=False)
        if after.cycles > before.cycles
    ]
    assert len(widths) == len(steps)
    for width, step in zip(widths, steps, strict=True):
        assert width == pytest.approx(max(1.0, max(widths) * step / max(steps)), abs=0.1)


def test_nothing_to_draw_is_an_empty_picture() -> None:
    assert not list(ElementTree.fromstring(svg([("uffd", [])])).iter(f"{SVG}circle"))
