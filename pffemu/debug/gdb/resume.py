"""vCont: which thread steps, and how far. Threads that no action names run too: there is one virtual time for all."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pffemu.debug.gdb.arguments import BadPacketError, hex_number

SUPPORTED = b"vCont;c;C;s;S;t;r"
_KINDS = ("c", "C", "s", "S", "t", "r")


@dataclass(frozen=True, slots=True)
class Resume:
    """What a vCont asks for. `step`: the thread that steps (None: none does), `span`: until it leaves [start, end).

    `signal`: gdb's number of the signal that thread `signalled` gets first, 0 for none. `named`: threads that an action
    names (None: all); a named thread that stands at a signal and is given none loses it.
    """

    step: int | None = None
    span: tuple[int, int] | None = None
    signal: int = 0
    signalled: int = 0
    named: frozenset[int] | None = None

    def names(self, tid: int) -> bool:
        """Whether an action is meant for thread `tid`."""
        return self.named is None or tid in self.named


def parse_vcont(actions: str, default: int) -> Resume | None:
    """`actions` is what follows `vCont;`. None: only stop (`t`). `default`: the thread of an action without one.

    Raises BadPacketError.
    """
    found: Resume | None = None
    continues, signal, signalled, named, everyone = False, 0, 0, set[int](), False
    for action in actions.split(";"):
        what, _, thread = action.partition(":")
        kind, argument, tid = what[:1], what[1:], _thread(thread, default)
        if kind not in _KINDS:
            raise BadPacketError
        named.add(tid)
        everyone |= thread in ("", "-1")
        if kind in ("C", "S") and not signal:
            signal, signalled = hex_number(argument), tid
        if kind in ("s", "S", "r") and found is None:
            found = Resume(tid, _span(argument) if kind == "r" else None)
        continues = continues or kind in ("c", "C")
    found = found or (Resume() if continues else None)
    if found is None:
        return None
    return replace(found, signal=signal, signalled=signalled, named=None if everyone else frozenset(named))


def parse_old(packet: str, tid: int) -> Resume:
    """`c`, `C signal`, `s`, `S signal` of thread `tid`, without their optional address. Raises BadPacketError."""
    kind, argument = packet[:1], packet[1:]
    if kind in ("c", "s") and argument:
        raise BadPacketError
    signal = hex_number(argument) if kind in ("C", "S") else 0
    steps = kind in ("s", "S")
    return Resume(tid if steps else None, signal=signal, signalled=tid, named=frozenset({tid}) if steps else None)


def _span(text: str) -> tuple[int, int]:
    start, _, end = text.partition(",")
    return hex_number(start), hex_number(end)


def _thread(text: str, default: int) -> int:
    return default if text in ("", "-1", "0") else hex_number(text)
