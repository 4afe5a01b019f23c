"""A fault has a number and a path, whatever becomes of it."""

from __future__ import annotations

from collections import Counter

import pytest

from pffemu import Exited, Mode
from pffemu.events.hw import HandlerEntered, Resumed, Uiret, WalkRefused
from pffemu.events.kernel import FaultAbandoned
from pffemu.events.signals import SignalDelivered, SignalReturned
from pffemu.events.userfaultfd import MessageQueued, MessageRead, PageInstalled
from pffemu.state.snapshot import put_back, take
from tests.fault_numbers import ends_of
from tests.guest_tools import REGION, Run, forwarding_guest, handle, load, page_handler, run, start_thread
from tests.system.test_pff_threads import ASK, threads

EXIT = "xor edi, edi\njmp leave_with_edi\n"
ONE = f"touch: mov rax, [{REGION:#x}]\n{EXIT}"
# The handler of the first fault lets others be forwarded and takes one itself.
NESTED = f"""
    cmp dword ptr [rip + scratch], 0
    jne 7f
    mov dword ptr [rip + scratch], 1
    stui
    mov rdx, [{REGION + 0x8000:#x}]
7:
"""


def of_region(done: Run) -> list[int]:
    """Numbers of the faults on pages of the region."""
    return [event.fault for event in done.of(WalkRefused) if REGION <= event.address < REGION + 0x10000]


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_faults_of_several_threads_have_numbers_of_their_own(cpus: int) -> None:
    done = threads(readers=1, ask=f"test ebx, 1\njz 9f\n{ASK}\n9:", cpus=cpus)
    ends = ends_of(done.events)
    paths = Counter(ends[number] for number in of_region(done))
    assert paths["forwarded"] == paths["userfaultfd"] >= 2
    assert {event.fault for event in done.of(MessageQueued)} == {event.fault for event in done.of(MessageRead)}
    installed = Counter(event.fault for event in done.of(PageInstalled))
    assert installed.keys() == {number for number in of_region(done) if ends[number] != "kernel"}


def test_a_handler_that_is_forwarded_to_again_resumes_both() -> None:
    done = run(forwarding_guest(ONE, handler=page_handler(NESTED)))
    assert done.stop == Exited(0)
    outer, inner = of_region(done)
    order = [(type(event), event.fault) for event in done.events if isinstance(event, HandlerEntered | Uiret | Resumed)]
    wanted = [(HandlerEntered, outer), (HandlerEntered, inner), (Uiret, inner), (Resumed, inner), (Uiret, outer)]
    assert [step for step in order if step[1] in (outer, inner)] == [*wanted, (Resumed, outer)]
    assert {ends_of(done.events)[number] for number in (outer, inner)} == {"forwarded"}


def test_the_kernels_faults_within_a_handler_are_others() -> None:
    done = run(forwarding_guest(ONE, handler=page_handler("mov rdx, [rsp - 0x40000]\n")))  # a new page of the stack
    ends = ends_of(done.events)
    (outer,) = of_region(done)
    assert ends[outer] == "forwarded"
    resumed = [event.fault for event in done.of(Resumed)]
    inside = resumed[resumed.index(outer) - 1]
    assert inside > outer
    assert ends[inside] == "kernel"


ALARM = f"""
    {handle("SIGALRM")}
    mov eax, SYS_alarm
    mov edi, 1
    syscall
    clui
    {ONE}
on_alarm: {EXIT}
restorer: mov eax, SYS_rt_sigreturn
    syscall
"""
ACTION = ".balign 8\naction: .quad on_alarm, 0x04000000, restorer, 0\n"


def test_a_signal_abandons_the_fault_that_sleeps() -> None:
    done = run(forwarding_guest(ALARM, data=ACTION))
    assert done.stop == Exited(0), done.stop
    (number,) = of_region(done)
    assert ends_of(done.events)[number] == "interrupted"
    assert [event.fault for event in done.of(SignalDelivered)] == [0]


def test_a_thread_that_is_killed_abandons_its_faults() -> None:
    spin = "mov ecx, 100000\n8: loop 8b\n"
    done = run(forwarding_guest(f"{start_thread('scratch + 4096', 'touch')}\n{spin}{EXIT}{ONE}"), cpus=2)
    assert done.stop == Exited(0), done.stop
    (number,) = of_region(done)
    assert ends_of(done.events)[number] == "exited"
    (event,) = done.of(FaultAbandoned)
    assert (event.tid, event.fault) == (2, number)


SIGSEGV = f"""
    {handle("SIGSEGV")}
    mov rbx, 0x30000000
bad: mov rax, [rbx]
    {EXIT}
on_alarm:
    mov eax, SYS_mmap
    mov edi, 0x30000000
    mov esi, 4096
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    ret
restorer: mov eax, SYS_rt_sigreturn
    syscall
"""


def test_a_signals_handler_gives_its_name_to_the_path() -> None:
    done = run(forwarding_guest(SIGSEGV, data=ACTION))
    assert done.stop == Exited(0), done.stop
    (number,) = [event.fault for event in done.of(WalkRefused) if event.rip == done.symbol("bad")][:1]
    assert ends_of(done.events)[number] == "SIGSEGV"
    (returned,) = done.of(SignalReturned)
    assert (returned.fault, returned.path) == (number, "SIGSEGV")


@pytest.mark.parametrize("mode", Mode)
def test_numbers_count_refused_walks(mode: Mode) -> None:
    done = threads(readers=1, mode=mode, cpus=2)
    assert [event.fault for event in done.of(WalkRefused)] == list(range(1, len(done.of(WalkRefused)) + 1))
    assert done.machine.events.faults.begun == done.machine.counts()["faults"]


def test_numbers_do_not_depend_on_listeners_and_are_part_of_snapshots() -> None:
    program = forwarding_guest(ONE, handler=page_handler(NESTED))
    watched, silent = run(program), load(program)
    silent.machine.events.sinks.clear()
    silent.machine.run(until=["handler"])
    silent.machine.run(until=["handler"])  # two faults are open
    kept = take(silent.machine)
    for _ in range(2):
        events = silent.machine.events.sinks[:] = [silent.events.append]
        silent.events.clear()
        assert silent.machine.run() == Exited(0)
        assert silent.events == watched.events[-len(silent.events) :]
        assert [type(event) for event in silent.events].count(Resumed) == 2
        put_back(silent.machine, kept)
        assert events
