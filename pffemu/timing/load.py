"""Reads a machine profile from TOML; errors name the nearest valid name.

name = "my-machine"
machine = "what it is, in a sentence"
base = "sapphire-rapids"                  # optional: costs not given here are taken over from that profile
[clock]
frequency = { value = 2.0, unit = "GHz", status = "published", source = "..." }
[costs]
"cpu.iret" = { value = 287, unit = "cycles", status = "published", source = "..." }
[kernel]                                  # optional
locking = "6.18"                          # the version of Linux whose locks it has: "6.0" or "6.18"
[[spread]]                                # optional: how far costs vary from one time to the next
costs = ["cpu.exception", "cpu.iret"]
quantiles = { p5 = 0.98, p50 = 1, p95 = 1.1 }
source = "..."
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pffemu.errors import MissingFileError
from pffemu.timing import units
from pffemu.timing.catalogue import CATALOGUE, INSTRUCTION
from pffemu.timing.errors import ProfileError
from pffemu.timing.hierarchy import FIELDS, Hierarchy
from pffemu.timing.locking import Locking
from pffemu.timing.profile import SHIFT, Entry, Profile, Spread, Status

DEFAULT_PROFILE: Final = "sapphire-rapids"
_FOLDER: Final = Path(__file__).parent / "profiles"
_TOP: Final = ("name", "machine", "base", "clock", "costs", "memory", "kernel", "spread")
_FIELDS: Final = ("value", "unit", "status", "source")
_SPREAD_FIELDS: Final = ("costs", "quantiles", "source")
_QUANTILES: Final = {f"p{percent}": percent / 100 for percent in range(101)}
_LARGEST: Final = 10**12
_SLOWEST: Final = 1000  # cycles an instruction; 0 is refused, for a spinning thread's time would stand still
_SHOWN: Final = 8  # costs named when some are missing


def builtin_profiles() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def load_profile(name: str = DEFAULT_PROFILE) -> Profile:
    """A profile by its name, or from a file (a name that ends in .toml). Raises ProfileError, MissingFileError."""
    if not name.endswith(".toml"):
        if name not in builtin_profiles():
            raise ProfileError(
                f"no machine profile is called {name!r}",
                where="--profile",
                remedy=f"{_nearest(name, builtin_profiles())} (a name that ends in .toml is read as a file)",
            )
        return read_profile(_FOLDER / f"{name}.toml", name)
    return read_profile(Path(name), name)


def read_profile(path: Path, where: str) -> Profile:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise MissingFileError(
            f"cannot read: {error.strerror}", where=where, remedy="name a profile or a file"
        ) from error
    except UnicodeDecodeError as error:
        raise ProfileError("not UTF-8 text", where=where, remedy="save it as UTF-8") from error
    return parse_profile(text, where)


def parse_profile(text: str, where: str, inheriting: tuple[str, ...] = ()) -> Profile:
    """The profile in `text`. `inheriting`: profiles that take costs over from this one, outermost first."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:  # ValueError: also numbers of 4,300 digits
        raise ProfileError(f"not TOML: {error}", where=where, remedy="see pffemu/timing/profiles") from error
    _known(document, _TOP, where)
    clock = _table(document, "clock", where)
    _known(clock, ("frequency",), f"{where}: clock")
    base = _base(document, where, inheriting)
    if "frequency" not in clock:
        if base is None:
            raise ProfileError("clock.frequency is missing", where=where, remedy='{ value = 2.0, unit = "GHz", ... }')
        frequency = base.frequency
    else:
        frequency = _frequency(clock["frequency"], f"{where}: clock.frequency")
    entries = _inherited(base) if base is not None else {}
    costs = _table(document, "costs", where)
    for cost, fields in costs.items():
        if cost not in CATALOGUE:
            raise ProfileError(f"no cost is called {cost!r}", where=where, remedy=_nearest(cost, CATALOGUE))
        entries[cost] = _entry(fields, units.units_for(CATALOGUE[cost].per), f"{where}: {cost}")
    missing = [cost for cost in CATALOGUE if cost not in entries]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise ProfileError(
            f"no value for {', '.join(missing[:_SHOWN])}{more}",
            where=where,
            remedy=f'give them one, or take them over: base = "{DEFAULT_PROFILE}"',
        )
    hierarchy = _hierarchy(document, where, base)
    name, machine = _text(document, "name", where), _text(document, "machine", where)
    spreads = read_spreads(document, where) if "spread" in document else base.spreads if base is not None else ()
    profile = Profile.of(name, machine, frequency, entries, hierarchy, spreads, _locking(document, where, base))
    if hierarchy:
        Hierarchy.of(profile)
    for cost in CATALOGUE:
        if CATALOGUE[cost].per == INSTRUCTION and not 0 < profile.rates[cost] <= _SLOWEST << SHIFT:
            amount = f"{float(profile.cycles_of(cost)):g} cycles an instruction"
            raise ProfileError(amount, where=f"{where}: {cost}", remedy=f"more than 0, at most {_SLOWEST:,} cycles")
    return profile


def _locking(document: Mapping[str, Any], where: str, base: Profile | None) -> Locking:
    table = _table(document, "kernel", where)
    _known(table, ("locking",), f"{where}: kernel")
    if not table:
        return base.locking if base is not None else Locking.LINUX_6_0
    given, known = _text(table, "locking", f"{where}: kernel"), [each.value for each in Locking]
    if given not in known:
        raise ProfileError(f"locking {given!r}", where=f"{where}: kernel", remedy=_nearest(given, known))
    return Locking(given)


