"""docs/timing.md: the list of guesses is that of the default profile, and what it counts is right."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from pffemu.timing import load_profile
from pffemu.timing.profile import Status

PAGE = (Path(__file__).parents[2] / "docs" / "timing.md").read_text()


def test_each_guess_is_in_the_list_and_nothing_else() -> None:
    profile = load_profile()
    guesses = [
        name
        for entries in (profile.entries, profile.hierarchy)
        for name, entry in entries.items()
        if entry.status is Status.GUESSED
    ]
    _, table, _ = re.split("<!-- /?guesses -->\n", PAGE)
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`([\w.*]+)`", row.split("|")[1])]
    assert [guess for guess in guesses if not any(fnmatch(guess, name) for name in named)] == []
    assert [name for name in named if not any(fnmatch(guess, name) for guess in guesses)] == []


def test_the_numbers_of_guesses() -> None:
    profile = load_profile()
    counted = [
        (sum(entry.status is Status.GUESSED for entry in entries.values()), len(entries))
        for entries in (profile.entries, profile.hierarchy)
    ]
    (costs, of_costs), (memory, of_memory) = counted
    assert f"{costs} of {of_costs} costs and {memory} of {of_memory} entries about memory" in PAGE
    assert f"Of the default profile's {of_memory} entries {of_memory - memory} have a source" in PAGE


def test_values_of_memory_that_are_discussed() -> None:
    hierarchy = load_profile().hierarchy
    rows = re.findall(r"^\| `([\w.]+)`[^|]*\| ([\d.]+) (ns|cycles) \| [A-Za-z]", PAGE, re.MULTILINE)
    assert {name for name, _, _ in rows} >= {"transfer.latency", "l3.latency", "memory.gap"}
    for name, value, unit in rows:
        assert (float(hierarchy[name].value), hierarchy[name].unit) == (float(value), unit)
