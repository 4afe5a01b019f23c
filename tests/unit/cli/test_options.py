"""The option --mode."""

from __future__ import annotations

import pytest

from pffemu import Mode
from pffemu.cli.options import chosen_modes
from pffemu.errors import UsageError


def test_no_choice_means_all() -> None:
    assert chosen_modes([]) == chosen_modes(["pff", "all"]) == tuple(Mode)


def test_order_is_kept_and_doubles_are_dropped() -> None:
    assert chosen_modes(["pff", "uffd", "pff"]) == (Mode.PFF, Mode.UFFD)


def test_every_mode_can_be_chosen() -> None:
    assert chosen_modes([mode.value for mode in Mode]) == tuple(Mode)


def test_a_mode_that_is_unknown_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="'nope' is not a mode"):
        chosen_modes(["pff", "nope"])
