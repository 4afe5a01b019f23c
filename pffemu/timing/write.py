"""Writes a machine profile as TOML that `load_profile` reads back to the same rates."""

from __future__ import annotations

import json
from collections.abc import Iterable
from fractions import Fraction

from pffemu.timing.catalogue import CATALOGUE
from pffemu.timing.profile import Entry, Profile


def to_toml(profile: Profile, frequency_source: str, comments: Iterable[str] = ()) -> str:
    """The profile's file; `comments`: lines that explain it."""
    lines = [f"# {comment}".rstrip() for comment in comments]
    lines += [f"name = {_text(profile.name)}", f"machine = {_text(profile.machine)}", "", "[clock]"]
    hertz = Fraction(profile.frequency, 10**6)
    clock = f'value = {_number(hertz)}, unit = "MHz", status = "measured", source = {_text(frequency_source)}'
    lines += [f"frequency = {{ {clock} }}", "", "[costs]"]
    lines += [_line(cost, profile.entries[cost]) for cost in CATALOGUE]
    if profile.hierarchy:
        lines += ["", "[memory]", *(_line(name, entry) for name, entry in profile.hierarchy.items())]
    lines += ["", "[kernel]", f'locking = "{profile.locking.value}"']
    for spread in profile.spreads:
        points = ", ".join(f"p{round(100 * share)} = {factor:.4f}" for share, factor in spread.quantiles)
        lines += ["", "[[spread]]", f"costs = {json.dumps(list(spread.costs))}", f"quantiles = {{ {points} }}"]
        lines.append(f"source = {_text(spread.source)}")
    return "\n".join(lines) + "\n"


def _line(name: str, entry: Entry) -> str:
    fields = f'value = {_number(entry.value)}, unit = "{entry.unit}", status = "{entry.status.value}"'
    return f'"{name}" = {{ {fields}, source = {_text(entry.source)} }}'


def _number(value: Fraction) -> str:
    """A decimal number: what measures and files hold has at most six places."""
    return f"{float(value):.6f}".rstrip("0").rstrip(".")


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
