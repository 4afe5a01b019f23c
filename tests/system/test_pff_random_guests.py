"""Random guests end alike under every way of handling their faults: the same sums, the same memory, the same faults."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from pffemu import Exited, Mode
from pffemu.events.hw import WalkRefused
from pffemu.hw.mmu import UffdLookup
from tests.fault_numbers import ends_of
from tests.guest_tools import PAGE, Run, build, run

PAGES = 12
BASE = 0x1000_0000
SOURCE = 0x1100_0000  # what COPY brings in: word i of page p is p << 16 | i

_START = f"""
.text
.globl _start
_start:
    mov rbx, {SOURCE}
    call map_at_rbx
    xor ecx, ecx
1:  mov rax, rcx
    mov rdx, rcx
    shr rax, 9
    shl rax, 16
    and edx, 511
    or rax, rdx
    mov [rbx + rcx * 8], rax
    inc ecx
    cmp ecx, {PAGES * 512}
    jb 1b
    mov rbx, {BASE}
    call map_at_rbx
    call open_userfaultfd
    mov rdi, rbx
    mov esi, {PAGES * PAGE}
    mov rdx, {SOURCE}
    call handle_faults
    xor r12d, r12d
"""
_END = f"""
    mov [rip + sum], r12
    mov eax, SYS_exit_group
    xor edi, edi
    syscall
map_at_rbx:
    mov eax, SYS_mmap
    mov rdi, rbx
    mov esi, {PAGES * PAGE}
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    ret
.data
sum: .quad 0
.include "paging.s"
"""


class Step(NamedTuple):
    kind: str
    at: int  # byte offset in the region
    pages: int


def assembly(step: Step) -> str:
    match step.kind:
        case "load":
            return f"add r12, [rbx + {step.at}]\n"
        case "store":
            return f"mov [rbx + {step.at}], r12\n"
        case "add":
            return f"add qword ptr [rbx + {step.at}], 3\n"
        case "xchg":
            return f"xchg r12, [rbx + {step.at}]\n"
        case "sse":
            return f"movups xmm0, [rbx + {step.at}]\nmovq rax, xmm0\nadd r12, rax\n"
        case "fill":
            return f"lea rdi, [rbx + {step.at}]\nmov rax, r12\nmov ecx, {16 * step.pages}\nrep stosb\n"
        case _:
            first = step.at // PAGE
            length = min(step.pages, PAGES - first) * PAGE
            return (
                f"mov eax, SYS_madvise\nlea rdi, [rbx + {first * PAGE}]\nmov esi, {length}\nmov edx, MADV_DONTNEED\n"
                "syscall\n"
            )


kinds = st.sampled_from(("load", "load", "store", "add", "xchg", "sse", "fill", "drop"))
steps = st.builds(Step, kinds, st.integers(0, PAGES * PAGE - 256), st.integers(1, 4))


def region_of(done: Run) -> list[bytes | None]:
    memory = done.machine.memory
    pages = range(BASE, BASE + PAGES * PAGE, PAGE)
    return [memory.read(page, PAGE) if memory.is_present(page) else None for page in pages]


@settings(max_examples=40)
@given(plan=st.lists(steps, min_size=1, max_size=30))
def test_random_guests_end_alike_under_uffd_and_both_designs_of_pff(plan: list[Step]) -> None:
    program = build(_START + "".join(map(assembly, plan)) + _END)
    runs = [
        run(program, mode=Mode.UFFD, cpus=2),
        run(program, mode=Mode.UFFD, cpus=1),
        run(program, mode=Mode.PFF, uffd_lookup=UffdLookup.RANGES),
        run(program, mode=Mode.PFF, uffd_lookup=UffdLookup.PTE_BIT, cpus=2),
        run(program, mode=Mode.PFF, compiled=False),
    ]
    reference = runs[0]
    faults = [(event.rip, event.address, event.error_code) for event in reference.of(WalkRefused) if event.tid == 1]
    for done in runs:
        assert done.stop == Exited(0), done.stop
        assert set(ends_of(done.events).values()) <= {"kernel", "userfaultfd", "forwarded"}
        assert done.word("sum") == reference.word("sum")
        assert region_of(done) == region_of(reference)
        assert [(e.rip, e.address, e.error_code) for e in done.of(WalkRefused) if e.tid == 1] == faults
    assert all(done.machine.counts()["uffd_messages"] == 0 for done in runs[2:])
