"""Every reply of the debugger's line mode is checked against a run that was written down without the debugger.

Random sessions over several programs (two threads, forwarding, userfaultfd, the kernel's faults, fork, signals) on one
and two cores: the thread, its PC and registers, how far the run is, why it stopped, and that it could not have stopped
earlier (going back: later).
"""

from __future__ import annotations

import io
import random
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import pytest

from guest.build import guest
from guest.workloads import RESULT_FD, FaultWorkload
from pffemu import Machine, Mode
from pffemu.debug.breakpoints import event_words
from pffemu.debug.commands import Commands
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.errors import UsageError
from tests.campaign import rounds
from tests.guest_tools import forwarding_guest, handle, load, plain_guest
from tests.system.stepping_oracle import NAMES, Oracle, write_down
from tests.unit.machine.test_stops_change_nothing import GUEST_SOURCE

FIRST = 1  # process
COMMANDS = rounds(36, 240)  # of one session
SIGNALS_AND_FORK = plain_guest(
    handle("SIGUSR1")
    + """
    mov r12d, 3
round: mov eax, SYS_fork
    syscall
    test eax, eax
    jz child
    mov r13, rax
wait: mov eax, SYS_wait4
    mov rdi, r13
    xor esi, esi
    xor edx, edx
    xor r10d, r10d
    syscall
    cmp rax, -4
    je wait
    add qword ptr [rip + word], 1
    dec r12d
    jnz round
    mov rdi, [rip + word]
    jmp leave_with_edi
child: add qword ptr [rip + word], 100
    mov eax, SYS_getppid
    syscall
    mov edi, eax
    mov esi, 10
    mov eax, SYS_kill
    syscall
    ud2
handler: add qword ptr [rip + word], 16
    lea rcx, [rip + page]
    mov [rcx], rdi
    ret
restorer: mov eax, SYS_rt_sigreturn
    syscall
""",
    "action: .quad handler, 0x4000000, restorer, 0\nword: .quad 0\n.balign 4096\npage: .zero 8192\n",
)


def benchmark(mode: Mode, cpus: int) -> Machine:
    machine = Machine(mode=mode, cpus=cpus, ram=64 << 20, stdout=io.BytesIO(), stderr=io.BytesIO())
    machine.open_output(RESULT_FD, "result", io.BytesIO())
    machine.load(guest("fault_bench"), FaultWorkload(3).arguments)
    return machine


def threads(cpus: int) -> Machine:
    return load(
        forwarding_guest(GUEST_SOURCE.replace("3000", "9").replace("ecx, 200", "ecx, 5").replace("r12d, 4", "r12d, 2")),
        cpus=cpus,
    ).machine


PROGRAMS: dict[str, tuple[Callable[[], Machine], tuple[str, ...], str]] = {  # machine, places to stop, a word to watch
    "two threads on one core": (lambda: threads(1), ("spin", "access", "handler", "again"), "scratch"),
    "two threads on two cores": (lambda: threads(2), ("spin", "access", "handler", "again"), "scratch"),
    "userfaultfd on one core": (lambda: benchmark(Mode.UFFD, 1), ("handler_thread", "bring_in", "touch_slice"), ""),
    "userfaultfd on two cores": (lambda: benchmark(Mode.UFFD, 2), ("handler_thread", "bring_in", "touch_slice"), ""),
    "forwarding": (lambda: benchmark(Mode.PFF, 1), ("page_fault_handler", "bring_in", "touch_slice"), ""),
    "the kernel": (lambda: benchmark(Mode.KERNEL, 1), ("touch_slice",), ""),
    "fork and signals": (lambda: load(SIGNALS_AND_FORK, cpus=2).machine, ("wait", "child", "handler"), "word"),
}
EVENTS = ("frame", "walk refused", "switch", "uiret", "syscall", "message", "resume", "signal-delivered")
REPLY = re.compile(
    r"(?P<reason>.*?)thread (?P<tid>\d+) at \S+ \((?P<rip>0x[0-9a-f]+)\), instruction (?P<n>\d+), mark (?P<m>\d+)"
    r"(?P<inside>, inside a step)?",
    re.DOTALL,
)


@dataclass
class Standing:
    """Where the last reply said it stands: `state` is an index, None inside a step or after the end."""

    state: int | None
    marks: int
    tid: int


