"""The command that makes a benchmark's report again, from what the report says of its options."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

Report = Mapping[str, Any]

_NO_OPTIONS: Final = ("profile_hash", "machine", "benchmark", "arguments", "vary", "workload", "program")
_REPEATED: Final = {"modes": "mode", "handlers": "handler"}
_LISTED: Final = {"mechanisms": "mechanism", "quotas": "quota"}  # one option, values between commas
_REPLACED: Final = ("minor", "copy")  # told of a run, and chosen by --minor or --zero


def command_line(report: Report) -> str:
    """The command as one line for a shell. `--json` and where results are kept are not part of it."""
    options = report["options"]
    words = ["pffemu", *str(report["command"]).split(), *_chosen(options), *options.get("machine", ())]
    drawn = report.get("uncertainty")
    if isinstance(drawn, Mapping):
        words += ["--uncertainty", str(drawn["draws"]), "--draw-seed", str(drawn["seed"])]
    if "scatter" in report:
        words += ["--scatter", *([] if drawn else ["--draw-seed", str(report["scatter"]["seed"])])]
    if "vary" in options:
        words += [f"--vary={name}={','.join(values)}" for name, values in options["vary"].items()]
    words += [str(options[name]) for name in ("benchmark", "workload", "program") if name in options]
    return shlex.join([*words, *map(str, options.get("arguments", ()))])


def _chosen(options: Mapping[str, Any]) -> list[str]:
    words: list[str] = []
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if name in _NO_OPTIONS or value is None:
            continue
        if name in _REPLACED:
            words += _filled(options) if name == "minor" else []
        elif isinstance(value, bool):
            words += [option] if value else []
        elif isinstance(value, Sequence) and not isinstance(value, str):
            words += _of_several(name, value)
        else:
            words += [option, str(value)]
    return words


def _filled(options: Mapping[str, Any]) -> list[str]:
    return ["--minor"] if options["minor"] else [] if options["copy"] else ["--zero"]


def _of_several(name: str, values: Sequence[Any]) -> list[str]:
    if name in _REPEATED:
        return [word for value in values for word in (f"--{_REPEATED[name]}", str(value))]
    told = (f"{value:g}" if isinstance(value, float) else str(value) for value in values)
    return [f"--{_LISTED.get(name, name)}", ",".join(told)]
