"""A guest whose threads do what the test tells them: each sleeps at a box of its own for its next call or access.

The first thread is the hand: alone in its process, out of reach of signals, it makes the calls that wake the others.
They share its memory and files, but not its signals. All that is done to the machine is recorded, to be done again.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from kernel_model.task.task import Task, TaskState
from pffemu import Deadlock, Machine
from pffemu.arch.registers import MASK64
from pffemu.machine.memory import GuestMemory
from tests.guest_tools import Run, load, plain_guest

BOXES: Final = 64
BOX: Final = 128
SCRATCH: Final = 256  # bytes of memory that a box's thread has for arguments
STACK: Final = 8192
CALL, LOAD, STORE, STUI, CLUI, TIMER, SENDUIPI = range(7)
_RESULT, _DONE = 80, 88
_SHORTEST: Final = 24  # instructions from a wake-up to the answer, at least
_FEW: Final = 3  # fewer than from the answer to the next sleep, which may let time pass
_BODY: Final = f"""
    lea r15, [rip + boxes]
    lea rsp, [rip + stacks + {STACK}]
idle:
    mov eax, SYS_futex
    mov rdi, r15
    mov esi, FUTEX_WAIT | FUTEX_PRIVATE_FLAG
    xor edx, edx
    xor r10d, r10d
    syscall
    cmp dword ptr [r15], 0
    je idle
    mov dword ptr [r15], 0
    mov rax, [r15 + 8]
    mov rdi, [r15 + 16]
    mov rsi, [r15 + 24]
    mov rdx, [r15 + 32]
    mov r10, [r15 + 40]
    mov r8, [r15 + 48]
    mov r9, [r15 + 56]
    mov ecx, [r15 + 64]
    mov r14, [r15 + 72]
    cmp ecx, {LOAD}
    je load
    cmp ecx, {STORE}
    je store
    cmp ecx, {STUI}
    je enable
    cmp ecx, {CLUI}
    je disable
    cmp ecx, {TIMER}
    je timer
    cmp ecx, {SENDUIPI}
    je post
    syscall
    test rax, rax
    jnz answer
    test r14, r14
    jz answer
    mov r15, r14                # a new thread
    jmp idle
answer:
    mov [r15 + {_RESULT}], rax
    inc qword ptr [r15 + {_DONE}]
    jmp idle
load:
    movzx eax, byte ptr [rdi]
    jmp answer
store:
    mov byte ptr [rdi], 1
    xor eax, eax
    jmp answer
enable:
    stui
    nop
    xor eax, eax
    jmp answer
disable:
    clui
    xor eax, eax
    jmp answer
timer:
    settimer rdi
    xor eax, eax
    jmp answer
post:
    senduipi rdi
    xor eax, eax
    jmp answer
on_signal:
    ret
restorer:
    mov eax, SYS_rt_sigreturn
    syscall
on_user_interrupt:
    add rsp, 8
    uiret
