"""Receivers that end, sleep, are preempted, or run out of memory: what becomes of their UPIDs."""

from __future__ import annotations

import pytest

from pffemu import Deadlock, Exited, Killed
from pffemu.arch import upid
from pffemu.events.hw import SendUipi
from pffemu.events.kernel import ThreadBlocked
from tests.guest_tools import load, plain_guest, run
from tests.uintr_guests import CLONE, DATA, HANDLER, REGISTER, SELF, WAIT

# A receiver thread registers, waits for `handled` interrupts and ends while its sender goes on; then another one comes.
_MORTAL = """
    lea r15, [rip + finished]
    {clone_first}
1:  pause
    cmp dword ptr [rip + word], 1
    jne 1b
    xor ebx, ebx
2:  xor eax, eax
    senduipi rax
    mov eax, SYS_sched_yield
    syscall
    inc ebx
    cmp ebx, 40
    jb 2b
    cmp qword ptr [rip + handled], 0
    je wrong
    mov rax, [rip + handled]
    mov [rip + mask], rax
    {clone_second}
3:  pause
    cmp dword ptr [rip + word], 2
    jne 3b
    xor ebx, ebx
4:  xor eax, eax
    senduipi rax
    mov eax, SYS_sched_yield
    syscall
    inc ebx
    cmp ebx, 40
    jb 4b
    mov rax, [rip + handled]
    cmp rax, [rip + mask]
    jne wrong
    xor edi, edi
    jmp leave_with_edi
first:
    {register}
    {self}
    mov dword ptr [rip + word], 1
    stui
5:  pause
    cmp qword ptr [rip + handled], 3
    jb 5b
    {end}
second:
    {register}
    stui
    mov dword ptr [rip + word], 2
6:  pause
    jmp 6b
"""
_END = "mov eax, SYS_exit\n xor edi, edi\n syscall\n"
_UNREGISTER_AND_END = "mov eax, SYS_uintr_unregister_handler\n xor edi, edi\n syscall\n" + _END


@pytest.mark.parametrize("end", [_END, _UNREGISTER_AND_END], ids=["exit", "unregister"])
@pytest.mark.parametrize("cores", [1, 2, 3])
def test_a_sender_to_a_receiver_that_has_ended_reaches_nobody_else(end: str, cores: int) -> None:
    body = _MORTAL.format(
        clone_first=CLONE.format(top=4096, entry="first"),
        clone_second=CLONE.format(top=8192, entry="second"),
        register=REGISTER.format(flags=0),
        self=SELF.format(vector=5, index=0),
        end=end,
    )
    done = run(plain_guest(body + HANDLER, DATA), cpus=cores)
    assert done.stop == Exited(0)
    sent = done.of(SendUipi)
    assert len(sent) == 80
    assert len({event.upid for event in sent}) == 1


def test_a_upid_is_used_again_only_when_nobody_can_send_to_it() -> None:
    loaded = load(plain_guest("mov edi, 0\njmp leave_with_edi\n"))
    uintr, task = loaded.machine.kernel.uintr, loaded.machine.process.tasks[0]
    first = uintr.upids.create(task)
    table = uintr.tables.create()
    uintr.tables.connect(table, first, 5, 1, None)
    uintr.upids.release(first)  # the thread has ended
    second = uintr.upids.create(task)
    assert second.address != first.address
    uintr.tables.disconnect(table, 0)
    third = uintr.upids.create(task)
    assert third.address == first.address
    assert uintr.upids.posted(third) == uintr.upids.control(third) == 0


def test_a_preempted_receiver_has_sn_set_and_ndst_where_it_ran() -> None:
    body = (
        REGISTER.format(flags=0)
        + SELF.format(vector=1, index=0)
        + CLONE.format(top=4096, entry="other")
        + "1: pause\n jmp 1b\nother: mov eax, SYS_gettid\n syscall\n jmp other\n"
    )
    loaded = load(plain_guest(body + HANDLER, DATA), cpus=1).to_checkpoint()
    machine = loaded.machine
    task = machine.process.tasks[0]
    assert task.receiver is not None
    control = machine.kernel.uintr.upids.control(task.receiver)
    assert control & upid.SN
    assert control >> upid.NDST_SHIFT == machine.cpus[0].apic.ndst
    assert control >> upid.NV_SHIFT & 0xFF == 0xEC
    assert machine.cpus[0].uintr.uinv == 0