class Checked:
    """A session each reply of which is compared with the oracle."""

    def __init__(self, talk: Commands, oracle: Oracle) -> None:
        self.talk, self.oracle = talk, oracle
        self.standing = Standing(0, oracle.states[0].marks, talk.session.tid)
        self.checked = 0

    def say(self, line: str) -> None:
        self.standing.tid = self.talk.session.tid
        try:
            said = self.talk.execute(line)
        except UsageError:
            return  # refused, and nothing moved: the next reply tells
        if "instruction " in said or said.startswith("the guest ended"):
            self.check(line, said)

    def check(self, line: str, said: str) -> None:
        before = self.standing
        if said.startswith("the guest ended"):
            assert said == f"the guest ended: {self.oracle.outcome}"
            self.standing = Standing(None, len(self.oracle.marks), before.tid)
            self.check_first(line, before, len(self.oracle.states), len(self.oracle.marks) + 1)
            return
        match = REPLY.match(said)
        assert match is not None, said
        tid, rip, n, m = int(match["tid"]), int(match["rip"], 16), int(match["n"]), int(match["m"])
        self.checked += 1
        if match["inside"]:
            mark = self.oracle.marks[m - 1]
            assert (mark.instructions, mark.tid, mark.rip) == (n, tid, rip), said
            assert match["reason"] in (f"{mark.phase}: {mark.line}\n  ", f"{mark.phase}: "), said
            self.standing = Standing(None, m, tid)
            self.check_first(line, before, None, m)
            return
        found = self.oracle.at(n, m, tid, rip)
        assert found, f"{line}: no thread was ever there: {said}"
        mine = [i for i in found if self.oracle.states[i].next_tid == tid]
        self.standing = Standing((mine or found)[0], m, tid)
        if line != "where":
            self.check_reason(line, before, match["reason"])
        self.check_registers()

    def check_reason(self, line: str, before: Standing, reason: str) -> None:
        now = self.standing
        assert now.state is not None
        state = self.oracle.states[now.state]
        breakpoints = self.talk.session.breakpoints
        if reason.startswith("breakpoint"):
            assert breakpoints.get(int(reason.split()[1].rstrip(":"))).address == state.rip(now.tid)
            self.check_first(line, before, now.state, now.marks + 1)
        elif reason.startswith("watchpoint"):
            old, new = re.findall(r"(0x[0-9a-f]+|no page) -> (0x[0-9a-f]+|no page)", reason)[0]
            pid = breakpoints.get(int(reason.split()[1].rstrip(":"))).pid
            values = [s.watched.get(pid or FIRST) for s in self.oracle.states]
            assert old != new
            here = values[now.state]
            assert _shown(here) == (old if line.startswith("r") else new), reason
            assert any(_shown(value) == (new if line.startswith("r") else old) for value in values)
        elif reason == "no more history: ":
            assert now.state == 0
        elif line.startswith("step") and before.state is not None:
            if before.tid not in state.threads:
                return  # it was its last
            assert now.tid == before.tid
            self.check_step(before.state, now.state, before, int((line + " 1").split()[1]))
        elif line.startswith("reverse-step") and before.state is not None:
            self.check_step(now.state, before.state, now, 1)

    def check_step(self, begin: int, end: int, since: Standing, wanted: int) -> None:
        """`wanted` instructions of the thread, less those that were interrupted by a delivery."""
        assert begin <= end
        executed = self.oracle.executed(since.tid, begin, end)
        marks = self.oracle.marks[self.oracle.states[begin].marks : self.oracle.states[end].marks]
        deliveries = sum(mark.phase == "handler" or mark.line.startswith("signal-delivered") for mark in marks)
        assert wanted - deliveries <= executed <= wanted, (executed, deliveries)

    def check_first(self, line: str, before: Standing, state: int | None, mark: int) -> None:
        """Nothing between there and here was a reason to stop `continue`."""
        if line != "continue" or before.state is None or self.talk.session.breakpoints.watches:
            return
        breakpoints = self.talk.session.breakpoints
        places = self.oracle.arrivals(set(breakpoints.addresses))
        end = state if state is not None else self.first_state(mark)
        earlier = [i for i in places if before.state < i < end]
        assert not earlier, f"passed {len(earlier)} breakpoints"
        words = [event_words(b.event) for b in breakpoints.events if b.event is not None]
        for passed in self.oracle.marks[before.marks : mark - 1]:
            assert not any(passed.phase == w or re.match(rf"{re.escape(w)}[ :]", passed.line) for w in words), passed

    def first_state(self, mark: int) -> int:
        """The first state that has seen mark number `mark`."""
        later = (i for i, state in enumerate(self.oracle.states) if state.marks >= mark)
        return next(later, len(self.oracle.states))

    def check_registers(self) -> None:
        assert self.standing.state is not None
        expected = self.oracle.states[self.standing.state].threads[self.talk.session.tid]
        shown = dict(line.split()[:2] for line in self.talk.execute("registers").splitlines())
        assert {name: int(shown[name], 16) for name in NAMES} == dict(zip(NAMES, expected, strict=True))


def _shown(value: bytes | None) -> str:
    return "no page" if value is None else f"{int.from_bytes(value, 'little'):#x}"


def script(generator: random.Random, places: tuple[str, ...], word: str, length: int) -> Iterator[str]:
    """Random commands, most of them movements."""
    moves = ("step", "next", "phase", "finish", "continue")
    for _ in range(COMMANDS):
        kind = generator.random()
        if kind < 0.62:
            yield generator.choice(("", "", "reverse-")) + generator.choice(moves)
        elif kind < 0.70:
            yield f"step {generator.randrange(2, 9)}"
        elif kind < 0.76:
            yield f"goto {generator.randrange(length)}"
        elif kind < 0.82:
            yield f"break {generator.choice(places)}"
        elif kind < 0.86:
            yield f"event {generator.choice(EVENTS)}"
        elif kind < 0.88 and word:
            yield f"watch {word}"
        elif kind < 0.95:
            yield f"delete {generator.randrange(1, 12)}"
        else:
            yield f"thread {generator.randrange(1, 4)}"


@cache
def written_down(name: str) -> Oracle:
    make, _, word = PROGRAMS[name]
    machine = make()
    return write_down(machine, machine.symbols[word] if word else machine.process.image.entry)


@pytest.mark.parametrize("seed", range(rounds(1, 3)))
@pytest.mark.parametrize("name", PROGRAMS)
def test_random_sessions_tell_the_truth(name: str, seed: int) -> None:
    make, places, word = PROGRAMS[name]
    oracle = written_down(name)
    session = Session(make())
    checked = Checked(Commands(session, Places(session.machine)), oracle)
    try:
        for line in script(random.Random(f"{name}{seed}"), places, word, oracle.states[-1].instructions):
            with suppress(StopIteration):
                checked.say(line)
            if line.startswith("thread"):
                checked.say("where")
        assert checked.checked > COMMANDS // 3
    finally:
        session.close()
