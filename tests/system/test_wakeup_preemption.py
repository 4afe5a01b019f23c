"""Wake-up preemption: a woken thread takes its core from the one that runs there, or waits for its turn."""

from __future__ import annotations

import pytest

from kernel_model.sched.run_queue import QUANTUM
from kernel_model.sched.scheduler import RESCHEDULE_VECTOR
from pffemu import Exited
from pffemu.events.hw import IpiSent
from pffemu.events.kernel import ContextSwitch, ThreadWoken
from pffemu.timing import load_profile
from tests.guest_tools import Run, plain_guest, run, start_thread

PROFILE = load_profile()
FLIGHT = PROFILE.cycles_of("cpu.ipi.flight")
SLEEPER, SPINNER = 2, 3  # threads; on two cores both are on the second one, main on the first
FUTEX = "mov eax, SYS_futex\nlea rdi, [rip + word]\nmov esi, {operation}\nmov edx, {value}\nxor r10d, r10d\nsyscall\n"
DATA = """
word:    .quad 0
asleep:  .quad 0
spins:   .quad 0
awake:   .quad 0
zero:    .quad 0
.balign 16
stack:   .zero 8192
other:   .zero 8192
"""
BODY = (
    start_thread("stack + 8192", "sleeper")
    + "1: cmp qword ptr [rip + asleep], 0\njz 1b\nmov ecx, 60000\n2: dec ecx\njnz 2b\n"
    + start_thread("other + 8192", "spinner")
    + "3: cmp qword ptr [rip + spins], 0\njz 3b\nmov ecx, 60000\n4: dec ecx\njnz 4b\n"
    + FUTEX.format(operation="FUTEX_WAKE", value=1)
    + "5: cmp qword ptr [rip + awake], 0\njz 5b\nmov edi, [rip + awake]\njmp leave_with_edi\n"
    + "sleeper: mov qword ptr [rip + asleep], 1\n"
    + FUTEX.format(operation="FUTEX_WAIT", value=0)
    + "mov qword ptr [rip + awake], 7\n6: pause\njmp 6b\n"
    + "spinner: {policy}\nmov qword ptr [rip + spins], 1\n7: pause\njmp 7b\n"
)
SCHED_IDLE = "mov eax, SYS_sched_setscheduler\nxor edi, edi\nmov esi, 5\nlea rdx, [rip + zero]\nsyscall\n"


def waited(done: Run) -> int:
    """Cycles from the sleeper's wake-up until it runs."""
    assert done.stop == Exited(7)
    woken = next(one for one in done.of(ThreadWoken) if one.woken == SLEEPER)
    switches = done.of(ContextSwitch)
    return next(one.time for one in switches if one.tid == SLEEPER and one.time >= woken.time) - woken.time


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_woken_thread_runs_at_once(cpus: int) -> None:
    guest = plain_guest(BODY.format(policy=""), DATA)
    patient, prompt = (run(guest, cpus=cpus, wakeup_preemption=on) for on in (False, True))
    assert waited(patient) > QUANTUM // 2
    assert waited(prompt) < QUANTUM // 4
    ipis = [[one for one in done.of(IpiSent) if one.vector == RESCHEDULE_VECTOR] for done in (patient, prompt)]
    assert [len(one) for one in ipis] == [0, cpus - 1]
    assert waited(prompt) >= FLIGHT * (cpus - 1)
    assert run(guest, cpus=cpus, wakeup_preemption=True).events == prompt.events


def test_a_thread_of_sched_idle_gives_way_to_any_that_is_woken() -> None:
    done = run(plain_guest(BODY.format(policy=SCHED_IDLE), DATA), cpus=2)
    interrupted = sum(map(PROFILE.cycles_of, ("cpu.ipi.flight", "cpu.exception", "kernel.entry")))
    assert interrupted <= waited(done) < interrupted + QUANTUM // 4
    assert len([one for one in done.of(IpiSent) if one.vector == RESCHEDULE_VECTOR]) == 1