def test_a_sleeping_receiver_has_the_kernels_vector() -> None:
    body = (
        REGISTER.format(flags="0x2000")
        + CLONE.format(top=4096, entry="other")
        + WAIT.format(usec=30, check="")
        + "xor edi, edi\njmp leave_with_edi\n"
        + "other: mov ecx, 30000\n1: loop 1b\n mov eax, SYS_gettid\n syscall\n jmp other\n"
    )
    loaded = load(plain_guest(body + HANDLER, DATA), cpus=2).to_checkpoint()
    assert loaded.of(ThreadBlocked)
    machine = loaded.machine
    receiver = machine.process.tasks[0].receiver
    assert receiver is not None
    control = machine.kernel.uintr.upids.control(receiver)
    assert not control & upid.SN
    assert control & upid.BLKD
    assert control >> upid.NV_SHIFT & 0xFF == 0xEB
    loaded.go()
    assert loaded.stop == Exited(0)
    assert not machine.kernel.uintr.switch.sleepers


def test_a_notification_wakes_only_those_it_is_for() -> None:
    machine = load(plain_guest("mov edi, 0\njmp leave_with_edi\n"), cpus=2).machine
    uintr, task = machine.kernel.uintr, machine.process.tasks[0]
    here, there = (uintr.upids.create(task) for _ in range(2))
    for receiver, cpu in ((here, machine.cpus[0]), (there, machine.cpus[1])):
        uintr.upids.change(receiver, 0, upid.ON | cpu.apic.ndst << upid.NDST_SHIFT)
        uintr.switch.sleepers.append(receiver)
    assert uintr.switch.notified(machine.cpus[0]) == [here]
    assert uintr.switch.notified(machine.cpus[1]) == [there]
    uintr.upids.change(here, upid.ON)
    assert not uintr.switch.notified(machine.cpus[0])


# -- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("xor eax, eax\n senduipi rax\n", "call uintr_register_sender or uintr_register_self first"),
        (
            "mov eax, SYS_uintr_ipi_fd\n xor edi, edi\n syscall\n mov eax, 7\n senduipi rax\n",
            "use the index that the registration returned",
        ),
        ("settimer rax\n", "call xui_kb_timer first"),
    ],
)
def test_a_guest_that_dies_of_it_is_told_what_to_do(body: str, message: str) -> None:
    stop = run(plain_guest(body)).stop
    assert isinstance(stop, Killed)
    assert message in stop.message


@pytest.mark.parametrize(
    "call",
    [
        "mov eax, SYS_uintr_register_handler\n lea rdi, [rip + handler]\n xor esi, esi\n",
        "mov eax, SYS_uintr_ipi_fd\n xor edi, edi\n",
    ],
)
def test_without_memory_it_is_enomem(call: str) -> None:
    loaded = load(plain_guest(f"{call} syscall\n mov rdi, rax\n neg rdi\n jmp leave_with_edi\n" + HANDLER, DATA))
    frames = loaded.machine.kernel.frames
    while frames.free_frames:
        frames.take()
    assert loaded.go() == Exited(12)


# -- the first form of uintr_wait -------------------------------------------------------------------------------------

_FOREVER = (
    REGISTER.format(flags=0)
    + SELF.format(vector=1, index=0)
    + CLONE.format(top=4096, entry="other")
    + "mov eax, SYS_uintr_wait\n mov edi, {flags}\n mov esi, 77\n syscall\n"
    + "mov rdi, rax\n neg rdi\n jmp leave_with_edi\n"
    + "other: mov ecx, 30000\n1: loop 1b\n{send}2: pause\n jmp 2b\n"
)


def test_in_its_first_form_uintr_wait_takes_flags_and_asks_for_no_waiting_flag() -> None:
    body = _FOREVER.format(flags=0, send="xor eax, eax\n senduipi rax\n") + HANDLER
    assert run(plain_guest(body, DATA), cpus=2, uintr_wait_forever=True).stop == Exited(4)  # EINTR
    body = _FOREVER.format(flags=1, send="") + HANDLER
    assert run(plain_guest(body, DATA), cpus=2, uintr_wait_forever=True).stop == Exited(22)  # EINVAL


def test_in_its_first_form_uintr_wait_has_no_limit() -> None:
    body = _FOREVER.format(flags=0, send="mov eax, SYS_exit\n xor edi, edi\n syscall\n") + HANDLER
    done = run(plain_guest(body, DATA), cpus=2, uintr_wait_forever=True)
    assert isinstance(done.stop, Deadlock)
    assert "waits for a user interrupt" in done.stop.message
