"""Guests whose code between the labels `begin` and `finish` is measured; it takes no page fault and no system call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from guest.build import ASM, INCLUDE
from guest.workloads import bfs_workload
from kernel_model.files.ram_file import Content
from pffemu import Program, assemble

BFS_SCALE, BFS_EDGE_FACTOR = 18, 16

_LOOP = """
.include "pff.inc"
_start:
    mov eax, SYS_mmap
    xor edi, edi
    mov esi, 0x100000
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    xor r9d, r9d
    syscall
    mov rdi, rax
    xor eax, eax
    mov ecx, {iterations}
begin:                              # a block of its own: the machine stops here, which marks its translation
    jmp 1f
1:
SHIFT
2:
{body}
    dec rcx
    jnz 2b
finish:
    mov eax, SYS_exit
    xor edi, edi
    syscall
"""

_REGISTERS = """
    lea rax, [rax + rcx * 2]
    xor rdx, rax
    add rsi, rdx
"""

_LOADS_AND_STORES = """
    mov rdx, [rdi + rax * 8]
    add rdx, rcx
    mov [rdi + rax * 8], rdx
    inc rax
    and eax, 0x1ffff
"""


@dataclass(frozen=True, slots=True)
class BenchGuest:
    """`program(shift)` is the guest with `shift` more blocks before the measured ones.

    They move the translated code in the host's memory: where a tight loop happens to lie makes a tenth of its speed,
    for bare Unicorn as for us, so that one placement would compare luck.
    """

    name: str
    source: str
    arguments: tuple[str, ...] = ()
    files: Mapping[int, memoryview | Content] = field(default_factory=dict)
    ram: int = 64 << 20

    def program(self, shift: int) -> Program:
        # of different lengths, so that the next one's place varies by less than a cache line too
        blocks = "".join("    jmp 9f\n9:\n" + "    lea r11, [r11 + 1]\n" * (i % 4) for i in range(shift))
        return assemble(self.source.replace("SHIFT\n", blocks), file=self.name, include_dirs=(ASM, INCLUDE))


def loops() -> list[BenchGuest]:
    """From the tightest loop there is to one with memory accesses."""
    return [
        BenchGuest(name, _LOOP.format(iterations=iterations, body=body))
        for name, iterations, body in (
            ("tightest loop (2 instructions)", 60_000_000, ""),
            ("register loop (5)", 50_000_000, _REGISTERS),
            ("load/store loop (7)", 25_000_000, _LOADS_AND_STORES),
        )
    ]


def bfs() -> BenchGuest:
    """The BFS guest with every page of the graph present from the start."""
    workload = bfs_workload(BFS_SCALE, BFS_EDGE_FACTOR, seed=1)
    source = (ASM / "bfs.s").read_text()
    for old, new in (
        ("mov r10d, MAP_PRIVATE\n", "mov r10d, MAP_PRIVATE | MAP_POPULATE\n"),
        ("\nnext_level:\n", "\nbegin:\n    jmp 1f\n1:\nSHIFT\nnext_level:\n"),
        ("    jnz next_level\n", "    jnz next_level\nfinish:\n"),
    ):
        assert source.count(old) == 1, f"guest/asm/bfs.s has changed: {old!r}"
        source = source.replace(old, new)
    return BenchGuest(f"BFS, scale {BFS_SCALE}", source, workload.arguments, workload.files, workload.ram)
