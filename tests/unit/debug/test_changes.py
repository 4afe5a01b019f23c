"""What a session changes from outside: memory of every kind, and signals. It stays when the session goes back."""

from __future__ import annotations

from typing import Any

import pytest

from pffemu.debug import history
from pffemu.debug.halt import Why
from pffemu.debug.session import Session
from pffemu.errors import UsageError
from pffemu.machine.stop import Exited, Killed
from tests.guest_tools import PAGE, REGION, Run, forwarding_guest, handle, load, plain_guest
from tests.unit.debug.session_tools import at, start

PARENT_AND_CHILD = plain_guest(
    """
    mov eax, SYS_fork
    syscall
    mov r12d, eax
here:
    mov edi, 1                  # a debugger puts 64 there
    test r12d, r12d
    jnz parent
    add edi, [rip + initialized]
    jmp leave_with_edi
parent:
    mov r13d, edi
    mov eax, SYS_wait4
    mov edi, r12d
    lea rsi, [rip + untouched + 8]
    xor edx, edx
    xor r10d, r10d
    syscall
    movzx edi, byte ptr [rip + untouched + 9]
    add edi, r13d
    add edi, [rip + initialized]
    add edi, [rip + untouched + 4096]
    jmp leave_with_edi
""",
    "initialized: .quad 2\n.bss\nuntouched: .skip 8192",
)
COUNTER = plain_guest(
    "    mov ecx, 20\n    mov edi, [rip + status]\nagain:\n    dec ecx\n    jnz again\n", "status: .quad 3"
)
SIGNAL = plain_guest(
    f"""
{handle("SIGUSR1")}
    mov eax, SYS_getpid
    syscall
    mov edi, eax
    mov esi, SIGUSR1
    mov eax, SYS_kill
    syscall
after:
    mov edi, [rip + handled]
    jmp leave_with_edi
handler:
    inc dword ptr [rip + handled]
    ret
restorer:
    mov eax, SYS_rt_sigreturn
    syscall
""",
    "action: .quad handler, 0x04000000, restorer, 0\nhandled: .quad 0",
)


def seen(done: Run) -> list[Any]:
    """Events without their times: a write may populate a page, which saves its fault and the fault's time."""
    return [(type(event), *event[2:]) for event in done.events]


def test_a_write_takes_no_time_makes_no_event_and_is_there_after_going_back(sessions: list[Session]) -> None:
    done = load(COUNTER)
    session = start(sessions, done)
    clock, events, status = done.cpu.clock, len(done.events), done.symbol("status")
    session.write_memory(status, b"\x2a")
    assert (done.cpu.clock, len(done.events)) == (clock, events)
    session.step()
    session.reverse_step()
    assert session.read_memory(status, 1) == b"\x2a"  # also at the very start
    assert session.resume().outcome == Exited(42)


