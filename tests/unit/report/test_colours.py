"""One colour for a mechanism, whatever else a figure shows, and no line for latencies that are all alike."""

from __future__ import annotations

from kernel_model.mechanisms import Mode
from pffemu.report.colours import LineStyles, colour_of
from pffemu.report.figures import varies


def test_a_mechanism_has_its_colour_and_its_variants_differ_in_dashes() -> None:
    styles = LineStyles()
    lines = [styles.next(name) for name in ("pff", "uffd read", "uffd poll", "uffd, SIGSEGV")]
    assert [colour for colour, _, _ in lines[:3]] == [colour_of("pff"), colour_of("uffd"), colour_of("uffd")]
    assert lines[1][1] != lines[2][1]
    assert len({colour_of(mode.value) for mode in Mode}) == len(Mode)


def test_latencies_that_are_as_good_as_equal_are_a_mark() -> None:
    assert not varies({"percentiles": [100] * 101})
    assert not varies({"percentiles": [50, 60, *[100] * 99]})
    assert varies({"percentiles": list(range(50, 151))})
