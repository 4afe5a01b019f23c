"""The movements of a session, forwards and back. Each runs in the machine's thread and returns the Halt it ends with.

None means that the guest ended, or that the movement was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.asm import Instruction, decode
from pffemu.debug.halt import Halt, Why
from pffemu.debug.moment import Moment
from pffemu.debug.stops import Found, Until
from pffemu.debug.travel import FAR
from pffemu.debug.unwind import call_before
from pffemu.events.phases import PHASES
from pffemu.hw.cpu import Cpu

if TYPE_CHECKING:
    from pffemu.debug.session import Session


class Movement(NamedTuple):
    """A movement. `back`: it goes to another moment, so a held step need not be completed first."""

    run: Callable[[Session], Halt | None]
    back: bool = False
    phases: bool = False  # it may end at any phase


# -- forwards -------------------------------------------------------------------------------------------------------


def resume(session: Session, budget: int = FAR) -> Halt | None:
    """Run on to a breakpoint, for at most `budget` instructions of all threads."""
    end = session.machine.instructions + budget
    session.stops.arm()
    return run(session, lambda _: max(0, end - session.machine.instructions))


def phase(session: Session) -> Halt | None:
    """To the next phase, where the machine is held."""
    session.stops.arm()
    session.stops.phases = True
    return run(session, lambda _: FAR)


def step(session: Session, begin: Moment | None = None) -> Halt | None:
    """Run one instruction, and all else until the thread is about to execute the next one.

    `begin`: where the step begins, if not where the movement did.
    """
    begin = begin or session.halt.moment
    session.stops.arm()
    if session.stops.sent is not None and session.stops.sent[0] == session.tid:
        return stepped(session, begin)  # the step ends in the signal's handler, as PTRACE_SINGLESTEP does
    return _step(session) or stepped(session, begin)


def step_over(session: Session, begin: Moment | None = None) -> Halt | None:
    instruction = instruction_at(session)
    if instruction is None or instruction.mnemonic != "call":
        return step(session, begin)
    tid = session.tid
    place = Until(tid, instruction.address + instruction.size, session.register(tid, "rsp"))
    session.stops.arm(until=(place,))
    halt = run(session, lambda _: FAR)
    return stepped(session) if halt is not None and halt.why is Why.STEP else halt


def run(session: Session, room: Callable[[Cpu], int]) -> Halt | None:
    arrived = session.travel.run(room, session.stops.visit)
    found = session.stops.found
    if found is not None:
        return session.halted(found.why, found.tid, **found.details)
    return session.here() if arrived else None


def _step(session: Session) -> Halt | None:
    """Run until the thread has completed an instruction or was sent elsewhere; a halt only if one came earlier."""
    tid, turns, stops = session.tid, session.machine.turns, session.stops
    if session.began_inside:
        session.began_inside = False
        return None  # the held step has been completed: that was this step
    while session.travel.run(_about_to_run(session, tid), stops.visit) and stops.found is None:
        cpu = turns.cpu
        if cpu is None or cpu.tid != tid:
            return None
        before = cpu.instructions, cpu.registers["rip"]
        cpu.engine.pass_breakpoint()
        session.travel.history.note(session.travel.here())
        stop = turns.advance(cpu, 1)
        if stops.visit(cpu, stop) or session.task(tid) is None:
            break
        if (cpu.instructions, session.register(tid, "rip")) != before:
            break
    return _halt_of(session, stops.found) if stops.found is not None else None


def stepped(session: Session, begin: Moment | None = None) -> Halt | None:
    """Let the others run until the thread is about to execute its next instruction; then Session.stepped."""
    if not session.travel.run(_about_to_run(session, session.tid), session.stops.visit):
        return None
    found = session.stops.found
    if found is not None and found.why is not Why.STEP:
        return _halt_of(session, found)
    return session.stepped(begin)


def _halt_of(session: Session, found: Found) -> Halt:
    session.machine.turns.begin()
    return session.halted(found.why, found.tid, **found.details)


def _about_to_run(session: Session, tid: int) -> Callable[[Cpu], int]:
    turns = session.machine.turns

    def room(cpu: Cpu) -> int:
        there = cpu.tid == tid and not turns.waits(cpu)
        return 0 if there or session.task(tid) is None else FAR

    return room


# -- to a moment, and back ------------------------------------------------------------------------------------------


def go_to(session: Session, moment: Moment) -> Halt | None:
    """To `moment`; where that is held, the machine is held there."""
    session.stops.hold_at = moment.marks if moment.held else None
    session.travel.go_to(moment)
    return session.halted(Why.INTERRUPTED if session.interrupted else Why.MOVED)


def go_to_instruction(session: Session, number: int) -> Halt | None:
    session.travel.go_to_instruction(number)
    if session.machine.kernel.ended is not None or session.machine.instructions < number:
        return None
    return session.halted(Why.INTERRUPTED if session.interrupted else Why.MOVED)


def reverse_step(session: Session) -> Halt | None:
    tid, now = session.tid, session.halt.moment
    begin = session.trail(now, tid) or session.travel.step_before(tid, now)
    return back_to(session, begin, Why.STEP, tid)


def reverse_step_over(session: Session) -> Halt | None:
    tid, now = session.tid, session.halt.moment
    before = session.trail(now, tid) or session.travel.step_before(tid, now)
    if before is None:
        return back_to(session, None, Why.STEP, tid)
    rip, rsp = session.halt.rip, session.register(tid, "rsp") if not session.travel.astray else None
    halt = back_to(session, before, Why.STEP, tid)
    instruction = instruction_at(session)
    if instruction is None or instruction.mnemonic != "ret":
        return halt
    if rsp is None:
        rsp = session.register(tid, "rsp") + 8
    return back_to_call(session, tid, rip, rsp, now) or halt


def reverse_resume(session: Session) -> Halt | None:
    now = session.halt.moment
    found = _latest_stop(session, now, ())
    if session.interrupted:
        return session.halted(Why.INTERRUPTED)
    if found is None:
        return back_to(session, session.travel.history.start, Why.HISTORY, session.tid)
    if found.moment.held:
        session.stops.found = found
        return go_to(session, found.moment)
    session.travel.go_to(found.moment)
    if session.interrupted:
        return session.halted(Why.INTERRUPTED)
    return session.halted(found.why, found.tid, **found.details)


def reverse_phase(session: Session) -> Halt | None:
    """Back to the latest phase before here, where the machine is held."""
    now, journal = session.halt.moment, session.journal
    for number, mark in journal.backwards(now.marks if now.held else now.marks + 1):
        if type(mark) in PHASES:
            moment = journal.moment_of(number)
            session.stops.found = Found(Why.PHASE, mark.tid, moment, {"event": mark})
            return go_to(session, moment)
    return back_to(session, session.travel.history.start, Why.HISTORY, session.tid)


def back_to(session: Session, moment: Moment | None, why: Why, tid: int) -> Halt:
    """Go back to `moment`; None: nothing is earlier, so to the start. At a held moment the machine is held."""
    if moment is not None and moment.held:
        session.stops.hold_at = moment.marks
    session.travel.go_to(moment if moment is not None else session.travel.history.start)
    if session.interrupted:
        return session.halted(Why.INTERRUPTED)
    return session.halted(why if moment is not None else Why.HISTORY, tid if session.task(tid) else None)


def back_to_call(session: Session, tid: int, address: int, rsp: int, now: Moment) -> Halt | None:
    """Go back to the CALL in front of `address` that thread `tid` executed with this RSP."""
    start = call_before(partial(session.read_memory, tid=tid), address)
    place = _latest_stop(session, now, (Until(tid, start, rsp),)) if start is not None else None
    return back_to(session, place.moment, Why.STEP, tid) if place is not None else None


def _latest_stop(session: Session, end: Moment, until: tuple[Until, ...]) -> Found | None:
    """The last place before `end` where a run would have stopped: at `until`, or else at breakpoints."""
    travel, stops, before = session.travel, session.stops, end
    try:
        for checkpoint in travel.history.before(end):
            travel.put_back(checkpoint)
            stops.scan = []
            stops.arm(until=until, only_until=bool(until))
            travel.run(travel.room_to(before._replace(held=False)), stops.visit)
            found = [place for place in stops.scan if place.moment < end]
            if found or session.interrupted:
                return found[-1] if found else None
            before = checkpoint.moment
        return None
    finally:
        stops.scan = None
        stops.disarm()


# -- looking --------------------------------------------------------------------------------------------------------


def instruction_at(session: Session) -> Instruction | None:
    """The instruction that the thread executes next."""
    rip = session.register(session.tid, "rip")
    return decode(session.seen.mmu.code_at(rip, MAX_INSTRUCTION), rip)


STEP = Movement(step)
STEP_OVER = Movement(step_over)
RESUME = Movement(resume)
PHASE = Movement(phase, phases=True)
REVERSE_STEP = Movement(reverse_step, back=True)
REVERSE_STEP_OVER = Movement(reverse_step_over, back=True)
REVERSE_RESUME = Movement(reverse_resume, back=True)
REVERSE_PHASE = Movement(reverse_phase, back=True)


def to_moment(moment: Moment) -> Movement:
    """The movement that ends at `moment`."""
    return Movement(partial(go_to, moment=moment), back=True)


def resume_for(budget: int) -> Movement:
    """RESUME for at most `budget` instructions."""
    return Movement(partial(resume, budget=budget))


def to_instruction(number: int) -> Movement:
    """The movement that ends when `number` instructions have run since the guest's start."""
    return Movement(partial(go_to_instruction, number=number), back=True)
