"""`info locals`: the parameters and local variables of the function that the thread is in, with their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pffemu.arch.registers import MASK64
from pffemu.errors import PffemuError, UsageError
from pffemu.inspect.c_values import value_of_variable
from pffemu.machine.elf_locals import Base, Local
from pffemu.machine.elf_variables import Variable

if TYPE_CHECKING:
    from pffemu.debug.session import Session


def shown_locals(session: Session) -> str:
    """One a line, inner blocks last. Raises UsageError where the program says nothing of RIP."""
    found = _in_scope(session, session.tid)
    if not found:
        place = session.symbols.describe(session.frame(session.tid).rip)
        raise UsageError(f"no local variables known at {place}", remedy="build the program with -g -O0")
    return "\n".join(f"{local.name} = {_shown(session, local, address)}" for local, address in found)


def variables_here(session: Session, tid: int) -> Mapping[str, Variable]:
    """What C calls by name where a thread is: the program's variables, and in front of them those of the function."""
    found = _in_scope(session, tid)
    here = {local.name: Variable(address, local.type) for local, address in found if address is not None}
    return {**session.variables, **here}


def _in_scope(session: Session, tid: int) -> list[tuple[Local, int | None]]:
    """Each with its address; None: it is at no fixed place of the frame."""
    frame = session.frame(tid)
    found = [local for local in session.locals if local.start <= frame.rip < local.end]
    cfa = session.cfa(tid) if found else None
    bases = {Base.CFA: cfa, Base.RBP: frame.registers["rbp"], Base.NOTHING: 0, Base.UNKNOWN: None}
    places = ((local, bases[local.base]) for local in found)
    return [(local, None if base is None else (base + local.offset) & MASK64) for local, base in places]


def _shown(session: Session, local: Local, address: int | None) -> str:
    if address is None:
        return "(not at a fixed place of the frame: build with -O0)"
    try:
        return str(value_of_variable(local.name, Variable(address, local.type), session.memory))
    except PffemuError as error:
        return f"({error.what})"
