"""Helpers of tests that run guests: a small machine, a guest that forwards its faults, and the events of a run."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from guest.build import ASM, INCLUDE
from kernel_model.mm.vma import Vma
from pffemu import CpuOptions, Interrupted, Machine, Mode, Program, Stop, assemble
from pffemu.arch.paging import PAGE_SIZE
from pffemu.events.hw import MmuDecision
from pffemu.events.kernel import SyscallReturned
from pffemu.hw.cpu import Cpu

PAGE = PAGE_SIZE
REGION = 0x1000_0000  # where `forwarding_guest` maps its userfaultfd region
REGION_PAGES = 16
SMALL_RAM = 16 << 20
MASK = (1 << 64) - 1

_PREAMBLE = f"""
.include "pff.inc"
.equ PAGE, {PAGE}
.equ REGION, {REGION:#x}
.equ REGION_SIZE, {REGION_PAGES * PAGE:#x}
"""

# Everything behind `_start: call setup ...`: opens and registers the region, and asks for forwarding.
_SETUP = """
leave:
    xor edi, edi
leave_with_edi:
    mov eax, SYS_exit_group
    syscall
failed:
    mov edi, 99
    jmp leave_with_edi

setup:
    mov eax, SYS_mmap
    mov edi, REGION
    mov esi, REGION_SIZE
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE
    mov r8, -1
    xor r9d, r9d
    syscall
    mov eax, SYS_userfaultfd
    mov edi, UFFD_FLAGS
    syscall
    mov [rip + uffd], rax
    mov rdi, rax
    mov eax, SYS_ioctl
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    syscall
    test rax, rax
    jnz failed
    mov eax, SYS_ioctl
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + registration]
    syscall
    test rax, rax
    jnz failed
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + handler]
    mov esi, HANDLER_FLAGS
    syscall
    test rax, rax
    jnz failed
    ret
"""


def page_handler(first: str = "") -> str:
    """A handler that does `first`, brings the page in zeroed, and returns. ADDRESS_AT: offset in the frame."""
    return f"""
handler:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
{first}
    mov rdi, [rsp + 48 + ADDRESS_AT]
    and rdi, -PAGE
    mov [rip + zeropage], rdi
    mov qword ptr [rip + zeropage + 8], PAGE
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zeropage]
    syscall
    test rax, rax
    jnz failed
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, VECTOR_BYTES
    uiret
"""


# Copies the frame's six lowest words to the log first.
LOGGING_HANDLER = page_handler("""
    cld
    lea rsi, [rsp + 48]
    mov rdi, [rip + log_end]
    mov ecx, 6
    rep movsq
    mov [rip + log_end], rdi
""")

_DATA = """
.data
.balign 16
uffd:         .quad -1
api:          .quad UFFD_API, 0, 0
registration: .quad REGION, REGION_SIZE, UFFDIO_REGISTER_MODE_MISSING, 0
zeropage:     .quad 0, 0, 0, 0
log_end:      .quad log
.balign 16
scratch:      .zero 4096
log:          .zero 8192
"""

CHECKPOINT = """
    mov eax, SYS_gettid
    syscall
"""


def build(source: str) -> Program:
    """Assemble with the guest includes in reach."""
    return assemble(source, include_dirs=(ASM, INCLUDE))


def forwarding_guest(
    body: str, *, handler: str = LOGGING_HANDLER, rip_first: bool = False, uffd_flags: int = 0, data: str = "",
    handler_flags: str = "UINTR_HANDLER_FLAG_FORWARD_PF",
) -> Program:  # fmt: skip
    """A guest that has REGION registered and a handler for its faults, with UIF=1, and then runs `body`."""
    layout = (
        f".equ ADDRESS_AT, {24 if rip_first else 32}\n.equ VECTOR_BYTES, {0 if rip_first else 8}\n"
        f".equ UFFD_FLAGS, {uffd_flags}\n.equ HANDLER_FLAGS, {handler_flags}\n"
    )
    start = ".text\n.globl _start\n_start:\n    call setup\n    stui\n"
    return build(_PREAMBLE + layout + start + body + _SETUP + handler + _DATA + data)


def handle(signal: str) -> str:
    """sigaction(signal, &action, NULL)."""
    return f"""
    mov eax, SYS_rt_sigaction
    mov edi, {signal}
    lea rsi, [rip + action]
    xor edx, edx
    mov r10d, 8
    syscall
