"""`info locals`: the parameters and local variables of the function that the thread is in, with their values."""

from __future__ import annotations

from pffemu.arch.registers import MASK64
from pffemu.debug.session import Session
from pffemu.errors import PffemuError, UsageError
from pffemu.inspect.c_values import value_of_variable
from pffemu.machine.elf_locals import Base, Local
from pffemu.machine.elf_variables import Variable


def shown_locals(session: Session) -> str:
    """One a line, inner blocks last. Raises UsageError where the program says nothing of RIP."""
    frame = session.frame(session.tid)
    found = [local for local in session.locals if local.start <= frame.rip < local.end]
    if not found:
        place = session.symbols.describe(frame.rip)
        raise UsageError(f"no local variables known at {place}", remedy="build the program with -g -O0")
    cfa = session.cfa(session.tid)
    bases = {Base.CFA: cfa, Base.RBP: frame.registers["rbp"], Base.NOTHING: 0, Base.UNKNOWN: None}
    return "\n".join(f"{local.name} = {_shown(session, local, bases[local.base])}" for local in found)


def _shown(session: Session, local: Local, base: int | None) -> str:
    if base is None:
        return "(not at a fixed place of the frame: build with -O0)"
    try:
        address = (base + local.offset) & MASK64
        return str(value_of_variable(local.name, Variable(address, local.type), session.memory))
    except PffemuError as error:
        return f"({error.what})"
