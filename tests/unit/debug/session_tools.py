"""Helpers of the tests of sessions."""

from __future__ import annotations

from pffemu.debug.breakpoints import Breakpoint
from pffemu.debug.halt import Halt
from pffemu.debug.session import Session
from pffemu.state.machine_hash import machine_hash
from tests.guest_tools import Run


def start(sessions: list[Session], done: Run) -> Session:
    sessions.append(Session(done.machine))
    return sessions[-1]


def at(session: Session, place: str, **fields: object) -> Breakpoint:
    fields.setdefault("address", session.symbols[place])
    return session.breakpoints.add(Breakpoint(0, place, **fields))  # type: ignore[arg-type]


def state(session: Session) -> tuple[str, Halt]:
    return machine_hash(session.machine), session.halt


def where(session: Session) -> str:
    return session.symbols.describe(session.halt.rip)