"""
_DATA: Final = f"""
boxes:    .zero {BOXES * BOX}
scratch:  .zero {BOXES * SCRATCH}
words:    .zero 64
.balign 4096
zeros:    .zero 12288
sink:     .zero 12288
.balign 16
stacks:   .zero {BOXES * STACK}
"""


def puppet_run(**options: Any) -> Run:
    """A machine whose first thread sleeps at its box."""
    run = load(plain_guest(_BODY, _DATA), **({"cpus": 2} | options))
    assert isinstance(run.go(), Deadlock)
    return run


class Puppets:
    """`log`: what was done to the machine, for `repeat`."""

    def __init__(self, run: Run) -> None:
        self.machine: Machine = run.machine
        self.symbols = {name: run.symbol(name) for name in run.machine.symbols}
        self.log: list[tuple[Any, ...]] = []
        self._next_box = self.boxes_at_start = 1

    # -- what is done to the machine, and recorded ----------------------------------------------------------------

    def poke(self, pid: int, address: int, data: bytes) -> None:
        """Store into a process's memory."""
        self._do("poke", pid, address, data)

    def run(self, budget: int) -> Any:
        """Let the machine run."""
        return self._do("run", budget)

    def _ring(self, pid: int, box: int) -> None:
        """FUTEX_WAKE at a box, by the core that is furthest ahead: no thread is woken in its past."""
        self._do("ring", pid, box)

    def _do(self, *what: Any) -> Any:
        self.log.append(what)
        return self.repeat(*what)

    def repeat(self, kind: str, *arguments: Any) -> Any:
        """Do once more what was recorded."""
        kernel = self.machine.kernel
        if kind == "run":
            return self.machine.run(*arguments)
        pid, address, *rest = arguments
        mm = kernel.processes[pid].mm
        if kind == "poke":
            GuestMemory(self.machine.ram, mm, self.machine.cpus).write(address, rest[0])
        else:
            kernel.futexes.wake(max(self.machine.cpus, key=lambda cpu: cpu.clock), (mm, address, True), 1)
        return None

    def begin(self) -> None:
        """The machine is again as it was when `self.boxes_at_start` were in use: nothing was done yet."""
        self.log.clear()
        self._next_box = self.boxes_at_start

    # -- threads --------------------------------------------------------------------------------------------------

    def task(self, tid: int) -> Task | None:
        """A living thread by its number."""
        return next((task for task in self.tasks() if task.tid == tid), None)

    def tasks(self) -> list[Task]:
        return [task for process in self.machine.kernel.processes.values() for task in process.tasks]

    def box(self, task: Task) -> int:
        return self.machine.kernel.scheduler.registers_of(task).word("r15")

    def is_idle(self, task: Task) -> bool:
        """It sleeps at its box."""
        return task.state is TaskState.BLOCKED and task.why.startswith(f"futex {self.box(task):#x} ")

    def idle(self) -> list[Task]:
        """Those that can be told something, without the hand."""
        return [task for task in self.tasks() if task.tid != 1 and self.is_idle(task)]

    def word(self, task: Task, offset: int) -> int:
        """Of the thread's box."""
        memory = GuestMemory(self.machine.ram, task.process.mm, self.machine.cpus)
        return memory.read_u64(self.box(task) + offset)

    def done(self, task: Task) -> int:
        """How often the thread has answered."""
        return self.word(task, _DONE)

    def result(self, task: Task) -> int:
        """Of the thread's last call, signed."""
        value = self.word(task, _RESULT)
        return value - (1 << 64) if value >> 63 else value

    def new_box(self) -> int:
        """For a thread to be."""
        self._next_box += 1
        assert self._next_box <= BOXES
        return self.symbols["boxes"] + BOX * (self._next_box - 1)

    @property
    def boxes_used(self) -> int:
        return self._next_box

    @property
    def has_boxes(self) -> bool:
        return self._next_box < BOXES - 6

    def scratch_of(self, box: int) -> int:
        return self.symbols["scratch"] + (box - self.symbols["boxes"]) // BOX * SCRATCH

    def stack_of(self, box: int) -> int:
        """Its upper end."""
        return self.symbols["stacks"] + ((box - self.symbols["boxes"]) // BOX + 1) * STACK

    def tell(self, task: Task, number: int, *arguments: int, kind: int = CALL, child: int = 0) -> None:
        """The thread, which is idle, makes this call next. `child`: the box of the thread it makes."""
        box, pid = self.box(task), task.process.pid
        if child:
            self.poke(pid, child, bytes(BOX))
        words = [number, *arguments, *[0] * (6 - len(arguments)), kind, child]
        self.poke(pid, box + 8, struct.pack("<9Q", *(word & MASK64 for word in words)))
        self.poke(pid, box, struct.pack("<I", 1))
        self._ring(pid, box)

    def answer_of(self, task: Task, number: int, *arguments: int, kind: int = CALL, child: int = 0) -> int:
        """Tell the thread, and run until it has answered."""
        tid, before = task.tid, self.done(task)
        self.tell(task, number, *arguments, kind=kind, child=child)
        self.run(_SHORTEST)
        for _ in range(2000):
            task_now = self.task(tid)
            assert task_now is not None
            if self.done(task_now) > before:
                return self.result(task_now)
            self.run(_FEW)
        raise AssertionError(f"thread {tid} does not answer to call {number}")

    def hand(self, number: int, *arguments: int, kind: int = CALL, child: int = 0) -> int:
        """A call of the first thread."""
        task = self.task(1)
        assert task is not None
        for _ in range(100):
            if self.is_idle(task):
                break
            self.run(20)
            task = self.task(1)
            assert task is not None
        return self.answer_of(task, number, *arguments, kind=kind, child=child)
