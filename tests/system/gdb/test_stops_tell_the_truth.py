"""Random sessions, packet by packet: each stop's thread, PC and reason is that of a run without the debugger, and no
stop that was due in between is missing.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from functools import cache

import pytest

from guest.build import guest
from pffemu import Exited, Mode, Program
from pffemu.debug.gdb.description import NUMBER_OF
from tests.campaign import rounds
from tests.guest_tools import handle, plain_guest, start_thread
from tests.system.gdb.reference_run import Reference, reference
from tests.system.gdb.stub_client import Client, Served, served

SESSIONS = int(os.environ.get("PFFEMU_GDB_SESSIONS", rounds(2, 3)))  # with each guest
ACTIONS = rounds(40, 120)  # of a session
_RIP = NUMBER_OF["rip"]
_KINDS = {"watch": 2, "rwatch": 3, "awatch": 4}

# A thread on the other core, a signal handler that both reach, a forked child that is killed, a word all of them count.
BUSY = f"""
{handle("SIGUSR1")}
{start_thread("stack_end", "thread")}
    mov eax, SYS_fork
    syscall
    test eax, eax
    jz child
    mov r12d, eax
    mov ebx, 5
loop:
    call count
    mov eax, SYS_getpid
    syscall
    mov edi, eax
    mov esi, 10
    mov eax, SYS_kill
    syscall
    dec ebx
    jnz loop
    mov edi, r12d
    mov esi, 15
    mov eax, SYS_kill
    syscall
    mov eax, SYS_wait4
    mov edi, r12d
    xor esi, esi
    xor edx, edx
    xor r10d, r10d
    syscall
    mov edi, [rip + word]
    and edi, 0x7f
    jmp leave_with_edi
thread:
    mov ebp, 20
again:
    call count
    mov eax, SYS_sched_yield
    syscall
    dec ebp
    jnz again
    mov eax, SYS_exit
    xor edi, edi
    syscall
child:
    mov ecx, 7
    lea rsi, [rip + word]
    lea rdi, [rip + copy]
    rep movsb
    call count
    jmp child
count:
    inc qword ptr [rip + word]
    ret
handler:
    add qword ptr [rip + word], 2
    ret
restorer:
    mov eax, SYS_rt_sigreturn
    syscall
