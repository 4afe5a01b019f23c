"""vCont: which thread steps, and how far. Threads that no action names run too: there is one virtual time for all."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pffemu.debug.gdb.arguments import BadPacketError, hex_number
from pffemu.debug.gdb.thread_id import ThreadId, parse

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
    named: frozenset[ThreadId] | None = None

    def names(self, pid: int, tid: int) -> bool:
        """Whether an action is meant for thread `tid` of process `pid`."""
        return self.named is None or any(each.includes(pid, tid) for each in self.named)

    def runs(self, pid: int) -> bool:
        """Whether an action is meant for a thread of process `pid`."""
        return self.named is None or any(each.pid in (None, pid) for each in self.named)


def parse_vcont(actions: str, default: int) -> Resume | None:
    """`actions` is what follows `vCont;`. None: only stop (`t`). `default`: the thread of an action without one.

    Raises BadPacketError.
    """
    found: Resume | None = None
    continues, signal, signalled, named = False, 0, 0, set[ThreadId]()
    for action in actions.split(";"):
        what, _, text = action.partition(":")
        kind, argument, thread = what[:1], what[1:], parse(text)
        if kind not in _KINDS:
            raise BadPacketError
        named.add(thread)
        tid = thread.tid or default
        if kind in ("C", "S") and not signal:
            signal, signalled = hex_number(argument), tid
        if kind in ("s", "S", "r") and found is None:
            found = Resume(tid, _span(argument) if kind == "r" else None)
        continues = continues or kind in ("c", "C")
    found = found or (Resume() if continues else None)
    if found is None:
        return None
    everyone = ThreadId() in named
    return replace(found, signal=signal, signalled=signalled, named=None if everyone else frozenset(named))


def parse_old(packet: str, tid: int) -> Resume:
    """`c`, `C signal`, `s`, `S signal` of thread `tid`, without their optional address. Raises BadPacketError."""
    kind, argument = packet[:1], packet[1:]
    if kind in ("c", "s") and argument:
        raise BadPacketError
    signal = hex_number(argument) if kind in ("C", "S") else 0
    steps = kind in ("s", "S")
    named = frozenset({ThreadId(None, tid)}) if steps else None
    return Resume(tid if steps else None, signal=signal, signalled=tid, named=named)


def _span(text: str) -> tuple[int, int]:
    start, _, end = text.partition(",")
    return hex_number(start), hex_number(end)
