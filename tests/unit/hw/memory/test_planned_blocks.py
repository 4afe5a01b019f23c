"""Blocks replayed from their start give what a hook for every load and store gives, to the last word of the caches."""

from __future__ import annotations

import pytest

from pffemu import assemble
from pffemu.asm.access_steps import ACCESSES
from pffemu.asm.block_accesses import accesses_of
from pffemu.engine import hook_bounds, register_memory
from pffemu.engine.planned_blocks import PlannedBlocks
from pffemu.hw.memory.caches import CoreCaches
from tests.unit.hw.memory.test_hierarchy import CHASE, machine, needs_numba

# a dependent load, a spill that is loaded again, updates, edges of lines and pages, SSE, and a new page now and then
BUSY = """
.equ ROUNDS, 3000
_start:
 lea r12, [rip+buf]
 lea r13, [rip+fresh]
 xor r14d, r14d
 xorps xmm0, xmm0
next:
 mov eax, r14d
 imul eax, eax, 1103515245
 shr eax, 7
 and eax, 0x1ffff
 movzx edx, word ptr [r12+rax]
 mov rcx, [r12+rdx*2]
 movsxd rdi, dword ptr [r12+rax]
 neg rdi
 and edi, 0xfff
 push rcx
 mov rsi, [rsp]
 and rsi, 0xffff
 add qword ptr [r12+rsi], 3
 movups [r12+rax], xmm0
 movups xmm1, [r12+rax+60]
 lea rdx, [r12+rsi*2]
 mov rdx, [rdx+1]
 xchg [r12+rdi], r8
 pop rcx
 mov rbx, r14
 shl rbx, 9
 mov [r13+rbx], r14
 mov rcx, [r13+rbx+4090]
 call leaf
 inc r14d
 cmp r14d, ROUNDS
 jne next
 mov eax, 231
 xor edi, edi
 syscall
leaf:
 push rbp
 mov rbp, rsp
 mov [rbp-24], r12
 mov rax, [rbp-24]
 mov rax, [rax+8]
 leave
 ret
.data
.align 4096
buf: .space 0x42000
.bss
.align 4096
fresh: .space 0x180000
"""


def ran(source: str) -> tuple[object, ...]:
    built = machine(source, compiled=True)
    assert built.run().exit_code == 0
    core = built.cpus[0]
    assert core.caches is not None
    return core.instructions, core.clock, core.caches.counts(), core.caches.stalls, core.caches.saved()


@needs_numba
@pytest.mark.parametrize("source", [BUSY, CHASE.replace("SIZE", "0x40000")], ids=["busy", "chase"])
def test_planned_blocks_change_no_result(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[int] = []
    planned = CoreCaches.plan

    def plan(caches: CoreCaches, address: int, size: int) -> int:
        plans.append(planned(caches, address, size))
        return plans[-1]

    monkeypatch.setattr(CoreCaches, "plan", plan)
    with_plans = ran(source)
    assert len(plans) >= 2
    assert all(plans)
    monkeypatch.setattr(PlannedBlocks, "_planned", lambda *_: 0)
    assert ran(source) == with_plans


@needs_numba
def test_the_places_in_unicorn_are_found() -> None:
    """Else no block is planned, and programs run three times slower with caches."""
    assert hook_bounds.end_place() is not None
    assert register_memory._place() is not None


KNOWN = {
    "mov rax, [rbx+8]\n mov rcx, [rax+rdx*4]": 2,
    "push rbp\n mov rbp, rsp\n mov [rbp-8], rdi\n mov rax, [rbp-8]\n mov rax, [rax]": 4,
    "mov [rbx], rax\n mov rcx, [rbx+8]\n mov rcx, [rcx]": 3,
    "cmovz rax, rcx\n mov rcx, [rbx]": 1,
    "mov rax, fs:[0x28]\n lock xadd [rbx+rcx], rax": 2,
}
UNKNOWN = (
    "cmovz rax, rcx\n mov rcx, [rax]",  # depends on flags
    "mov [rbx], rax\n mov rcx, [rdx]\n mov rcx, [rcx]",  # the store may change what is loaded
    "mov al, 1\n mov rcx, [rax]",
    "rep movsb",
    "rdtsc",  # reads the time, which must not have the rest of the block
    "mov rcx, [eax]",
    "bt [rbx], rax",
)


@pytest.mark.parametrize("source", [*KNOWN, *UNKNOWN])
def test_what_is_known_from_a_blocks_start(source: str) -> None:
    code = assemble(f"_start:\n {source}\n").code
    steps = accesses_of(code, 0x400000)
    if source in KNOWN:
        assert steps is not None
        assert sum(step.kind in ACCESSES for step in steps) == KNOWN[source]
    else:
        assert steps is None
