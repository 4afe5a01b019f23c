"""The options of a machine in a snapshot's file: plain values by field, all but what is the host's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from fractions import Fraction
from typing import Any, Final

from kernel_model.files.host_tree import Mount
from pffemu.hw.cpu_options import CpuOptions
from pffemu.machine.options import MachineOptions
from pffemu.state.classes import SnapshotError
from pffemu.state.parts import guest_path
from pffemu.timing.locking import Locking
from pffemu.timing.profile import Entry, Profile, Status

_OF_THE_USER: Final = ("roots", "libs")  # what the guest may reach of the host


def written(options: MachineOptions) -> bytes:
    """`options` as JSON."""
    values = {name: value for name, value in _plain(options).items() if name not in (*_OF_THE_USER, "cpu")}
    cpu = {name: value for name, value in _plain(options.cpu).items() if name != "profile"}
    profile = options.cpu.profile
    shown = {"roots": [guest_path(mount) for mount in options.roots], "libs": options.libs}
    told = {
        "name": profile.name, "machine": profile.machine, "frequency": profile.frequency,
        "entries": _written(profile.entries), "hierarchy": _written(profile.hierarchy),
        "locking": profile.locking.value,
    }  # fmt: skip
    return json.dumps({"machine": values, "cpu": cpu, "profile": told, "host": shown}).encode("ascii")


def read(data: bytes, roots: tuple[Mount, ...], libs: bool) -> MachineOptions:
    """The options in `data`, with those of the host from the user, who has to show the guest what it had.

    Raises UsageError, SnapshotError, and anything for damaged data.
    """
    told = json.loads(data)
    given = {guest_path(mount) for mount in roots}
    missing = [f"--root HOST:{path}" for path in told["host"]["roots"] if path not in given]
    missing += ["--libs"] if told["host"]["libs"] and not libs else []
    if missing:
        raise SnapshotError(
            "its guest could reach directories of the host, which a snapshot does not name",
            remedy=f"give them again, or an empty one: {' '.join(missing)}",
        )
    profile = told["profile"]
    entries, hierarchy = (
        {name: _entry(*values) for name, values in profile[part].items()} for part in ("entries", "hierarchy")
    )
    made = Profile.of(
        str(profile["name"]), str(profile["machine"]), int(profile["frequency"]), entries, hierarchy,
        locking=Locking(profile["locking"]),
    )  # fmt: skip
    cpu = CpuOptions(**told["cpu"], profile=made)
    values = told["machine"]
    if not values.keys() <= {field.name for field in fields(MachineOptions)} - {*_OF_THE_USER, "cpu"}:
        raise ValueError("unknown options")
    return MachineOptions(**values, cpu=cpu, roots=roots, libs=libs)


def _written(entries: Mapping[str, Entry]) -> dict[str, list[Any]]:
    return {
        name: [each.value.numerator, each.value.denominator, each.unit, each.status.value, each.source, each.inherited]
        for name, each in entries.items()
    }


def _entry(numerator: int, denominator: int, unit: str, status: str, source: str, inherited: str) -> Entry:
    return Entry(Fraction(numerator, denominator), unit, Status(status), str(source), str(inherited))


def _plain(options: Any) -> dict[str, Any]:
    values = {field.name: getattr(options, field.name) for field in fields(options)}
    return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}
