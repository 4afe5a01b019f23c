"""`# cycles: fault < 2000 @ sapphire-rapids`: claims about times, in virtual cycles of a machine profile.

block      from the block's first instruction to its end
fault      from the access that was refused to its success; the claim is about every fault of the block
delivery   ... to the handler's first instruction, where it was forwarded
handling   from there to UIRET
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pffemu.errors import UsageError
from pffemu.events.fault_tracker import FaultTracker
from pffemu.events.hw import HandlerEntered, Uiret
from pffemu.inspect.expressions import Names
from pffemu.testing.directives import Directive
from pffemu.timing import DEFAULT_PROFILE, Profile, load_profile

SPANS: Final = ("fault", "delivery", "handling")
NAMES: Final = ("block", *SPANS)


@dataclass(slots=True)
class FaultTimes:
    """One fault that was resolved: `event` is the index of its refusal."""

    event: int
    address: int
    start: int
    entered: int = 0
    spans: dict[str, int] = field(default_factory=dict)


def split(directive: Directive) -> tuple[str, str]:
    """(expression, name of the profile). Raises TestFileError."""
    text, at, profile = (part.strip() for part in directive.text.partition("@"))
    if at and not profile:
        raise directive.error("on which machine?", f"write `... @ {DEFAULT_PROFILE}`, or leave the @ out")
    return text, profile or DEFAULT_PROFILE


def profile_of(directive: Directive) -> Profile:
    """The profile that the claim names; a .toml file is beside the test file. Raises UsageError."""
    _, name = split(directive)
    if name.endswith(".toml"):
        name = str(Path(directive.file).parent / name)
    return load_profile(name)


def resolved_faults(events: Iterable[Any]) -> Iterator[FaultTimes]:
    """The resolved faults, in the order of their resolution; one in a handler lies within another."""
    tracker, times = FaultTracker(), dict[int, FaultTimes]()
    for index, event in enumerate(events):
        for life in tracker(event):
            fault = times.setdefault(life.number, FaultTimes(index, life.address, life.start))
            if life.end is not None:
                if life.path:
                    fault.spans["fault"] = life.end - life.start
                    yield fault
            elif isinstance(event, HandlerEntered) and event.fault:
                fault.entered = event.time
                fault.spans["delivery"] = event.time - fault.start
            elif isinstance(event, Uiret) and event.fault:
                fault.spans["handling"] = event.time - fault.entered


@dataclass(frozen=True, slots=True)
class WithTimes:
    """Names of an expression: `times`, and all that `names` knows."""

    names_below: Names
    times: Mapping[str, int]

    def look_up(self, name: str) -> Any:
        if name in self.times:
            return self.times[name]
        if name in SPANS:
            raise UsageError(
                f"there is no {name}: the fault was not forwarded", remedy="claim `fault`, or see the events"
            )
        return self.names_below.look_up(name)

    def names(self) -> Iterable[str]:
        return (*NAMES, *self.names_below.names())
