"""Guests whose threads send each other user interrupts, wired from outside: UPIDs and UITTs lie in the guest's data.

The kernel's own way (uintr_register_handler, ...) has its tests in tests/system; here the hardware is alone.
"""

from __future__ import annotations

from typing import Any

from pffemu.arch import uitt, upid
from pffemu.arch.uitt import UittEntry
from pffemu.arch.upid import Upid
from tests.guest_tools import Run, load, plain_guest, start_thread

NOTIFICATION_VECTOR = 0xEC
DATA = """
.balign 64
upids: .zero 64 * 64
uitts: .zero 16 * 64 * 64
count: .quad 0
up: .quad 0
go: .quad 0
.zero 8192
child_stack: .quad 0
"""


def upid_of(run: Run, thread: int) -> Upid:
    return upid.unpack(run.machine.memory.read(run.symbol("upids") + 64 * thread, upid.SIZE))


def wire(run: Run, thread: int, handler: str, targets: list[tuple[int, int]], *, uif: bool = False) -> None:
    """Make process thread `thread` a receiver on its core, and a sender to `targets`: (thread, user vector) each."""
    memory, task = run.machine.memory, run.machine.process.tasks[thread]
    state, core = task.uintr, run.machine.cpus[task.cpu_index]
    state.handler, state.stackadjust, state.uif = run.symbol(handler), 128, uif
    state.uinv, state.upidaddr = NOTIFICATION_VECTOR, run.symbol("upids") + 64 * thread
    memory.write(state.upidaddr, Upid(nv=NOTIFICATION_VECTOR, ndst=core.apic.ndst).pack())
    state.uittaddr, state.uittsz = run.symbol("uitts") + 1024 * thread, max(0, len(targets) - 1)
    state.uitt_enabled = bool(targets)
    for index, (target, vector) in enumerate(targets):
        entry = UittEntry(vector, run.symbol("upids") + 64 * target)
        memory.write(state.uittaddr + uitt.ENTRY_SIZE * index, entry.pack())


def ping_pong(rounds: int, wait: str = "") -> str:
    """Two threads; thread 0 sends first and counts the answers. Stops at `ready` before anything is sent.

    `wait`: an instruction of the loops they wait in; with "" an interrupt is taken within a cycle of its arrival.
    """
    return f"""
    xor ebx, ebx
    {start_thread("child_stack", "child")}
wait:
    cmp qword ptr [rip + up], 0
    je wait
ready:
    stui
    senduipi rbx
again:
    {wait}
    jmp again
child:
    stui
    inc qword ptr [rip + up]
spin:
    {wait}
    jmp spin
pong:
    add rsp, 8
    inc qword ptr [rip + count]
    cmp qword ptr [rip + count], {rounds}
    mov edi, 0
    je leave_with_edi
    senduipi rbx
answered:
    uiret
ping:
    add rsp, 8
    senduipi rbx
    uiret
"""


SPAWN = """
spawn:                              # R13 threads at `child`, numbered 1, 2, ... in RBX, each on 1 KiB of stack
    xor r12d, r12d
1:  inc r12
    mov rbx, r12
    mov rsi, r12
    shl rsi, 10
    lea rax, [rip + stacks]
    add rsi, rax
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test rax, rax
    jz child
    cmp r12, r13
    jne 1b
    xor ebx, ebx
    ret
"""
STACKS = """
.balign 64
stacks: .zero 1024 * 65
"""


def load_many(source: str, threads: int, **options: Any) -> Run:
    """`threads` threads, thread 0 at `ready` when all have counted themselves in `up`; the others wait for `go`."""
    run = load(plain_guest(f"mov r13d, {threads - 1}\ncall spawn\n{source}\n{SPAWN}", DATA + STACKS), **options)
    run.machine.run(until=["ready"])
    return run


def load_ping_pong(rounds: int, wait: str = "") -> Run:
    """At `ready`, both threads wired."""
    run = load(plain_guest(ping_pong(rounds, wait), DATA), cpus=2)
    run.machine.run(until=["ready"])
    wire(run, 0, "pong", [(1, 5)])
    wire(run, 1, "ping", [(0, 7)], uif=True)
    return run
