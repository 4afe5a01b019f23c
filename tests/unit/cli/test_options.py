"""The option --mode."""

from __future__ import annotations

from pffemu import Mode
from pffemu.cli.options import chosen_modes


def test_no_choice_means_all() -> None:
    assert chosen_modes([]) == chosen_modes(["pff", "all"]) == tuple(Mode)


def test_order_is_kept_and_doubles_are_dropped() -> None:
    assert chosen_modes(["pff", "uffd", "pff"]) == (Mode.PFF, Mode.UFFD)


def test_every_mode_can_be_chosen() -> None:
    assert chosen_modes([mode.value for mode in Mode]) == tuple(Mode)
