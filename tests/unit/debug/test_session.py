"""Sessions: a moment is a state, forwards and backwards; stops are where the events say they are."""

from __future__ import annotations

import io
import random
import time

import pytest

from guest.build import guest
from pffemu import Exited, Machine, Mode
from pffemu.debug.breakpoints import Breakpoint
from pffemu.debug.halt import Why
from pffemu.debug.session import Session
from pffemu.events.details import UifCleared, WordPushed
from pffemu.events.hw import FramePushed, HandlerEntered, WalkRefused
from pffemu.events.phases import PHASES
from pffemu.events.userfaultfd import MessageQueued
from pffemu.state.machine_hash import machine_hash
from tests.guest_tools import REGION, Run, forwarding_guest, load, plain_guest
from tests.unit.debug.session_tools import at, start, state, where
from tests.unit.machine.test_stops_change_nothing import GUEST

FAULT = forwarding_guest(f"mov rbx, {REGION}\nfault: mov rax, [rbx]\nafter: jmp leave\n")
LONG = plain_guest("mov rcx, 50000000\nagain: dec rcx\njnz again\ndone: xor edi, edi\n")


# -- nothing changes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_run_that_went_back_and_forth_is_the_same_run(sessions: list[Session], cpus: int) -> None:
    plain, debugged = load(GUEST, cpus=cpus), load(GUEST, cpus=cpus)
    assert plain.machine.run() == Exited(5)
    session = start(sessions, debugged)
    at(session, "access")
    session.resume()
    for _ in range(40):
        session.phase()
    for _ in range(3):
        session.reverse_resume()
    session.go_to(session.travel.history.start)
    debugged.events.clear()
    session.breakpoints.remove(1)
    halt = session.resume()
    assert (halt.why, halt.outcome) == (Why.ENDED, Exited(5))
    assert debugged.events == plain.events[-len(debugged.events) :]
    assert len(debugged.events) > len(plain.events) - 3  # but for those of loading
    assert machine_hash(debugged.machine) == machine_hash(plain.machine)


def check_random_places(session: Session, places: int) -> None:
    """From anywhere, N steps forward and N back lead to the state one came from."""
    generator = random.Random(1)
    end = session.resume().moment
    for _ in range(places):
        session.go_to_instruction(generator.randrange(end.instructions))
        before, steps = state(session), 0
        for _ in range(generator.randrange(1, 10)):
            if session.step().why is Why.ENDED:
                break
            steps += 1
        session.go_to(session.halt.moment) if session.halt.why is not Why.ENDED else session.reverse_step()
        for _ in range(steps):
            session.reverse_step()
        assert state(session)[0] == before[0]
        session.go_to(end)
        session.go_to(before[1].moment)
        assert state(session)[0] == before[0]


def benchmark(pages: int, mode: Mode, cpus: int) -> Run:
    machine = Machine(mode=mode, cpus=cpus, ram=64 << 20, stdout=io.BytesIO(), stderr=io.BytesIO())
    machine.open_output(4, "result", io.BytesIO())
    machine.load(guest("fault_bench"), [str(pages), "1", "1", "1"])
    return Run(machine, [], io.BytesIO())


@pytest.mark.parametrize(("cpus", "mode"), [(1, Mode.PFF), (2, Mode.UFFD), (1, Mode.UFFD), (1, Mode.KERNEL)])
def test_steps_forward_and_back_lead_to_the_same_hash(sessions: list[Session], cpus: int, mode: Mode) -> None:
    check_random_places(start(sessions, benchmark(48, mode, cpus)), 6)


def test_steps_forward_and_back_between_two_threads_lead_to_the_same_hash(sessions: list[Session]) -> None:
    check_random_places(start(sessions, load(GUEST, cpus=2)), 10)


def test_steps_forward_and_back_under_userfaultfd_lead_to_the_same_hash(sessions: list[Session]) -> None:
    session = start(sessions, benchmark(640, Mode.UFFD, 2))
    check_random_places(session, 25)  # 200 of them: test_reversible.py


@pytest.mark.parametrize("cpus", [1, 2])
def test_steps_back_without_having_stepped_forward_are_undone_by_steps(sessions: list[Session], cpus: int) -> None:
    session = start(sessions, load(GUEST, cpus=cpus))
    at(session, "handler")
    session.resume()
    session.resume()
    places = [state(session)]
    for _ in range(60):
        session.reverse_step()
        places.append(state(session))
    for expected in reversed(places[:-1]):
        session.step()
        assert state(session)[0] == expected[0]