def read_spreads(document: Mapping[str, Any], where: str) -> tuple[Spread, ...]:
    given = document["spread"]
    if not isinstance(given, list):
        raise ProfileError("spread must be a list of tables", where=where, remedy="[[spread]]")
    return tuple(_spread(fields, f"{where}: spread {number}") for number, fields in enumerate(given, 1))


def _spread(fields: Any, where: str) -> Spread:
    if not isinstance(fields, dict):
        raise ProfileError("not a table", where=where, remedy="[[spread]]")
    _known(fields, _SPREAD_FIELDS, where)
    costs, quantiles = fields.get("costs"), _table(fields, "quantiles", where)
    if not isinstance(costs, list) or not costs:
        raise ProfileError("costs is missing", where=where, remedy='costs = ["cpu.exception"]')
    for cost in costs:
        if cost not in CATALOGUE:
            raise ProfileError(f"no cost is called {cost!r}", where=where, remedy=_nearest(str(cost), CATALOGUE))
    points = []
    for name, factor in quantiles.items():
        if name not in _QUANTILES:
            raise ProfileError(f"no quantile is called {name!r}", where=where, remedy="p0 to p100")
        points.append((_QUANTILES[name], float(_value(factor, f"{where}: {name}"))))
    points.sort()
    if len(points) < 2 or any(a[1] > b[1] for a, b in pairwise(points)):
        raise ProfileError("quantiles do not ascend", where=where, remedy="{ p5 = 0.98, p50 = 1, p95 = 1.1 }")
    return Spread(tuple(costs), tuple(points), _text(fields, "source", where))


def _base(document: Mapping[str, Any], where: str, inheriting: tuple[str, ...]) -> Profile | None:
    if "base" not in document:
        return None
    name = _text(document, "base", where)
    if name not in builtin_profiles():
        raise ProfileError(
            f"no machine profile is called {name!r}",
            where=f"{where}: base",
            remedy=_nearest(name, builtin_profiles()),
        )
    if name in inheriting:
        raise ProfileError(f"{name} takes costs over from itself", where=f"{where}: base", remedy="leave base out")
    path = _FOLDER / f"{name}.toml"
    return parse_profile(path.read_text(encoding="utf-8"), name, (*inheriting, name))


def _hierarchy(document: Mapping[str, Any], where: str, base: Profile | None) -> dict[str, Entry]:
    """The entries of `[memory]`, and those taken over."""
    found = {} if base is None else _inherited_of(base, base.hierarchy)
    table = _table(document, "memory", where)
    _known(table, FIELDS, f"{where}: memory")
    for name, fields in table.items():
        found[name] = _entry(fields, FIELDS[name][1], f"{where}: {name}")
    return found


def _inherited(base: Profile) -> dict[str, Entry]:
    return _inherited_of(base, base.entries)


def _inherited_of(base: Profile, entries: Mapping[str, Entry]) -> dict[str, Entry]:
    return {name: replace(entry, inherited=entry.inherited or base.name) for name, entry in entries.items()}


def _frequency(fields: Any, where: str) -> int:
    entry = _entry(fields, units.FREQUENCY_UNITS, where)
    frequency = units.hertz(entry.value, entry.unit)
    if frequency.denominator != 1 or not 10**6 <= frequency <= 10**11:
        raise ProfileError(f"{float(frequency):g} Hz is not a possible clock", where=where, remedy="1 MHz to 100 GHz")
    return int(frequency)


def _entry(fields: Any, allowed: tuple[str, ...], where: str) -> Entry:
    if not isinstance(fields, dict):
        raise ProfileError("a value without unit and source", where=where, remedy=f"{{ {', '.join(_FIELDS)} }}")
    _known(fields, _FIELDS, where)
    for field in _FIELDS:
        if field not in fields:
            raise ProfileError(f"{field} is missing", where=where, remedy=f"give {', '.join(_FIELDS)}")
    unit, status = _text(fields, "unit", where), _text(fields, "status", where)
    if unit not in allowed:
        raise ProfileError(f"unit {unit!r} is not possible here", where=where, remedy=_nearest(unit, allowed))
    statuses = [one.value for one in Status]
    if status not in statuses:
        raise ProfileError(f"status {status!r}", where=where, remedy=_nearest(status, statuses))
    return Entry(_value(fields["value"], where), unit, Status(status), _text(fields, "source", where))


def _value(value: Any, where: str) -> Fraction:
    number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not number or (isinstance(value, Decimal) and not value.is_finite()) or not 0 <= value <= _LARGEST:
        shown = _shown(value)
        raise ProfileError(f"value {shown} makes no sense", where=where, remedy=f"a number from 0 to {_LARGEST:,}")
    if isinstance(value, Decimal) and value and value.adjusted() < -12:
        raise ProfileError(f"value {value} is too small to matter", where=where, remedy="use 0")
    return Fraction(value)


def _shown(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > 64:
        return "of so many digits"
    return str(value)[:40] if isinstance(value, int | Decimal | str) else f"of type {type(value).__name__}"


def _text(fields: Mapping[str, Any], key: str, where: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ProfileError(f"{key} must be text", where=where, remedy=f'{key} = "..."')
    return value


def _table(document: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = document.get(key, {})
    if not isinstance(value, dict):
        raise ProfileError(f"{key} must be a table", where=where, remedy=f"[{key}]")
    return value


def _known(fields: Mapping[str, Any], allowed: Iterable[str], where: str) -> None:
    for key in fields:
        if key not in allowed:
            raise ProfileError(f"unknown key {key!r}", where=where, remedy=_nearest(key, allowed))


def _nearest(name: str, allowed: Iterable[str]) -> str:
    choices = list(allowed)
    close = difflib.get_close_matches(name, choices, 1, 0.5)
    return f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(choices)}"
