"""User interrupts between threads on different cores, through the machine's loop: latency, order, nothing lost."""

from __future__ import annotations

import pytest

from pffemu import Exited, Reached
from pffemu.events.hw import FramePushed, HandlerEntered, InterruptAccepted, IpiSent, SendUipi, Uiret
from pffemu.events.trace import TraceHash
from tests import uintr_guests as guests
from tests.guest_tools import load, plain_guest
from tests.uipi import load_ping_pong, upid_of


def test_a_ping_pong_counts_every_interrupt_and_leaves_nothing_pending() -> None:
    run = load_ping_pong(50)
    assert run.go() == Exited(0)
    assert run.word("count") == 50
    assert len(run.of(SendUipi)) == len(run.of(HandlerEntered)) == 100
    assert len(run.of(Uiret)) == 99  # the last handler ends the process
    assert [(upid_of(run, i).on, upid_of(run, i).pir) for i in (0, 1)] == [(False, 0), (False, 0)]
    assert [task.uirr for task in (cpu.uintr for cpu in run.machine.cpus)] == [0, 0]


def test_an_interrupt_is_taken_at_its_arrival_and_its_handler_starts_1388_cycles_after_senduipi_did() -> None:
    """Published end to end: 1360 (xUI); the profile's parts add up to 28 more."""
    run = load_ping_pong(20)
    run.go()
    cost = run.cpu.cycles_of
    path = ("cpu.uintr.senduipi", "cpu.ipi.flight", "cpu.uintr.notify", "cpu.uintr.deliver.flush")
    assert sum(cost(part) for part in path) == 1388
    sent = run.of(IpiSent)
    taken = run.of(InterruptAccepted)
    entered = run.of(HandlerEntered)
    for ipi, acceptance, entry in list(zip(sent, taken, entered, strict=True))[1:]:
        # the first finds its receiver ahead: it has run while the sender was being set up
        assert ipi.arrival == ipi.time + cost("cpu.ipi.flight")
        assert 0 <= acceptance.time - ipi.arrival <= 1  # instructions take fractions of a cycle
        assert 1388 <= entry.time - (ipi.time - cost("cpu.uintr.senduipi")) <= 1389


def test_the_same_guest_gives_the_same_trace() -> None:
    hashes = []
    for _ in range(2):
        run, trace = load_ping_pong(30), TraceHash()
        run.machine.events.sinks.append(trace)
        run.go()
        hashes.append(trace.hexdigest())
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("step", [1, 7, 100])
def test_in_small_budgets_it_is_the_same_run(step: int) -> None:
    runs = [load_ping_pong(3), load_ping_pong(3)]
    traces = [TraceHash(), TraceHash()]
    for run, trace in zip(runs, traces, strict=True):
        run.machine.events.sinks.append(trace)
    runs[0].go()
    while not isinstance(runs[1].go(step), Exited):
        pass
    assert traces[1].hexdigest() == traces[0].hexdigest()
    assert [frame.vector for frame in runs[1].of(FramePushed)] == [5, 7] * 3


def test_a_breakpoint_right_behind_a_senduipi_is_reached_every_time_and_changes_nothing() -> None:
    runs, traces = [load_ping_pong(5), load_ping_pong(5)], [TraceHash(), TraceHash()]
    for run, trace in zip(runs, traces, strict=True):
        run.machine.events.sinks.append(trace)
    runs[0].go()
    stops = [runs[1].machine.run(until=["answered"]) for _ in range(5)]
    assert stops == [Reached(runs[1].symbol("answered"), 1, 0)] * 4 + [Exited(0)]
    assert traces[1].hexdigest() == traces[0].hexdigest()


_THREAD = guests.CLONE.format(top=4096, entry="other")
_FORK = "mov eax, SYS_fork\n syscall\n test eax, eax\n jz other\n"
_CONNECT = "mov eax, SYS_uintr_register_sender\n mov edi, 3\n xor esi, esi\n syscall\n"


@pytest.mark.parametrize("other", [_THREAD, _FORK], ids=["thread that was never armed", "process without a table"])
@pytest.mark.parametrize("delay", [1, 5000, 14_321])
def test_the_very_first_senduipi_of_a_sender_arrives_on_time(other: str, delay: int) -> None:
    # the receiver spins and is never ahead of an interrupt that can still reach it, from any sender
    body = (
        guests.REGISTER.format(flags=0) + guests.SELF.format(vector=5, index=0)
        + "mov eax, SYS_uintr_vector_fd\n mov edi, 5\n xor esi, esi\n syscall\n stui\n" + other
        + "1: cmp qword ptr [rip + handled], 0\n je 1b\n xor edi, edi\n jmp leave_with_edi\n"
        + f"other: mov ecx, {delay}\n 2: dec ecx\n jnz 2b\n xor eax, eax\n {_CONNECT if other is _FORK else ''}"
        + "senduipi rax\n 3: jmp 3b\n"
    )  # fmt: skip
    done = load(plain_guest(body + guests.HANDLER, guests.DATA), cpus=2, outlive=False)
    assert done.go() == Exited(0)
    (ipi,), (acceptance,) = done.of(IpiSent), done.of(InterruptAccepted)
    assert 0 <= acceptance.time - ipi.arrival <= 1
