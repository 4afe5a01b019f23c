"""States that the strategies draw are ones the machine can have, and it survives them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pffemu import Machine, Reached
from pffemu.arch import rflags
from pffemu.arch.pagefault import RSVD, I, P, U, W
from pffemu.arch.paging import is_canonical
from pffemu.arch.rflags import RF
from pffemu.asm import Program
from pffemu.hw.cpu import UintrState
from pffemu.testing import strategies

SOURCE = "_start: nop\nstart: nop\nend: nop\nhandler: add rsp, 8\nuiret\n"


@pytest.fixture
def stopped(machine: Machine, assemble: Callable[..., Program]) -> Machine:
    machine.load(assemble(SOURCE))
    assert isinstance(machine.run(until=["start"]), Reached)
    return machine


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(values=strategies.registers())
def test_any_registers_survive_a_nop(stopped: Machine, values: dict[str, int]) -> None:
    cpu = stopped.cpus[0]
    for name, value in values.items():
        cpu.registers[name] = value
    cpu.registers["rip"] = stopped.symbols["start"]
    cpu.left_block()
    assert isinstance(stopped.run(10, until=["end"]), Reached)
    expected = {name: value & ~RF if name == "rflags" else value for name, value in values.items()}
    assert {name: cpu.registers[name] for name in values} == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(state=strategies.uintr_states(handler=0, stack_top=None), flags=strategies.flags())
def test_pending_interrupts_are_delivered_exactly_when_they_may(
    stopped: Machine, state: UintrState, flags: int
) -> None:
    cpu = stopped.cpus[0]
    rsp = cpu.registers["rsp"]
    state.handler = stopped.symbols["handler"]
    cpu.uintr = stopped.process.tasks[0].uintr = state
    pending = state.uirr.bit_count() if state.uif else 0
    before = stopped.counts()["uirets"]
    cpu.registers["rip"], cpu.registers["rflags"] = stopped.symbols["start"], flags
    cpu.left_block()
    assert isinstance(stopped.run(1000, until=["end"]), Reached)
    assert stopped.counts()["uirets"] - before == pending
    assert (cpu.registers["rsp"], cpu.registers["rflags"]) == (rsp, flags & ~RF)  # the NOP ends RF
    assert cpu.uintr.uirr == 0 or not state.uif


@given(address=strategies.user_addresses(16), hole=strategies.non_canonical_addresses(), code=strategies.error_codes())
def test_addresses_and_error_codes_are_what_they_are_called(address: int, hole: int, code: int) -> None:
    assert address % 16 == 0
    assert is_canonical(address)
    assert not is_canonical(hole)
    assert code & U
    assert not (code & W and code & I)
    assert not (code & RSVD and not code & P)


@given(st.data())
def test_flags_never_trap(data: st.DataObject) -> None:
    drawn = data.draw(strategies.flags())
    assert drawn & rflags.IF
    assert not drawn & rflags.TF