"""


def start_thread(stack: str, entry: str) -> str:
    """clone: a thread that begins at `entry`, with its stack below `stack`."""
    return f"""
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    lea rsi, [rip + {stack}]
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test rax, rax
    jz {entry}
"""


def plain_guest(body: str, data: str = "") -> Program:
    """`body` at _start, then exit status EDI; Linux's numbers are in reach."""
    end = "\nleave_with_edi:\n    mov eax, SYS_exit_group\n    syscall\n"
    section = f"\n.data\n.balign 16\n{data}\n" if data else ""
    return build(f"{_PREAMBLE}.text\n.globl _start\n_start:\n{body}{end}{section}")


@dataclass
class Run:
    """A machine, every event it emitted, and what its guest wrote to stdout."""

    machine: Machine
    events: list[Any]
    output: io.BytesIO
    stop: Stop | None = None

    @property
    def cpu(self) -> Cpu:
        return self.machine.cpus[0]

    def go(self, budget: int | None = 2_000_000) -> Stop:
        """Run on, to the end unless something stops the guest first."""
        self.stop = self.machine.run(budget)
        return self.stop

    def to_checkpoint(self) -> Run:
        """Run until the guest has executed CHECKPOINT (gettid)."""
        remove = self._interrupt_after("gettid")
        stop = self.go()
        remove()
        assert isinstance(stop, Interrupted), stop
        return self

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of one type, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def decisions(self) -> list[tuple[str, str]]:
        """What the MMU decided for each fault, and why."""
        return [(event.decision, event.reason) for event in self.of(MmuDecision)]

    def symbol(self, name: str) -> int:
        return self.machine.symbols[name]

    def word(self, name: str, index: int = 0) -> int:
        """The 64-bit word at a symbol."""
        return self.machine.memory.read_u64(self.symbol(name) + 8 * index)

    def words(self, name: str, count: int) -> list[int]:
        return [self.word(name, i) for i in range(count)]

    def frames(self) -> list[list[int]]:
        """The frames that LOGGING_HANDLER logged: six words each, lowest address first."""
        count = (self.word("log_end") - self.symbol("log")) // 48
        words = self.words("log", 6 * count)
        return [words[6 * i : 6 * i + 6] for i in range(count)]

    def vma_at(self, address: int) -> Vma | None:
        return self.machine.process.mm.vmas.find(address)

    def _interrupt_after(self, call: str) -> Callable[[], None]:
        def watch(event: Any) -> None:
            if isinstance(event, SyscallReturned) and event.name == call:
                self.machine.interrupt()

        self.machine.events.sinks.append(watch)
        return lambda: self.machine.events.sinks.remove(watch)


def load(program: Program, arguments: tuple[str, ...] = (), *, stdin: bytes = b"", **options: Any) -> Run:
    """A small one-core machine (mode pff) with `program` loaded. `options`: fields of MachineOptions or CpuOptions."""
    cpu_fields = CpuOptions.__dataclass_fields__
    cpu = CpuOptions(**{name: options.pop(name) for name in list(options) if name in cpu_fields})
    output = io.BytesIO()
    options = {"mode": Mode.PFF, "cpus": 1, "ram": SMALL_RAM} | options
    machine = Machine(stdin=stdin, stdout=output, stderr=output, cpu=cpu, **options)
    events: list[Any] = []
    machine.events.sinks.append(events.append)
    machine.load(program, arguments)
    return Run(machine, events, output)


def run(program: Program, arguments: tuple[str, ...] = (), **options: Any) -> Run:
    """Load and run to the end."""
    loaded = load(program, arguments, **options)
    loaded.go()
    return loaded