def test_a_step_back_is_quick_anywhere_in_a_run_of_100_million_instructions(sessions: list[Session]) -> None:
    session = start(sessions, load(LONG))
    end = session.resume().moment
    assert end.instructions > 100_000_000
    for share in (1.0, 0.5, 0.013, 0.77):
        instructions = session.go_to_instruction(int(end.instructions * share)).moment.instructions
        began = time.monotonic()
        session.reverse_step()
        assert time.monotonic() - began < 1
        assert session.halt.moment.instructions == instructions - 1


# -- phases ---------------------------------------------------------------------------------------------------------


def test_a_delivery_is_walked_through_phase_by_phase_and_back(sessions: list[Session]) -> None:
    session = start(sessions, load(FAULT))
    at(session, "fault")
    session.resume()
    phases: list[tuple[object, str]] = []
    while not phases or type(phases[-1][0]) is not HandlerEntered:
        halt = session.phase()
        assert halt.why is Why.PHASE
        assert type(halt.event) in PHASES
        phases.append((halt.event, machine_hash(session.machine)))
    assert [type(mark) for mark, _ in phases][:1] == [WalkRefused]
    pushed = [mark for mark, _ in phases if isinstance(mark, WordPushed)]
    assert [mark.word for mark in pushed] == ["error code", "fault address", "RSP", "RFLAGS", "RIP", "vector"]
    assert sum(isinstance(mark, UifCleared) for mark, _ in phases) == 1
    for mark, expected in reversed(phases[:-1]):
        halt = session.reverse_phase()
        assert (halt.event, machine_hash(session.machine)) == (mark, expected)
    assert session.step().rip == session.symbols["handler"]
    session.reverse_step()
    assert where(session) == "fault"


def test_between_two_pushes_the_stack_holds_the_first_and_not_yet_the_second(sessions: list[Session]) -> None:
    session = start(sessions, load(FAULT))
    while not isinstance(session.phase().event, WordPushed) or session.halt.event.word != "RSP":
        pass
    memory, rsp = session.machine.memory, session.halt.event.address
    assert memory.read_u64(rsp) == session.register(1, "rsp")
    assert memory.read_u64(rsp + 8) == REGION
    assert memory.read_u64(rsp - 8) == 0  # RFLAGS comes next
    assert session.cpu.uintr.uif


def test_the_path_through_the_kernel_has_its_phases_too(sessions: list[Session]) -> None:
    session = start(sessions, benchmark(4, Mode.KERNEL, 1))
    session.breakpoints.add(Breakpoint(0, "page-fault", event="page-fault"))
    names = [PHASES[type(session.resume().event)]]
    while names[-1] != "resume":
        names.append(PHASES[type(session.phase().event)])
    assert names == ["exception entry", "area", "page mapped", "resume"]


def test_the_path_through_userfaultfd_goes_through_two_threads(sessions: list[Session]) -> None:
    session = start(sessions, benchmark(4, Mode.UFFD, 2))
    session.breakpoints.add(Breakpoint(0, "message", event="message"))
    halt = session.resume()
    assert (halt.why, type(halt.event)) == (Why.EVENT, MessageQueued)
    names, faulting = ["message"], halt.tid
    while names[-1] != "resume":
        halt = session.phase()
        names.append(PHASES[type(halt.event)])
    assert halt.tid == faulting
    wanted = ["message", "block", "switch", "message read", "ioctl stage", "page installed", "wake", "switch", "resume"]
    rest = iter(names)
    assert all(name in rest for name in wanted), names


# -- breakpoints ----------------------------------------------------------------------------------------------------


def test_events_stop_where_they_happen_and_are_found_on_the_way_back(sessions: list[Session]) -> None:
    done = load(GUEST)
    session = start(sessions, done)
    session.breakpoints.add(Breakpoint(0, "frame", event="frame"))
    seen = []
    while session.resume().why is Why.EVENT:
        assert isinstance(session.halt.event, FramePushed)
        assert session.halt.event == done.events[-1]
        seen.append(session.halt)
    assert session.halt.outcome == Exited(5)
    assert len(seen) == 4
    for expected in reversed(seen):
        halt = session.reverse_resume()
        assert (halt.event, halt.moment) == (expected.event, expected.moment)
    assert session.reverse_resume().why is Why.HISTORY


