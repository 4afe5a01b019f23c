"""Processes of one machine: which ones keep it running, names in a deadlock's message, what their end gives back."""

from __future__ import annotations

import pytest

from pffemu import BudgetUsedUp, Deadlock, Exited, Killed, Machine
from pffemu.events.kernel import ProcessExited, ProcessKilled, Warned
from pffemu.events.trace import TraceHash
from tests.guest_tools import Run, load, plain_guest, run

FORK = "mov eax, SYS_fork\nsyscall\ntest eax, eax\njz {child}\n"
EXIT = "mov eax, SYS_exit_group\nmov edi, {status}\nsyscall\n"
WAIT = "mov eax, SYS_wait4\nmov rdi, -1\nlea rsi, [rip + status]\nxor edx, edx\nxor r10d, r10d\nsyscall\n"
SLEEP = "mov eax, SYS_nanosleep\nlea rdi, [rip + span]\nxor esi, esi\nsyscall\n"
WRITE = "mov eax, SYS_write\nmov edi, 1\nlea rsi, [rip + text]\nmov edx, 4\nsyscall\n"
CLOSE = "mov eax, SYS_close\nmov edi, {fd}\nsyscall\n"
PAUSE = "mov eax, SYS_pause\nsyscall\n"
DATA = 'status: .quad 0\nword: .quad 0\nspan: .quad 0, 100000\ntext: .ascii "late"\n'


def guest(body: str, **options: object) -> Run:
    return run(plain_guest(body, DATA), **options)


def test_the_run_ends_with_the_first_process_when_it_is_to() -> None:
    done = guest(FORK.format(child="child") + EXIT.format(status=3) + "child: jmp child\n", cpus=2, outlive=False)
    assert done.stop == Exited(3)
    assert not done.of(Warned)


@pytest.mark.parametrize("cpus", [1, 2])
@pytest.mark.parametrize(("end", "stop"), [(EXIT.format(status=3), Exited(3)), ("ud2\n", None)])
def test_a_child_that_outlives_the_first_process_is_heard(cpus: int, end: str, stop: Exited | None) -> None:
    done = guest(FORK.format(child="child") + end + "child: " + SLEEP + WRITE + EXIT.format(status=0), cpus=cpus)
    assert done.output.getvalue() == b"late"
    assert [event.pid for event in done.of(ProcessExited)] == [1, 2]
    assert not done.of(Warned)
    if stop is None:
        assert isinstance(done.stop, Killed)
        assert "ud2" in done.stop.message
        assert "thread 1" in done.stop.message
    else:
        assert done.stop == stop


@pytest.mark.parametrize(
    ("child", "why"),
    [
        (CLOSE.format(fd=1) + CLOSE.format(fd=2) + "child_loops: jmp child_loops\n", "can be heard no more"),
        (PAUSE, "would wait for ever"),
    ],
)
def test_who_is_left_when_the_run_ends_is_named(child: str, why: str) -> None:
    done = guest(FORK.format(child="child") + EXIT.format(status=3) + "child: " + SLEEP + child, cpus=2)
    assert done.stop == Exited(3)
    (warned,) = done.of(Warned)
    assert "process 2 ends with the run" in warned.what
    assert why in warned.what


def test_a_budget_ends_a_child_that_outlives_the_first_process() -> None:
    done = load(plain_guest(FORK.format(child="child") + EXIT.format(status=3) + "child: jmp child\n", DATA), cpus=2)
    assert isinstance(done.machine.run(budget=100_000), BudgetUsedUp)


def test_the_memory_of_the_first_process_is_there_when_it_has_ended() -> None:
    store = "mov qword ptr [rip + word], 77\n"
    done = guest(FORK.format(child="child") + store + EXIT.format(status=3) + "child: " + SLEEP + EXIT.format(status=0))
    assert done.machine.memory.read_u64(done.machine.symbols["word"]) == 77


def test_the_run_goes_on_when_a_child_ends_or_dies() -> None:
    done = guest(
        FORK.format(child="first") + WAIT + "mov ebx, [rip + status]\n" + FORK.format(child="second") + WAIT
        + "mov edi, [rip + status]\nshr ebx, 8\nadd edi, ebx\nmov eax, SYS_exit_group\nsyscall\n"
        + "first: " + EXIT.format(status=40) + "second: mov al, [0]\n",
        cpus=2,
    )  # fmt: skip
    assert done.stop == Exited(40 + 11)
    assert [event.status for event in done.of(ProcessExited)] == [40, 139, 51]
    assert len(done.of(ProcessKilled)) == 1


def test_a_deadlock_names_the_threads_of_every_process() -> None:
    done = guest(FORK.format(child="child") + WAIT + "child: " + PAUSE)
    assert isinstance(done.stop, Deadlock)
    assert "thread 1 of process 1" in done.stop.message
    assert "waits for the end of child 2 (wait4)" in done.stop.message
    assert "thread 2 of process 2" in done.stop.message
    assert "waits for a signal (pause)" in done.stop.message


def test_a_periodic_timer_nobody_listens_to_does_not_keep_a_deadlock_alive() -> None:
    body = (
        "mov eax, SYS_timerfd_create\nmov edi, CLOCK_MONOTONIC\nxor esi, esi\nsyscall\n"
        "mov edi, eax\nmov eax, SYS_timerfd_settime\nxor esi, esi\nlea rdx, [rip + spec]\nxor r10d, r10d\nsyscall\n"
    ) + PAUSE
    done = run(plain_guest(body, "spec: .quad 0, 1000, 0, 1000\n"))
    assert isinstance(done.stop, Deadlock)


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_signal_ends_another_process(cpus: int) -> None:
    body = (
        FORK.format(child="child") + "mov edi, eax\nmov esi, SIGTERM\nmov eax, SYS_kill\nsyscall\n" + WAIT
        + "mov edi, [rip + status]\nmov eax, SYS_exit_group\nsyscall\nchild: jmp child\n"
    )  # fmt: skip
    assert guest(body, cpus=cpus).stop == Exited(15)


def test_the_machine_s_own_process_may_be_killed_by_its_child() -> None:
    body = FORK.format(child="child") + WAIT + "child: mov edi, 1\nmov esi, SIGKILL\nmov eax, SYS_kill\nsyscall\n"
    done = guest(body, cpus=2)
    assert isinstance(done.stop, Killed)
    assert "SIGKILL from process 2" in str(done.stop)


def test_frames_come_back() -> None:
    loop = "mov r12d, {count}\nagain: " + FORK.format(child="child") + WAIT + "dec r12d\njnz again\n"
    child = "child: push 5\nmov [rip + word], rsp\n"
    free = []
    for count in (2, 40):
        done = guest(loop.format(count=count) + EXIT.format(status=0) + child + EXIT.format(status=1), cpus=2)
        assert done.stop == Exited(0)
        free.append(done.machine.kernel.frames.free_frames)
    assert free[0] == free[1]


def test_the_same_processes_give_the_same_trace() -> None:
    body = (
        FORK.format(child="child")
        + FORK.format(child="child")
        + WAIT
        + WAIT
        + EXIT.format(status=0)
        + "child: "
        + EXIT.format(status=2)
    )
    hashes = []
    for _ in range(2):
        machine = Machine(cpus=2, ram=16 << 20)
        hashing = TraceHash()
        machine.events.sinks.append(hashing)
        machine.load(plain_guest(body, DATA))
        assert machine.run() == Exited(0)
        hashes.append(hashing.hexdigest())
    assert hashes[0] == hashes[1]
