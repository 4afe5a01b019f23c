"""Sub-event steps, for debuggers only: the parts of what an event reports as a whole.

Examples: which condition of the forwarding decision held, which word of the frame was pushed. They are not part of a
trace and not counted: they are made only while `EventBus.details` has listeners.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pffemu.events.fields import Hex, Label


class ConditionChecked(NamedTuple):
    """One condition of the forwarding decision; the first that does not hold sends the fault to the kernel."""

    time: int
    cpu: int
    tid: int
    condition: Label
    holds: int


class WordPushed(NamedTuple):
    """Delivery wrote one word of the frame on the user stack, at `address`."""

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
    """Thread `target` is about to run its handler for `signal`, or to die of it; its registers are unchanged so far."""

    time: int
    cpu: int
    tid: int
    signal: int
    code: int
    target: int
    siginfo: bytes  # siginfo_t


DETAILS: Final[tuple[type[Any], ...]] = (ConditionChecked, WordPushed, UifCleared, AreaFound, SignalTaken)