def test_a_condition_a_thread_and_a_temporary_breakpoint(sessions: list[Session]) -> None:
    from pffemu.inspect.expressions import parse

    session = start(sessions, load(GUEST))
    at(session, "spin", condition=parse("rcx == 1500"), condition_text="rcx == 1500")
    assert session.resume().why is Why.BREAKPOINT
    assert session.register(session.tid, "rcx") == 1500
    session.breakpoints.remove(1)
    at(session, "again", tid=1)
    at(session, "child", temporary=True)
    assert session.resume().breakpoint == 3
    assert session.halt.tid == 2
    assert session.resume().why is Why.ENDED


# -- calls and handlers ---------------------------------------------------------------------------------------------

CALLS = plain_guest(
    "mov ecx, 3\ncall outer\nback: mov edi, eax\njmp leave_with_edi\n"
    "outer: push rbx\ncall inner\nmiddle: pop rbx\nret\ninner: add eax, 7\nhere: ret\n"
)


def test_calls_are_stepped_over_and_left_both_ways(sessions: list[Session]) -> None:
    session = start(sessions, load(CALLS))
    session.step()
    assert where(session) == "_start+0x5"
    session.step_over()
    assert where(session) == "back"
    session.reverse_step_over()
    assert where(session) == "_start+0x5"
    at(session, "here")
    session.resume()
    session.finish()
    assert where(session) == "middle"
    session.reverse_step_over()
    assert where(session) == "outer+0x1"


def test_a_step_back_after_a_call_was_stepped_over_leads_into_it(sessions: list[Session]) -> None:
    session = start(sessions, load(CALLS))
    session.step()
    session.step_over()
    assert where(session) == "back"
    executed = session.halt.moment.instructions
    session.reverse_step()
    assert (where(session), session.halt.moment.instructions) == ("middle+0x1", executed - 1)
    at(session, "here")
    session.reverse_resume()
    session.finish()
    executed = session.halt.moment.instructions
    session.reverse_step()
    assert (where(session), session.halt.moment.instructions) == ("here", executed - 1)


def test_in_assembly_callers_are_guessed_from_the_stack_and_said_to_be(sessions: list[Session]) -> None:
    session = start(sessions, load(CALLS))
    at(session, "here")
    session.resume()
    found = [(session.symbols.describe(frame.rip), frame.exact) for frame in session.frames(1)]
    assert found == [("here", True), ("middle", False), ("back", False)]  # the first is where it is: no guess
    session.reverse_finish()
    assert where(session) == "outer+0x1"
    session.reverse_finish()
    assert where(session) == "_start+0x5"


def test_a_step_that_comes_to_a_breakpoint_says_so_and_counts_as_a_hit(sessions: list[Session]) -> None:
    session = start(sessions, load(CALLS))
    added = at(session, "outer")
    assert session.step().why is Why.STEP
    halt = session.step()
    assert (halt.why, halt.breakpoint, added.hits) == (Why.BREAKPOINT, added.number, 1)
    assert session.step().why is Why.STEP
    assert session.reverse_step().rip == session.symbols["outer"]


def test_a_handler_is_left_through_its_uiret_and_back_to_the_access(sessions: list[Session]) -> None:
    session = start(sessions, load(FAULT))
    at(session, "handler")
    session.resume()
    for _ in range(7):
        session.step()
    assert session.finish().rip == session.symbols["fault"]
    assert session.step().rip == session.symbols["after"]
    session.reverse_resume()
    assert where(session) == "handler"
    session.reverse_finish()
    assert where(session) == "fault"
    assert session.cpu.uintr.uif


# -- interrupts and writes ------------------------------------------------------------------------------------------


def test_an_endless_loop_is_interrupted_at_once(sessions: list[Session]) -> None:
    from pffemu.debug import stepping

    session = start(sessions, load(plain_guest("1: jmp 1b\n")))
    session.begin(stepping.RESUME)
    assert session.wait(0.3) is None
    began = time.monotonic()
    session.interrupt()
    halt = session.wait(5)
    assert halt is not None
    assert halt.why is Why.INTERRUPTED
    assert time.monotonic() - began < 0.3


def test_what_is_written_changes_the_future_and_the_past_stays(sessions: list[Session]) -> None:
    session = start(sessions, load(CALLS))
    at(session, "back")
    session.resume()
    session.write_register(session.tid, "rax", 42)
    session.breakpoints.remove(1)
    assert session.resume().outcome == Exited(42)
    session.reverse_step()
    assert session.resume().outcome == Exited(42)
