"""Senders and receivers on several cores: whatever a receiver does meanwhile, nothing is lost and nothing invented.

Each sender has a user vector and a sequence number of its own, which it raises before every SENDUIPI; the receiver's
handler notes the number it finds. At the end it must have seen the last one of each, and no more handlers than sends.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from pffemu import Deadlock, Exited
from pffemu.arch import upid
from pffemu.debug.machine_hash import machine_hash
from pffemu.debug.snapshot import put_back, take
from pffemu.events import FramePushed, SendUipi, ThreadBlocked
from tests.guest_tools import Run, load, plain_guest, run

_CLONE = """
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    lea rsi, [rip + stacks + {top}]
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test rax, rax
    jz {entry}
"""
_REGISTER = """
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + handler]
    mov esi, {flags}
    syscall
    test rax, rax
    jnz wrong
"""
_SELF = """
    mov eax, SYS_uintr_register_self
    mov edi, {vector}
    xor esi, esi
    syscall
    cmp rax, {index}
    jne wrong
"""
# RBX: the sender's number. Sends as often as `sends` says, waiting a while before each.
_SENDER = """
sender_{i}:
    mov r12d, {sends}
1:  mov ecx, {delay}
2:  dec ecx
    jnz 2b
    inc qword ptr [rip + sequence + 8 * {i}]
    mov eax, {i}
    senduipi rax
    dec r12d
    jnz 1b
    mov dword ptr [rip + finished + 4 * {i}], 1
    mov eax, SYS_exit
    xor edi, edi
    syscall
"""
_HANDLER = """
handler:
    push rax
    push rcx
    push rdx
    lea rcx, [rip + sequence]
    lea rdx, [rip + seen]
    mov rax, [rsp + 24]
    inc qword ptr [rip + handled]
    mov rcx, [rcx + 8 * rax]
    mov [rdx + 8 * rax], rcx
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret
wrong:
    mov edi, 99
    jmp leave_with_edi
"""
_DATA = """
sequence: .zero 512
seen:     .zero 512
handled:  .quad 0
finished: .zero 64
word:     .quad 0
mask:     .quad 0
.balign 16
stacks:   .zero 36864
"""
# Ends when every sender has finished and its last number was seen. UIF is 0 between the look and the sleep, so that
# what arrives between them ends the sleep at once.
_DONE = """
    clui
    xor r14d, r14d
    mov ecx, {senders}
3:  lea rdx, [rip + finished]
    cmp dword ptr [rdx + 4 * rcx - 4], 0
    je 4f
    lea rdx, [rip + sequence]
    mov rax, [rdx + 8 * rcx - 8]
    lea rdx, [rip + seen]
    cmp rax, [rdx + 8 * rcx - 8]
    jne 4f
    loop 3b
    xor edi, edi
    jmp leave_with_edi
4:
"""
_WAIT = """
    mov eax, SYS_uintr_wait
    mov edi, {usec}
    xor esi, esi
    syscall
    {check}
    stui
    nop
