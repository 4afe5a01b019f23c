"""`info locals`: the parameters and local variables of the function that the thread is in, with their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pffemu.arch.registers import MASK64
from pffemu.errors import PffemuError, UsageError
from pffemu.inspect.c_values import value_of_variable
from pffemu.machine.elf_locals import Local
from pffemu.machine.elf_places import CFA
from pffemu.machine.elf_variables import Variable

if TYPE_CHECKING:
    from pffemu.debug.session import Session


def shown_locals(session: Session) -> str:
    """One a line, inner blocks last. Raises UsageError where the program says nothing of RIP."""
    found = _in_scope(session, session.tid)
    if not found:
        place = session.symbols.describe(session.frame(session.tid).rip)
        raise UsageError(f"no local variables known at {place}", remedy="build the program with -g")
    return "\n".join(f"{name} = {_shown(session, name, variable)}" for name, variable in found)


def variables_here(session: Session, tid: int) -> Mapping[str, Variable]:
    """What C calls by name where a thread is: the program's variables, and in front of them those of the function."""
    return {**session.variables, **dict(_in_scope(session, tid))}


def _in_scope(session: Session, tid: int) -> list[tuple[str, Variable]]:
    frame = session.frame(tid)
    found = session.locals_at(frame.rip)
    bases: dict[str, int | None] = {**frame.registers, CFA: session.cfa(tid) if found else None, "": 0}
    return [(local.name, _variable(local, frame.rip, bases)) for local in found]


def _variable(local: Local, rip: int, bases: Mapping[str, int | None]) -> Variable:
    place = local.place_at(rip)
    base = bases.get(place.base) if place is not None else None
    if place is None or base is None:
        return Variable(None, local.type)
    total = (base + place.offset) & MASK64
    return Variable(None, local.type, total) if place.is_value else Variable(total, local.type)


def _shown(session: Session, name: str, variable: Variable) -> str:
    if not variable.is_known:
        return "(the compiler has dropped it here: build with -O0)"
    try:
        return str(value_of_variable(name, variable, session.memory))
    except PffemuError as error:
        return f"({error.what})"
