"""Modes."""

from __future__ import annotations

from pffemu import Mode
from pffemu.cli.options import ModeChoice, chosen_modes


def test_no_choice_means_all() -> None:
    assert chosen_modes([]) == chosen_modes([ModeChoice.PFF, ModeChoice.ALL]) == tuple(Mode)


def test_order_is_kept_and_doubles_are_dropped() -> None:
    assert chosen_modes([ModeChoice.PFF, ModeChoice.UFFD, ModeChoice.PFF]) == (Mode.PFF, Mode.UFFD)


def test_every_mode_can_be_chosen() -> None:
    assert {choice.value for choice in ModeChoice} == {mode.value for mode in Mode} | {"all"}
