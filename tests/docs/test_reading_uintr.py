"""The page that maps the manual's steps to lines is true."""

from __future__ import annotations

from tests.docs.reading_uintr import PAGE, anchors, rows, updated

REPAIR = "run `python -m tests.docs.reading_uintr`"


def test_every_step_of_the_page_is_in_the_code_once_and_the_other_way_round() -> None:
    assert {step: len(places) for step, places in anchors().items()} == dict.fromkeys(rows(PAGE.read_text()), 1)


def test_every_link_leads_to_the_line_that_carries_the_steps_name() -> None:
    text = PAGE.read_text()
    assert updated(text, anchors()) == text, REPAIR


def test_a_wrong_line_would_be_noticed() -> None:
    moved = {step: [place + "0" for place in places] for step, places in anchors().items()}
    assert updated(PAGE.read_text(), moved) != PAGE.read_text()