"""
DATA = "action: .quad handler, 0x04000000, restorer, 0\nword: .quad 0\ncopy: .quad 0\n.zero 1024\nstack_end:\n"

GUESTS: dict[str, tuple[Callable[[], Program], Mode, tuple[str, ...]]] = {
    "uffd": (lambda: guest("fault_bench"), Mode.UFFD, ("3", "1", "0", "0")),
    "pff": (lambda: guest("fault_bench"), Mode.PFF, ("3", "1", "0", "0")),
    "busy": (lambda: plain_guest(BUSY, DATA), Mode.PFF, ()),
}


class Player:
    """One random session, checked move by move."""

    def __init__(self, serving: Served, truth: Reference, words: list[tuple[int, int]], seed: int) -> None:
        self.client: Client = serving.connect()
        self.serving, self.truth, self.words = serving, truth, words
        self.rng = random.Random(seed)
        self.breakpoints: dict[int, int] = {}  # address -> kind
        self.watched: set[tuple[int, int]] = set()  # (index of a word, kind)
        self.caught: set[int] | None = None
        self.tid, self.ended = 1, False
        self.signal: tuple[int, str] | None = None  # (thread, gdb's number): the one it stands at, which acts
        self.log: list[str] = []

    @property
    def at(self) -> int:
        return self.serving.session.machine.instructions

    def ask(self, packet: str) -> str:
        reply = self.client.ask(packet.encode()).decode()
        self.log.append(f"{packet} -> {reply} at {self.at}")
        return reply

    def threads(self) -> list[int]:
        return [int(tid, 16) for tid in self.ask("qfThreadInfo")[1:].split(",")]

    def pc(self, tid: int) -> int:
        assert self.ask(f"Hg{tid:x}") == "OK"
        return int.from_bytes(bytes.fromhex(self.ask(f"p{_RIP:x}")), "little")

    # -- moves ------------------------------------------------------------------------------------------------------

    def play(self) -> None:
        changes = (self.breakpoint, self.breakpoint, self.watch, self.catch)
        moves = (self.step, self.step, self.step_range, self.forward, self.forward, self.back, self.step_back)
        for _ in range(ACTIONS):
            self.rng.choice(changes if self.rng.random() < 0.3 else moves)()
            if self.ended:
                return

    def breakpoint(self) -> None:
        address = self.rng.choice(self.truth.places).rip
        if address in self.breakpoints:
            assert self.ask(f"z{self.breakpoints.pop(address)},{address:x},1") == "OK"
        else:
            self.breakpoints[address] = self.rng.randrange(2)
            assert self.ask(f"Z{self.breakpoints[address]},{address:x},1") == "OK"

    def watch(self) -> None:
        word = self.rng.randrange(len(self.words))
        address, size = self.words[word]
        point = word, self.rng.choice((2, 2, 3, 4))
        assert self.ask(f"{'z' if point in self.watched else 'Z'}{point[1]},{address:x},{size:x}") == "OK"
        self.watched ^= {point}

    def catch(self) -> None:
        self.caught = self.rng.choice((None, None, set(), {16}, {39, 24}))
        packet = "0" if self.caught is None else ";".join(["1", *(f"{number:x}" for number in self.caught)])
        assert self.ask(f"QCatchSyscalls:{packet}") == "OK"

    def step(self) -> None:
        tid, before = self.rng.choice(self.threads()), self.at
        done, passed = self.truth.executed(before, tid), (tid, self.pc(tid))
        action = f"S{self.signal[1]}" if self.signal and self.signal[0] == tid else "s"
        reply = self.ask(f"vCont;{action}:{tid:x}")
        self.check(reply, before, self.at, passed)
        if reply.startswith("T05") and f"thread:{tid:x};" in reply and not self.reason(reply) and not self.ended:
            # a forwarded fault, a signal or a system call that was being held retires nothing
            assert self.truth.executed(self.at, tid) - done in (0, 1)

    def step_range(self) -> None:
        tid, before = self.rng.choice(self.threads()), self.at
        start = self.pc(tid)
        if self.signal and self.signal[0] == tid:
            return  # gdb steps by the instruction there
        others = f"C{self.signal[1]}:{self.signal[0]:x};c" if self.signal else "c"
        reply = self.ask(f"vCont;r{start:x},{start + 12:x}:{tid:x};{others}")
        self.check(reply, before, self.at, (tid, start))
        if reply.startswith("T05") and f"thread:{tid:x};" in reply and not self.reason(reply):
            assert not start <= self.pc(tid) < start + 12

    def forward(self) -> None:
        before = self.at
        reply = self.ask(f"vCont;C{self.signal[1]}:{self.signal[0]:x};c" if self.signal else "vCont;c")
        assert self.reason(reply) or not reply.startswith("T05"), "it stopped for no reason"
        self.check(reply, before, self.at)

    def back(self) -> None:
        before = self.at
        self.check(self.ask("bc"), before, self.at)

    def step_back(self) -> None:
        tid, before = self.rng.choice(self.threads()), self.at
        assert self.ask(f"Hc{tid:x}") == "OK"
        done = self.truth.executed(before, tid)
        reply = self.ask("bs")
        assert self.at <= before
        self.check(reply, self.at, self.at)
        if "replaylog" not in reply:
            assert done - self.truth.executed(self.at, tid) in (0, 1)

    # -- checks -----------------------------------------------------------------------------------------------------

    def reason(self, reply: str) -> str:
        match = re.search(r";((?:sw|hw)break|[ra]?watch|syscall_\w+|replaylog):([^;]*);$", reply)
        return f"{match[1]}:{match[2]}" if match is not None else ""

    def check(self, reply: str, before: int, after: int, passed: tuple[int, int] = (0, 0)) -> None:
        """Of a move from `before` to `after` instructions."""
        self.nothing_missed(min(before, after), max(before, after), passed)
        if reply[0] == "W":
            self.ended = True
            assert self.truth.end == Exited(int(reply[1:], 16))
            return
        tid = int(re.search(r"thread:(\w+);", reply)[1], 16)  # type: ignore[index]
        rip = int.from_bytes(bytes.fromhex(re.search(rf"\b{_RIP:x}:(\w+);", reply)[1]), "little")  # type: ignore[index]
        self.signal = (tid, reply[1:3]) if not reply.startswith("T05") else None
        assert self.pc(tid) == rip
        for each in self.threads():
            assert self.pc(each) in self.truth.rips(after, each), f"PC of thread {each} at {after}"
        self.true_reason(reply, tid, rip, after)

    def true_reason(self, reply: str, tid: int, rip: int, at: int) -> None:
        kind, _, value = self.reason(reply).partition(":")
        if not reply.startswith("T05"):
            assert (at, tid, int(reply[1:3], 16)) in self.truth.signals()
        elif kind in ("swbreak", "hwbreak"):
            assert self.breakpoints[rip] == (kind == "hwbreak")
            assert (at, tid, rip) in self.truth.reached({rip})
        elif kind in _KINDS:
            due = [self.accesses(*point) for point in self.watched if point[1] == _KINDS[kind]]
            assert any((near, tid) in each for each in due for near in (at, at + 1))  # back: in front of it
        elif kind in ("syscall_entry", "syscall_return"):
            assert (at, tid, f"{kind}:{value}") in self.truth.system_calls(self.caught or set())
        elif kind == "replaylog":
            assert value == "begin"
            assert at == 0

    def accesses(self, word: int, kind: int) -> list[tuple[int, int]]:
        """(instructions, thread) of what a watchpoint of this kind stops at."""
        changed = self.truth.changed(word) if kind != _KINDS["rwatch"] else []
        return changed + (self.truth.accessed(word, self.words[word][1]) if kind != _KINDS["watch"] else [])

    def nothing_missed(self, start: int, end: int, passed: tuple[int, int]) -> None:
        """Between two moments nothing happened that should have been a stop; a step passes its thread's own place."""
        reached = self.truth.reached(set(self.breakpoints), retries=False)
        due = [at for at, tid, rip in reached if (tid, rip) != passed]
        due += [at for point in self.watched for at, _ in self.accesses(*point)]
        due += [at for at, _, _ in self.truth.signals()]
        if self.caught is not None:
            due += [at for at, _, _ in self.truth.system_calls(self.caught)]
        missed = [at for at in due if start + 1 < at < end]
        assert not missed, f"{missed} between {start} and {end}"


@cache
def told(name: str) -> tuple[Program, list[tuple[int, int]], Reference]:
    """A guest, words of its memory, and its run."""
    make, mode, arguments = GUESTS[name]
    program = make()
    data = next(section for section in program.sections if section.name == ".data")
    words = [(data.address + 8 * i, 8) for i in range(min(8, len(data.data) // 8))]
    if "word" in program.symbols:
        words = [(program.symbols["word"], 8), (program.symbols["copy"], 8), (program.symbols["copy"] + 3, 2)]
    return program, words, reference(program, mode, arguments, words)


@pytest.mark.parametrize("name", GUESTS)
@pytest.mark.parametrize("seed", range(SESSIONS))
def test_every_stop_of_a_random_session_is_true(name: str, seed: int) -> None:
    program, words, truth = told(name)
    _, mode, arguments = GUESTS[name]
    with served(program, mode=mode, arguments=arguments) as serving:
        player = Player(serving, truth, words, seed)
        try:
            player.play()
        except AssertionError:
            print("\n".join(player.log))
            raise
