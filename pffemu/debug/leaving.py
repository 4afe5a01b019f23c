"""`finish` and `reverse-finish`: out of a function to its caller, out of a handler to what it interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pffemu.debug.halt import Halt, Why
from pffemu.debug.moment import Moment
from pffemu.debug.stepping import (
    Movement,
    back_to,
    back_to_call,
    instruction_at,
    run,
    step,
    step_over,
    stepped,
)
from pffemu.debug.stops import Until
from pffemu.debug.travel import FAR
from pffemu.debug.unwind import Entered, Frame, Unwinder
from pffemu.debug.view import open_frames
from pffemu.errors import UsageError
from pffemu.events.hw import FramePushed, HandlerEntered
from pffemu.events.signals import SignalDelivered

if TYPE_CHECKING:
    from pffemu.debug.session import Session

_DELIVERIES: Final = (FramePushed, HandlerEntered)
_LONGEST_WALK: Final = 100_000  # steps of a `finish` that has to look for the RET


def finish(session: Session) -> Halt | None:
    """Run until the caller goes on; out of a user-interrupt handler through its UIRET. Raises UsageError: no caller."""
    tid = session.tid
    caller = _caller(session, session.unwinder(tid), tid)
    if caller.entered is Entered.USER_INTERRUPT:
        session.stops.arm()
        session.stops.until_return = len(open_frames(session.journal, tid))
        halt = run(session, lambda _: FAR)
    elif caller.exact:
        session.stops.arm(until=(Until(tid, caller.rip, caller.rsp),))
        halt = run(session, lambda _: FAR)
    else:
        halt = _walk_out(session)
    return stepped(session) if halt is not None and halt.why is Why.STEP else halt


def reverse_finish(session: Session) -> Halt | None:
    """Back to the call; in a handler, to the access that faulted or the interrupted instruction. Raises UsageError."""
    tid, now = session.tid, session.halt.moment
    if session.travel.astray:
        session.travel.go_to(now._replace(held=False))
        if session.interrupted:
            return session.halted(Why.INTERRUPTED)
    unwinder = session.unwinder(tid)
    caller = _caller(session, unwinder, tid)
    if caller.entered is Entered.USER_INTERRUPT:
        return back_to(session, _before_delivery(session, tid, now), Why.STEP, tid)
    if unwinder.returns_from_signal(caller.rip):
        return back_to(session, _before_signal(session, tid, now), Why.STEP, tid)
    halt = back_to_call(session, tid, caller.rip, caller.rsp, now)
    return halt or back_to(session, session.travel.history.start, Why.HISTORY, tid)


def _caller(session: Session, unwinder: Unwinder, tid: int) -> Frame:
    found = unwinder.caller(session.frame(tid))
    if found is None:
        raise UsageError("this function's caller is unknown", remedy="use continue; `bt` shows the known callers")
    return found


def _walk_out(session: Session) -> Halt | None:
    """`finish` without call frame information: step over calls until a RET, UIRET or UFRET has run."""
    for _ in range(_LONGEST_WALK):
        instruction = instruction_at(session)
        leaves = instruction is not None and instruction.mnemonic in ("ret", "uiret", "ufret")
        here = session.travel.here()
        halt = step(session, here) if leaves else step_over(session, here)
        if leaves or halt is None or halt.why is not Why.STEP:
            return halt
    return session.here()


def _before_delivery(session: Session, tid: int, now: Moment) -> Moment | None:
    """The moment before the access whose fault the thread is handling, or before the interrupted instruction."""
    journal = session.journal
    entry: Moment | None = None
    for number, mark in journal.backwards(now.marks + 1):
        moment = journal.moment_of(number)
        entered = entry is None and mark.tid == tid and type(mark) in _DELIVERIES
        if entered or (entry is not None and moment[:2] == entry[:2]):
            entry = moment
        elif entry is not None:
            break
    return entry._replace(marks=entry.marks - 1, held=False) if entry is not None else None


def _before_signal(session: Session, tid: int, now: Moment) -> Moment | None:
    """The moment before the thread's last instruction in front of its latest signal."""
    journal = session.journal
    for number, mark in journal.backwards(now.marks + 1):
        if mark.tid == tid and type(mark) is SignalDelivered:
            return session.travel.step_before(tid, journal.moment_of(number))
    return None


FINISH = Movement(finish)
REVERSE_FINISH = Movement(reverse_finish, back=True)
