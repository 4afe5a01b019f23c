"""execve ends a thread's life as a receiver and sender: the new program starts as every program does."""

from __future__ import annotations

import pytest

from pffemu import Exited, Killed
from pffemu.arch.exceptions import PF
from pffemu.events.hw import HandlerEntered, SendUipi
from pffemu.events.kernel import ForwardingSwitched
from pffemu.hw.cpu import KbTimer, UintrState
from tests.guest_tools import CHECKPOINT, Run, load, plain_guest
from tests.uintr_guests import CLONE, DATA, HANDLER, REGISTER, SELF

_AGAIN = """
    mov eax, SYS_execve
    lea rdi, [rip + path]
    lea rsi, [rip + words]
    lea rdx, [rip + nothing]
    syscall
    jmp wrong
"""
_DATA = (
    DATA
    + """
path:    .asciz "/proc/self/exe"
.balign 8
words:   .quad path, path
nothing: .quad 0
"""
)
_TIMER = "mov eax, 1000\n mov edi, 3\n mov esi, 1\n syscall\n mov eax, 5000\n settimerp rax\n"


def guest(first: str, second: str, **options: object) -> Run:
    """`first`, and after execve `second`, which ends at its checkpoint."""
    body = f"cmp qword ptr [rsp], 2\n je second\n{first}{_AGAIN}second:\n{CHECKPOINT}{second}\n{HANDLER}"
    return load(plain_guest(body, _DATA), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("cores", [1, 2])
def test_nothing_of_a_receiver_is_left_on_its_core(cores: int) -> None:
    first = REGISTER.format(flags="UINTR_HANDLER_FLAG_FORWARD_PF") + SELF.format(vector=5, index=0) + "stui\n" + _TIMER
    done = guest(first, "jmp second", cpus=cores).to_checkpoint()
    cpu, (task,) = done.cpu, done.machine.process.tasks
    assert [event[3:] for event in done.of(ForwardingSwitched)] == [(PF, 1), (PF, 0)]
    assert cpu.apic.forwarding_active == 0
    assert cpu.uintr is task.uintr
    assert task.uintr == UintrState()
    assert cpu.kb_timer is task.kb_timer
    assert task.kb_timer == KbTimer(user_vector=3)
    assert (task.receiver, task.handler_registered) == (None, False)
    assert not done.machine.kernel.uintr.switch.sleepers


def test_uif_of_a_thread_that_was_no_receiver_is_cleared_too() -> None:
    done = guest("stui\n", "").to_checkpoint()
    assert not done.cpu.uintr.uif


def test_senduipi_of_the_new_program_is_sigill() -> None:
    first = REGISTER.format(flags=0) + SELF.format(vector=5, index=0) + "senduipi rax\n"
    stop = guest(first, "xor eax, eax\n senduipi rax\n jmp wrong").go()
    assert isinstance(stop, Killed)
    assert "registered nowhere as a sender" in str(stop)


@pytest.mark.parametrize("flags", [0, 0x1000])
@pytest.mark.parametrize("cores", [1, 2, 3])
def test_senders_of_a_receiver_that_execs_reach_nobody(flags: int, cores: int) -> None:
    # the child has its parent's table and goes on sending; the parent execs, and registers again
    first = (
        REGISTER.format(flags=flags) + SELF.format(vector=5, index=0)
        + "stui\n mov eax, SYS_fork\n syscall\n test eax, eax\n jz child\n"
        + "1: pause\n cmp qword ptr [rip + handled], 3\n jb 1b\n"
    )  # fmt: skip
    second = (
        REGISTER.format(flags=flags) + "stui\n mov ecx, 20000\n 1: loop 1b\n mov edi, 0\n"
        + "cmp qword ptr [rip + handled], 0\n jne wrong\n jmp leave_with_edi\n"
        + "child:\n 2: xor eax, eax\n senduipi rax\n mov ecx, 50\n 3: loop 3b\n jmp 2b\n"
    )  # fmt: skip
    done = guest(first, second, cpus=cores, outlive=False)
    assert done.go(5_000_000) == Exited(0)
    sent = done.of(SendUipi)
    last = max(event.time for event in done.of(HandlerEntered))
    assert any(event.time > last for event in sent)
    assert len({event.upid for event in sent}) == 1


def test_execve_in_one_thread_ends_the_others_as_receivers() -> None:
    other = "other:\n" + REGISTER.format(flags="UINTR_HANDLER_FLAG_FORWARD_PF") + SELF.format(vector=6, index=0)
    first = CLONE.format(top=4096, entry="other") + "1: pause\n cmp qword ptr [rip + word], 0\n je 1b\n"
    second = f"xor edi, edi\n jmp leave_with_edi\n{other} stui\n inc qword ptr [rip + word]\n 2: jmp 2b\n"
    done = guest(first, second, cpus=2).to_checkpoint()
    for cpu in done.machine.cpus:
        assert cpu.apic.forwarding_active == 0
        assert (cpu.uintr.uif, cpu.uintr.uinv, cpu.uintr.upidaddr, cpu.uintr.uitt_enabled) == (False, 0, 0, False)
    assert done.go() == Exited(0)
