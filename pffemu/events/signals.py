"""Events of signals."""

from __future__ import annotations

from typing import NamedTuple

from pffemu.events.fields import Hex, Label


class SignalSent(NamedTuple):
    """A signal was sent. `target`: a thread, or the process, of which any thread may take it."""

    time: int
    cpu: int
    tid: int
    signal: int
    code: int
    target: int


class SignalDelivered(NamedTuple):
    """The thread runs its handler next, on the frame at `frame`."""

    time: int
    cpu: int
    tid: int
    signal: int
    code: int
    handler: Hex
    frame: Hex
    fault: int  # the fault that caused the signal; 0: none


class SignalReturned(NamedTuple):
    """rt_sigreturn: the thread is back at `rip`."""

    time: int
    cpu: int
    tid: int
    rip: Hex
    fault: int  # the fault whose handler has returned to the refused access; 0: none
    path: Label  # the signal's name; empty: none