def test_changes_outlive_the_checkpoints_that_are_thinned_out(
    sessions: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST", 4)
    done = load(COUNTER)
    session = start(sessions, done)
    session.step()
    session.write_memory(done.symbol("status"), b"\x07")
    for value in range(8):
        session.step()
        session.write_register(session.tid, "rbx", value)
    assert session.register(session.tid, "rbx") == 7
    end = session.halt.moment
    session.go_to_instruction(3)
    assert session.register(session.tid, "rbx") == 0
    assert session.read_memory(done.symbol("status"), 1) == b"\x07"
    session.go_to(end)
    assert session.register(session.tid, "rbx") == 7


def test_private_memory_is_copied_for_the_process_that_is_written(sessions: list[Session]) -> None:
    done = load(PARENT_AND_CHILD)
    session = start(sessions, done)
    at(session, "here")
    session.resume()
    assert session.tid == 1
    assert not done.machine.memory.is_present(done.symbol("untouched") + 4096)
    session.write_memory(done.symbol("untouched") + 4096, b"\x10")
    session.write_memory(done.symbol("here") + 1, b"\x40")
    session.write_memory(done.symbol("initialized"), b"\x20")
    session.breakpoints.remove(1)
    assert session.resume().outcome == Exited(1 + 2 + 0x40 + 0x20 + 0x10)


def test_a_page_that_userfaultfd_must_bring_in_is_neither_read_nor_written(sessions: list[Session]) -> None:
    done = load(forwarding_guest("here:\n    mov byte ptr [rip + scratch], 1\n    jmp leave\n"))
    session = start(sessions, done)
    at(session, "here")
    session.resume()
    assert session.read_memory(REGION + PAGE, 8) == b""
    with pytest.raises(UsageError, match="cannot be written"):
        session.write_memory(REGION + PAGE - 4, bytes(8))
    assert not done.machine.memory.is_present(REGION)  # nothing, not even its first half


def test_a_write_across_pages_is_done_whole_or_not_at_all(sessions: list[Session]) -> None:
    done = load(COUNTER)
    session = start(sessions, done)
    mapped = done.vma_at(done.symbol("status"))
    assert mapped is not None
    with pytest.raises(UsageError, match="cannot be written"):
        session.write_memory(mapped.end - 4, b"abcdefgh")
    assert session.read_memory(mapped.end - 4, 8) == bytes(4)
    with pytest.raises(UsageError, match="cannot be written"):
        session.write_memory((1 << 64) - 4, b"abcdefgh")
    with pytest.raises(UsageError, match="cannot be written"):
        session.write_memory(-4, b"abcdefgh")


def at_signal(sessions: list[Session]) -> tuple[Session, Run]:
    done = load(SIGNAL)
    session = start(sessions, done)
    session.stops.signals = ()
    assert session.resume().why is Why.EVENT
    assert session.halt.moment.held
    return session, done


def test_at_a_signals_stop_a_change_leaves_the_signal_to_act(sessions: list[Session]) -> None:
    plain = load(SIGNAL)
    plain.go()
    session, done = at_signal(sessions)
    moment = session.halt.moment
    session.write_register(session.tid, "rbx", 5)
    assert not session.halt.moment.held
    assert session.halt.rip == done.symbol("after")
    assert session.halt.moment.instructions == moment.instructions
    assert session.resume().outcome == Exited(1)
    assert seen(done) == seen(plain)
    assert done.cpu.clock == plain.cpu.clock


def test_a_signal_that_is_dropped_does_not_act_however_often_the_session_returns(sessions: list[Session]) -> None:
    session, done = at_signal(sessions)
    session.drop_signal()
    here = session.halt.moment
    assert session.resume().outcome == Exited(0)
    session.go_to(here)
    assert session.halt.rip == done.symbol("after")
    assert session.resume().outcome == Exited(0)
    session.go_to_instruction(0)
    assert session.resume().why is Why.EVENT  # before the change, it came


def test_going_back_to_a_change_at_a_signal_finds_it_still_waiting(sessions: list[Session]) -> None:
    session, done = at_signal(sessions)
    session.write_memory(done.symbol("handled"), b"\x10")
    here = session.halt.moment
    session.resume()
    session.go_to(here)
    assert session.halt.rip == done.symbol("after")
    session.stops.signals = None
    assert session.resume().outcome == Exited(0x11)


def test_a_fatal_signal_waits_while_something_is_changed(sessions: list[Session]) -> None:
    done = load(plain_guest("    xor eax, eax\naccess:\n    mov edi, [rax]\n", "good: .quad 7"))
    session = start(sessions, done)
    session.stops.signals = ()
    assert session.resume().why is Why.EVENT
    session.write_register(session.tid, "rbx", 1)
    killed = session.resume().outcome
    assert isinstance(killed, Killed)
    assert "access" in str(killed)
    session.reverse_resume()
    session.write_register(session.tid, "rax", done.symbol("good"))
    session.drop_signal()
    assert session.resume().outcome == Exited(7)


def test_only_at_a_signal_there_is_one_to_drop(sessions: list[Session]) -> None:
    session = start(sessions, load(SIGNAL))
    with pytest.raises(UsageError, match="has not stopped at a signal"):
        session.drop_signal()
