"""What the calibration program writes becomes one robust estimate a measure, and noise is seen."""

from __future__ import annotations

import pytest

from pffemu.timing.errors import CalibrationError
from pffemu.timing.samples import Samples, read_samples, too_wide

TWO_ROUNDS = """\
tsc 2000000000
sample clock 1 40 40 40
sample call 8 840 840 90000
sample fault 1 1040 1040 1060
left-out across one core only
sample clock 1 42 42 42
sample call 8 840 1640 840
sample fault 1 2040 2040 2040
"""


def test_a_measure_is_the_rounds_medians_less_the_clock_read_once_a_batch() -> None:
    read = read_samples(TWO_ROUNDS.splitlines())
    estimates = read.estimates()
    assert read.frequency == 2_000_000_000
    assert estimates["clock"].ns == 20
    assert estimates["call"].ns == pytest.approx((840 - 40) / 8 / 2)
    assert estimates["fault"].ns == pytest.approx((1040 - 40) / 2)  # the quieter round
    assert read.left_out == {"across": "one core only"}


def test_rounds_that_differ_are_noise() -> None:
    rounds = Samples(2 * 10**9, {"quiet": [100.0, 101.0, 102.0, 900.0], "loud": [100.0, 180.0, 260.0, 900.0]})
    assert too_wide(rounds.estimates()) == ["loud"]


def test_what_takes_less_than_the_clock_is_noise() -> None:
    rounds = Samples(2 * 10**9, {"clock": [20.0], "nothing": [10.0]})
    assert too_wide(rounds.estimates()) == ["nothing"]


@pytest.mark.parametrize("line", ["", "sample call 8", "sample call 1 50", "Segmentation fault", "tsc fast"])
def test_other_output_is_an_error(line: str) -> None:
    with pytest.raises(CalibrationError):
        read_samples([line])
