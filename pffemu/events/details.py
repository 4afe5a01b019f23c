"""The steps below an event that only a debugger asks for: they say what an event sums up.

Which condition of the forwarding decision held, which word of the frame was pushed. They are no part of a trace and are
not counted: they are made only while somebody listens to `EventBus.details`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pffemu.events.fields import Hex, Label


class ConditionChecked(NamedTuple):
    """One condition of the decision where a fault goes; the first that does not hold sends it to the kernel."""

    time: int
    cpu: int
    tid: int
    condition: Label
    holds: int


class WordPushed(NamedTuple):
    """One word of the frame is on the user stack at `address`."""

    time: int
    cpu: int
    tid: int
    word: Label
    address: Hex
    value: Hex


class UifCleared(NamedTuple):
    """Delivery cleared the user-interrupt flag: nothing is forwarded until UIRET or STUI."""

    time: int
    cpu: int
    tid: int


class AreaFound(NamedTuple):
    """The kernel found the mapping that holds the address (all 0: none)."""

    time: int
    cpu: int
    tid: int
    start: Hex
    end: Hex
    userfaultfd: int


class SignalTaken(NamedTuple):
    """Thread `target` is about to run its handler for `signal`, or to die of it; it still stands where it was."""

    time: int
    cpu: int
    tid: int
    signal: int
    code: int
    target: int
    siginfo: bytes  # siginfo_t


DETAILS: Final[tuple[type[Any], ...]] = (ConditionChecked, WordPushed, UifCleared, AreaFound, SignalTaken)
