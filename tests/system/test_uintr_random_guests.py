"""Random programs of user-interrupt, ALU and stack instructions: stepped, cut or whole, they are the same run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pffemu import Exited, Killed
from pffemu.events.hw import HandlerEntered, Uiret
from pffemu.events.trace import TraceHash
from pffemu.hw.cpu import KbTimer
from tests.guest_tools import Run, load, plain_guest
from tests.uipi import DATA, wire

_REGISTERS = ("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10")
register = st.sampled_from(_REGISTERS)
two_registers = st.sampled_from(("add", "xor", "sub", "imul", "or", "mov"))
register_and_number = st.sampled_from(("add", "shl", "ror", "cmp"))
arm = st.sampled_from(("settimer", "settimerp"))
send = st.builds(lambda n: f"mov r11d, {n}\nsenduipi r11", st.integers(0, 3))
line = st.one_of(
    st.sampled_from(("stui", "stui", "clui", "testui", "pushfq", "nop", "cld", "std", "stc", "cmc")),
    st.sampled_from(("stui", "clui")),
    send,
    send,
    st.builds(lambda how, n: f"mov r11d, {n}\n{how} r11", arm, st.integers(1500, 5000)),
    st.builds(lambda op, a, b: f"{op} {a}, {b}", two_registers, register, register),
    st.builds(lambda op, a, n: f"{op} {a}, {n}", register_and_number, register, st.integers(0, 31)),
    st.builds(lambda a: f"push {a}", register),
    st.builds(lambda a: f"mov {a}, [rsp]", register),
    st.builds(lambda n: f"mov ebx, {n}\n1: inc rax\ndec ebx\njnz 1b", st.integers(200, 2000)),
)
programs = st.lists(line, min_size=20, max_size=40)

HANDLER = """
handler:
    pop r12
    add r13, r12
    inc r14
    uiret
"""


@dataclass(frozen=True)
class End:
    stop: str
    trace: str
    instructions: int
    clock: int
    registers: Any
    delivered: int


def guest(lines: list[str]) -> Run:
    body = "\n".join(lines)
    source = f"ready:\n{body}\nclui\nxor r11d, r11d\nsettimer r11\nxor edi, edi\njmp leave_with_edi\n{HANDLER}"
    run = load(plain_guest(source, DATA))
    run.machine.run(until=["ready"])
    run.events.clear()
    wire(run, 0, "handler", [(0, vector) for vector in (3, 17, 40, 63)], uif=True)
    timer = run.cpu.kb_timer = run.machine.process.tasks[0].kb_timer = KbTimer(enabled=True, user_vector=50)
    assert run.cpu.kb_timer is timer
    return run


def end_of(lines: list[str], budget: int | None) -> End:
    run, trace = guest(lines), TraceHash()
    run.machine.events.sinks.append(trace)
    stop = run.machine.run(budget)
    while not isinstance(stop, (Exited, Killed)):
        stop = run.machine.run(budget)
    cpu = run.cpu
    return End(
        str(stop), trace.hexdigest(), run.machine.instructions, cpu.clock, cpu.engine.save_registers(),
        len(run.of(HandlerEntered)),
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(lines=programs, budget=st.sampled_from((1, 2, 3, 7, 50)))
def test_a_random_program_is_the_same_run_whole_and_in_pieces(lines: list[str], budget: int) -> None:
    assert end_of(lines, budget) == end_of(lines, None)


@settings(max_examples=25, deadline=None)
@given(lines=programs)
def test_whatever_it_does_its_handler_is_entered_once_for_each_uiret_and_leaves_the_stack_alone(
    lines: list[str],
) -> None:
    run = guest(["mov rbp, rsp", *(text for text in lines if not text.startswith("push")), "mov rcx, rsp"])
    stop = run.go(1_000_000)
    assert isinstance(stop, Exited)
    assert len(run.of(HandlerEntered)) == len(run.of(Uiret)) == run.cpu.registers["r14"]
    assert run.cpu.registers["rsp"] == run.cpu.registers["rbp"]
