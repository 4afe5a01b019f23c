"""What the ways into hardware and kernel cost on every host: Python calls, engine starts, TLB fills, instructions.

Each number is that of one more fault, call or signal. Instructions are exact. The others are upper bounds, calls with a
few percent to spare: a change that makes a path cheaper lowers them here, one that makes it dearer has to say why.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pytest

from guest.build import guest
from guest.workloads import RESULT_FD, FaultWorkload
from pffemu import CpuOptions, Exited, Machine, Mode, compiled
from tests.guest_tools import handle, plain_guest

pytestmark = pytest.mark.skipif(compiled.IN_USE, reason="compiled code makes no Python calls")

FEW, MANY = 16, 48
HOOK = "_python_hook"  # what the engine calls at a fill and at a block, and a compiler would take away
NOT_COMPILED = CpuOptions(compiled=False)


@dataclass(frozen=True)
class Work:
    calls: float
    starts: float
    fills: float
    instructions: float


class Nowhere:
    def write(self, data: bytes, /) -> None:
        pass


def counted(machine: Machine) -> Work:
    """The work of a whole run."""
    names: Counter[str] = Counter()
    in_hook = False

    def note(frame: FrameType, event: str, _: Any) -> None:
        nonlocal in_hook
        code = frame.f_code
        is_hook = code.co_name == HOOK
        if event == "call" and not in_hook:
            names[code.co_qualname if is_hook else code.co_name] += 1
        in_hook = event == "call" if is_hook else in_hook

    sys.setprofile(note)
    try:
        stop = machine.run()
    finally:
        sys.setprofile(None)
    assert stop == Exited(0)
    fills, blocks = names.pop(f"TlbFill.{HOOK}"), names.pop(f"BlockCounter.{HOOK}")
    assert blocks
    return Work(names.total(), names["_start_once"], fills, machine.instructions)


def one_more(machine: Callable[[int], Machine]) -> Work:
    machines = [machine(FEW), machine(FEW), machine(MANY)]
    machines[0].run()  # what is made once for the process
    gc.collect()
    gc.disable()  # it would call finalizers
    try:
        less, more = counted(machines[1]), counted(machines[2])
    finally:
        gc.enable()
    return Work(*((getattr(more, name) - getattr(less, name)) / (MANY - FEW) for name in Work.__dataclass_fields__))


def faulting(mode: Mode, pages: int) -> Machine:
    workload = FaultWorkload(pages, copy=False)
    machine = Machine(mode=mode, ram=workload.ram, cpu=NOT_COMPILED)
    machine.open_output(RESULT_FD, "result", Nowhere())
    machine.load(guest(workload.guest), workload.arguments)
    return machine


def loop(times: int, call: str, before: str = "", after: str = "", data: str = "") -> Machine:
    machine = Machine(mode=Mode.KERNEL, cpu=NOT_COMPILED, stdout=Nowhere())
    repeated = f"again:\n{call}\nsyscall\ndec ebx\njnz again\n"
    end = f"xor edi, edi\njmp leave_with_edi\n{after}"
    machine.load(plain_guest(f"{before}\nmov ebx, {times}\n{repeated}{end}", data))
    return machine


CALLS = {
    "getpid": "mov eax, SYS_getpid",
    "clock_gettime": "mov eax, SYS_clock_gettime\nmov edi, 1\nlea rsi, [rip + word]",
    "futex wake": "mov eax, SYS_futex\nlea rdi, [rip + word]\nmov esi, 129\nmov edx, 1",
    "write": "mov eax, SYS_write\nmov edi, 1\nlea rsi, [rip + word]\nmov edx, 1",
}
SIGNAL = "mov eax, SYS_tgkill\nmov edi, r12d\nmov esi, r12d\nmov edx, SIGUSR1"
HANDLER = "handler: ret\nrestorer: mov eax, SYS_rt_sigreturn\nsyscall\n"
ACTION = "word: .quad 0, 0\naction: .quad handler, SA_RESTORER, restorer, 0"

SWEEPS = """
    mov eax, SYS_mmap
    xor edi, edi
    mov esi, {bytes}
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    xor r9d, r9d
    syscall
    mov ebx, {rounds}
sweep:
    xor ecx, ecx
touch:
    inc qword ptr [rax + rcx]
    add ecx, PAGE
    cmp ecx, {bytes}
    jb touch
    dec ebx
    jnz sweep
    xor edi, edi
"""


@pytest.mark.parametrize(
    ("mode", "work"),
    [
        (Mode.PFF, Work(212, 3, 2, 58.25)),
        (Mode.UFFD, Work(474, 3, 2, 56.25)),
        (Mode.KERNEL, Work(88, 1, 2, 20.25)),
    ],
)
def test_one_more_page_fault(mode: Mode, work: Work) -> None:
    is_within(one_more(lambda pages: faulting(mode, pages)), work)


@pytest.mark.parametrize(
    ("name", "work"),
    [
        ("getpid", Work(40, 1, 0, 4)),
        ("clock_gettime", Work(52, 1, 0, 6)),
        ("futex wake", Work(47, 1, 0, 7)),
        ("write", Work(64, 1, 0, 7)),
    ],
)
def test_one_more_system_call(name: str, work: Work) -> None:
    is_within(one_more(lambda times: loop(times, CALLS[name], data=ACTION, after=HANDLER)), work)


def test_one_more_signal_to_its_handler_and_back() -> None:
    before = handle("SIGUSR1") + "mov eax, SYS_getpid\nsyscall\nmov r12d, eax\n"
    is_within(one_more(lambda times: loop(times, SIGNAL, before, HANDLER, ACTION)), Work(222, 2, 0, 10))


def is_within(found: Work, stated: Work) -> None:
    assert found.instructions == stated.instructions
    assert found.starts <= stated.starts
    assert found.fills <= stated.fills
    assert found.calls <= stated.calls


def test_the_tlb_grows_to_what_the_guest_uses() -> None:
    pages, rounds = 1024, 40
    machine = Machine(mode=Mode.KERNEL, cpu=NOT_COMPILED)
    machine.load(plain_guest(SWEEPS.format(bytes=pages * 4096, rounds=rounds)))
    assert counted(machine).fills < pages * rounds / 3
