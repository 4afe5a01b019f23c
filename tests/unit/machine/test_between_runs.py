"""Changes between two runs: an interrupt that is requested then is taken before the next instruction."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kernel_model.uintr.receiver import NOTIFICATION_VECTOR
from pffemu import BudgetUsedUp, Exited, Reached
from pffemu.events.hw import FramePushed, InterruptAccepted, Timer
from pffemu.hw.cpu import Cpu
from tests.guest_tools import Run, forwarding_guest, load

HANDLER = "handler:\n    add rsp, 8\n    uiret\n"
GUEST = forwarding_guest("mov ecx, 100000\nagain: nop\nbody: dec ecx\njnz again\njmp leave\n", handler=HANDLER)
DEVICE_VECTOR = 0x31


def stopped(**options: object) -> Run:
    """A machine that has stopped in the middle of a turn."""
    done = load(GUEST, **options)
    assert isinstance(done.machine.run(until=["body"]), Reached)
    assert isinstance(done.machine.run(until=["body"]), Reached)
    assert done.machine.turns.current is not None
    return done


@pytest.mark.parametrize("compiled", [None, False])
@pytest.mark.parametrize("counting", [True, False], ids=["counting", "without counts"])
def test_a_request_is_taken_at_once(counting: bool, compiled: bool | None) -> None:
    done = stopped(counting=counting, compiled=compiled)
    before = done.cpu.clock
    done.cpu.apic.request(DEVICE_VECTOR)
    done.cpu.plan()
    assert isinstance(done.machine.run(until=["again"]), Reached)
    (taken,) = done.of(InterruptAccepted)
    assert (taken.vector, taken.time) == (DEVICE_VECTOR, before)
    assert done.machine.run() == Exited(0)


def test_a_notification_interrupts_the_instruction_that_would_have_been_next() -> None:
    done = stopped()
    (task,) = done.machine.process.tasks
    assert task.receiver is not None
    done.machine.kernel.uintr.upids.post(task.receiver, 5)
    done.cpu.apic.request(NOTIFICATION_VECTOR)
    done.cpu.plan()
    assert isinstance(done.machine.run(1), BudgetUsedUp)
    (frame,) = done.of(FramePushed)
    assert (frame.vector, frame.interrupted_rip) == (5, done.symbol("body"))
    assert done.machine.run() == Exited(0)


def arm_kb_timer(cpu: Cpu) -> None:
    cpu.kb_timer.enabled, cpu.kb_timer.deadline = True, cpu.clock + 500


def arm_apic_timer(cpu: Cpu) -> None:
    cpu.apic.timer.lvt, cpu.apic.timer.next_expiry = DEVICE_VECTOR, cpu.clock + 500


@pytest.mark.parametrize("arm", [arm_kb_timer, arm_apic_timer])
def test_a_timer_that_is_armed_expires_on_time(arm: Callable[[Cpu], None]) -> None:
    done = stopped()
    due = done.cpu.clock + 500
    arm(done.cpu)
    done.cpu.plan()
    assert done.machine.run() == Exited(0)
    (expired,) = done.of(Timer)
    assert due <= expired.time < due + 10


def test_a_request_to_an_idle_core_ends_the_turn_of_the_one_that_runs() -> None:
    done = stopped(cpus=2)
    done.machine.cpus[1].apic.request(DEVICE_VECTOR)
    done.machine.cpus[1].plan()
    assert isinstance(done.machine.run(1), BudgetUsedUp)
    (taken,) = done.of(InterruptAccepted)
    assert (taken.cpu, taken.vector) == (1, DEVICE_VECTOR)


def test_a_plan_that_changes_nothing_leaves_the_turn_as_it_is() -> None:
    done = stopped(cpus=2)
    turn = done.machine.turns.current
    end = turn.end if turn is not None else None
    for cpu in done.machine.cpus:
        cpu.plan()
    assert isinstance(done.machine.run(1), BudgetUsedUp)
    assert done.machine.turns.current is turn
    assert turn is not None
    assert turn.end == end