"""
_WOKEN = "cmp rax, -EINTR\n jne wrong"
_OPERATIONS = {
    "spin": "stui\n mov ecx, 700\n5: loop 5b\n",
    "masked": "mov ecx, 900\n5: loop 5b\n stui\n nop\n",
    "yield": "stui\n mov eax, SYS_sched_yield\n syscall\n",
    "nap": _WAIT.format(usec=3, check=""),
    "again": (
        "stui\n nop\n clui\n mov eax, SYS_uintr_unregister_handler\n xor edi, edi\n syscall\n"
        + _REGISTER.format(flags="FLAGS")
        + "stui\n nop\n"
    ),
    **{
        f"core{core}": (
            f"mov qword ptr [rip + mask], {1 << core}\n mov eax, SYS_sched_setaffinity\n xor edi, edi\n"
            " mov esi, 8\n lea rdx, [rip + mask]\n syscall\n stui\n nop\n"
        )
        for core in range(4)
    },
}


@dataclass(frozen=True)
class Plan:
    """What happens: (sends, delay) of each sender, and what the receiver does again and again."""

    senders: tuple[tuple[int, int], ...]
    receiver: tuple[str, ...]
    flags: int
    cores: int

    def guest(self) -> str:
        n = len(self.senders)
        start = _REGISTER.format(flags=self.flags) + "".join(_SELF.format(vector=i, index=i) for i in range(n))
        start += "".join(_CLONE.format(top=4096 * (i + 1), entry=f"sender_{i}") for i in range(n))
        loop = "".join(
            f"{_DONE.format(senders=n)}{_OPERATIONS[step].replace('FLAGS', str(self.flags))}" for step in self.receiver
        )
        # in the end it sleeps, unless its registration has nobody wake it
        sleep = _WAIT.format(usec=1_000_000_000, check=_WOKEN) if self.flags else _OPERATIONS["spin"]
        loop += _DONE.format(senders=n) + sleep
        senders = "".join(
            _SENDER.format(i=i, sends=sends, delay=delay) for i, (sends, delay) in enumerate(self.senders)
        )
        return f"{start}again:\n{loop}\njmp again\n{senders}{_HANDLER}"


def check(plan: Plan, *, strict: bool) -> Run:
    done = run(plain_guest(plan.guest(), _DATA), cpus=plan.cores, upid_blkd=not strict)
    assert done.stop == Exited(0)
    sends = [sends for sends, _ in plan.senders]
    assert done.words("seen", len(sends)) == done.words("sequence", len(sends)) == sends
    assert len(sends) <= done.word("handled") <= sum(sends)
    assert done.word("handled") == len(done.of(FramePushed))
    return done


plans = st.integers(1, 4).flatmap(
    lambda cores: st.builds(
        Plan,
        senders=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 3000)), min_size=2, max_size=8).map(tuple),
        receiver=st.lists(
            st.sampled_from(["spin", "masked", "yield", "nap", "again", *(f"core{i}" for i in range(cores))]),
            max_size=5,
        ).map(tuple),
        flags=st.sampled_from((0, 0x1000, 0x2000)),
        cores=st.just(cores),
    )
)


@settings(max_examples=25, phases=(Phase.explicit, Phase.generate))
@example(plan=Plan(((12, 1),) * 8, (), 0x1000, 2), strict=False)
@example(plan=Plan(((12, 1),) * 8, (), 0x2000, 2), strict=True)
@example(plan=Plan(((12, 1),) * 8, ("core0", "core1", "nap"), 0x2000, 2), strict=True)
@given(plan=plans, strict=st.booleans())
def test_nothing_is_lost_and_nothing_invented(plan: Plan, strict: bool) -> None:
    check(plan, strict=strict)


def test_the_same_plan_gives_the_same_trace() -> None:
    plan = Plan(((9, 100), (7, 333), (5, 1000)), ("core1", "nap", "core2", "again"), 0x1000, 3)
    assert check(plan, strict=False).events == check(plan, strict=False).events


# -- receivers that end ----------------------------------------------------------------------------------------------

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
        clone_first=_CLONE.format(top=4096, entry="first"),
        clone_second=_CLONE.format(top=8192, entry="second"),
        register=_REGISTER.format(flags=0),
        self=_SELF.format(vector=5, index=0),
        end=end,
    )
    done = run(plain_guest(body + _HANDLER, _DATA), cpus=cores)
    assert done.stop == Exited(0)
    sent = done.of(SendUipi)
    assert len(sent) == 80
    assert len({event.upid for event in sent}) == 1


def test_a_upid_is_used_again_only_when_nobody_can_send_to_it() -> None:
    loaded = load(plain_guest("mov edi, 0\njmp leave_with_edi\n"))
    uintr, task = loaded.machine.kernel.uintr, loaded.machine.process.tasks[0]
    first = uintr.upids.create(task)
    table = uintr.tables.create()
    uintr.tables.connect(table, first, 5, None)
    uintr.upids.release(first)  # the thread has ended
    second = uintr.upids.create(task)
    assert second.address != first.address
    uintr.tables.disconnect(table, 0)
    third = uintr.upids.create(task)
    assert third.address == first.address
    assert uintr.upids.posted(third) == uintr.upids.control(third) == 0


def test_a_preempted_receiver_has_sn_set_and_ndst_where_it_ran() -> None:
    body = (
        _REGISTER.format(flags=0)
        + _SELF.format(vector=1, index=0)
        + _CLONE.format(top=4096, entry="other")
        + "1: pause\n jmp 1b\nother: mov eax, SYS_gettid\n syscall\n jmp other\n"
    )
    loaded = load(plain_guest(body + _HANDLER, _DATA), cpus=1).to_checkpoint()
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
        _REGISTER.format(flags="0x2000")
        + _CLONE.format(top=4096, entry="other")
        + _WAIT.format(usec=30, check="")
        + "xor edi, edi\njmp leave_with_edi\n"
        + "other: mov ecx, 30000\n1: loop 1b\n mov eax, SYS_gettid\n syscall\n jmp other\n"
    )
    loaded = load(plain_guest(body + _HANDLER, _DATA), cpus=2).to_checkpoint()
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


# -- the first form of uintr_wait -------------------------------------------------------------------------------------

_FOREVER = (
    _REGISTER.format(flags=0)
    + _SELF.format(vector=1, index=0)
    + _CLONE.format(top=4096, entry="other")
    + "mov eax, SYS_uintr_wait\n mov edi, {flags}\n mov esi, 77\n syscall\n"
    + "mov rdi, rax\n neg rdi\n jmp leave_with_edi\n"
    + "other: mov ecx, 30000\n1: loop 1b\n{send}2: pause\n jmp 2b\n"
)


def test_in_its_first_form_uintr_wait_takes_flags_and_asks_for_no_waiting_flag() -> None:
    body = _FOREVER.format(flags=0, send="xor eax, eax\n senduipi rax\n") + _HANDLER
    assert run(plain_guest(body, _DATA), cpus=2, uintr_wait_forever=True).stop == Exited(4)  # EINTR
    body = _FOREVER.format(flags=1, send="") + _HANDLER
    assert run(plain_guest(body, _DATA), cpus=2, uintr_wait_forever=True).stop == Exited(22)  # EINVAL


def test_in_its_first_form_uintr_wait_has_no_limit() -> None:
    body = _FOREVER.format(flags=0, send="mov eax, SYS_exit\n xor edi, edi\n syscall\n") + _HANDLER
    done = run(plain_guest(body, _DATA), cpus=2, uintr_wait_forever=True)
    assert isinstance(done.stop, Deadlock)
    assert "waits for a user interrupt" in done.stop.message


# -- snapshots --------------------------------------------------------------------------------------------------------


def test_a_snapshot_taken_while_interrupts_fly_goes_on_as_the_run_does() -> None:
    plan = Plan(((9, 100), (7, 333), (5, 1000)), ("core1", "nap", "core2", "again"), 0x1000, 3)
    program = plain_guest(plan.guest(), _DATA)
    whole = run(program, cpus=3)
    first, second = load(program, cpus=3), load(program, cpus=3)
    for budget in (20_000, 40_000, 60_000):
        first.machine.run(budget)
        put_back(second.machine, take(first.machine))
        assert machine_hash(second.machine) == machine_hash(first.machine)
    assert second.machine.run() == whole.stop == Exited(0)
    assert machine_hash(second.machine) == machine_hash(whole.machine)
