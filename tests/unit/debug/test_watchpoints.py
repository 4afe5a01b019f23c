"""Watchpoints: a change by any thread, process or the kernel, over many pages; and threads that are switched out."""

from __future__ import annotations

import pytest

from pffemu.debug.breakpoints import Access, Breakpoint
from pffemu.debug.halt import Why
from pffemu.debug.session import Session
from pffemu.inspect.lines import line_of
from tests.guest_tools import REGION, forwarding_guest, load, plain_guest
from tests.unit.debug.session_tools import at, start, state, where
from tests.unit.machine.test_stops_change_nothing import GUEST

FAULT = forwarding_guest(f"mov rbx, {REGION}\nfault: mov rax, [rbx]\nafter: jmp leave\n")


def test_a_watchpoint_tells_old_and_new_value_and_who_wrote(sessions: list[Session]) -> None:
    session = start(sessions, load(GUEST))
    watched = session.symbols["scratch"]
    session.breakpoints.add(Breakpoint(0, "scratch", access=Access.WRITE, watched=watched, size=4))
    halt = session.resume()
    assert (halt.why, halt.tid) == (Why.WATCHPOINT, 1)
    assert (halt.old, halt.new) == (bytes(4), b"\1\0\0\0")
    written = state(session)
    session.resume()
    back = session.reverse_resume()
    assert (back.why, session.machine.memory.read(watched, 4)) == (Why.WATCHPOINT, bytes(4))
    session.step()
    assert state(session)[0] == written[0]


def test_a_read_watchpoint_counts_reads_of_its_bytes_alone(sessions: list[Session]) -> None:
    body = (
        "mov rax, [rip + near]\nread: mov rbx, [rip + word]\nmov [rip + word], rbx\nread2: push [rip + word]\npop rdi\n"
    )
    session = start(sessions, load(plain_guest(body, "near: .quad 3\nword: .quad 0\n")))
    word = session.symbols["word"]
    session.breakpoints.add(Breakpoint(0, "word", access=Access.READ, watched=word, size=8))
    places = []
    while session.resume().why is Why.WATCHPOINT:
        session_moment = session.halt.moment
        places.append(session_moment.instructions)
    assert places == [2, 3, 4]  # after the reads, and after the store, which touches it too


FORKS = plain_guest(
    "lea rbx, [rip + word]\nmov eax, SYS_fork\nsyscall\ntest eax, eax\njz child\n"
    "mov qword ptr [rbx], 1\nmov eax, SYS_wait4\nmov rdi, -1\nxor esi, esi\nxor edx, edx\nxor r10d, r10d\nsyscall\n"
    "mov rdi, [rbx]\njmp leave_with_edi\nchild: mov qword ptr [rbx], 5\nstored: mov rdi, [rbx]\njmp leave_with_edi\n",
    "word: .quad 0\n",
)


@pytest.mark.parametrize("watching", [1, 2])
def test_a_watchpoint_belongs_to_the_process_it_was_set_in(sessions: list[Session], watching: int) -> None:
    session = start(sessions, load(FORKS))
    word = session.symbols["word"]
    at(session, "child", temporary=True)
    assert session.resume().tid == 2
    before = session.halt.moment
    added = Breakpoint(0, "word", access=Access.WRITE, watched=word, size=8, pid=watching)
    session.breakpoints.add(added)
    session.go_to_instruction(5)
    values = []
    while session.resume().why is Why.WATCHPOINT:
        assert session.halt.tid == watching
        values.append((session.halt.old, session.halt.new))
    stored = {1: 1, 2: 5}[watching].to_bytes(8, "little")
    assert values == [(bytes(8), stored)]  # a process's end is not a change
    session.go_to(before)
    session.tid = 2
    session.step()
    assert session.memory.read_u64(word) == 5
    assert session.machine.memory.read_u64(word) != 5
    session.write_memory(word, b"\7")
    assert session.memory.read_u64(word) == 7


def test_as_many_pages_as_a_large_object_has_can_be_watched(sessions: list[Session]) -> None:
    body = "lea rbx, [rip + large]\nmov byte ptr [rbx + 40000], 9\nstored: nop\n"
    session = start(sessions, load(plain_guest(body, ".balign 4096\nlarge: .zero 65536\n")))
    session.breakpoints.add(Breakpoint(0, "", access=Access.WRITE, watched=session.symbols["large"], size=65536))
    assert (session.resume().why, where(session)) == (Why.WATCHPOINT, "stored")


def test_a_thread_that_is_switched_out_is_looked_at_as_it_will_go_on(sessions: list[Session]) -> None:
    session = start(sessions, load(GUEST, cpus=1))
    at(session, "child")
    session.resume()
    assert session.tid == 2
    session.tid = 1
    seen = session.seen
    assert seen is not session.cpu
    assert seen.registers["rip"] == session.register(1, "rip") != session.register(2, "rip")
    assert (seen.uintr.handler, seen.mmu.fill.root) == (session.symbols["handler"], session.cpu.mmu.fill.root)
    expected = {name: seen.registers[name] for name in ("rip", "rsp", "rbx", "rflags")}
    session.breakpoints.clear()
    session.step()
    assert session.halt.tid == 1
    session.reverse_step()
    assert session.tid == 1
    assert {name: session.seen.registers[name] for name in expected} == expected


def test_a_page_that_the_kernel_brings_in_is_a_change(sessions: list[Session]) -> None:
    session = start(sessions, load(FAULT))
    session.breakpoints.add(Breakpoint(0, "page", access=Access.WRITE, watched=REGION, size=8))
    halt = session.resume()
    assert (halt.why, halt.old, halt.new) == (Why.WATCHPOINT, None, bytes(8))
    assert line_of(session.journal.mark(session.journal.count), session.symbols.describe).startswith("returned ioctl")
