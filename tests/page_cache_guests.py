"""A guest that maps a file and makes a list of accesses to it, and what a file of those accesses must hold."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from kernel_model.files.host_pages import HostPages
from kernel_model.files.host_tree import Mount
from pffemu import Exited, Machine, Mode, Program
from pffemu.arch.paging import PAGE_SIZE
from tests.guest_tools import MASK, build

FILE = 0x2000_0000  # where the guest maps the file
_STORE = 1 << 32

_SOURCE = """
.include "pff.inc"
.text
.globl _start
_start:
    mov eax, SYS_open
    lea rdi, [rip + path]
    mov esi, 2
    syscall
    mov r8, rax
    mov r14, rax
    mov eax, SYS_mmap
    mov edi, {address:#x}
    mov esi, {size:#x}
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_SHARED | MAP_FIXED
    xor r9d, r9d
    syscall
{before}
    lea rsi, [rip + script]
    xor ebx, ebx
next:
    mov rax, [rsi]
    add rsi, 8
    cmp rax, -1
    je done
    mov ecx, eax
    shl rcx, 12
    bt rax, 32
    jc store
    imul rbx, rbx, 31
    add rbx, [rcx + {address:#x}]
    jmp next
store:
    mov [rcx + {address:#x}], rsi
    jmp next
done:
{after}
    lea rsi, [rip + sum]
    mov [rsi], rbx
    mov eax, SYS_write
    mov edi, 1
    mov edx, 8
    syscall
    xor edi, edi
    mov eax, SYS_exit_group
    syscall
path: .asciz "/data"
.balign 8
.data
.balign 8
sum: .quad 0
.zero 4096
stack:
.balign 4096
script:
    .quad {script}, -1
"""


class Access(NamedTuple):
    """A load or store of the first word of a page."""

    page: int
    is_store: bool = False


def load(page: int) -> Access:
    return Access(page)


def store(page: int) -> Access:
    return Access(page, is_store=True)


def program(accesses: Sequence[Access], pages: int, *, before: str = "", after: str = "") -> Program:
    """The guest. `before`, `after`: code around the accesses; the mapping is at FILE, its descriptor in R14."""
    script = ", ".join(str(access.page | (_STORE if access.is_store else 0)) for access in accesses) or "-1"
    text = _SOURCE.format(address=FILE, size=pages * PAGE_SIZE, script=script, before=before, after=after)
    return build(text)


def expected(content: bytes, accesses: Sequence[Access], script: int) -> tuple[int, bytes]:
    """The sum of what the guest loads, and what the file holds afterwards. `script`: its address."""
    words, total = bytearray(content), 0
    for at, access in enumerate(accesses):
        place = slice(access.page * PAGE_SIZE, access.page * PAGE_SIZE + 8)
        if access.is_store:
            words[place] = (script + 8 * (at + 1)).to_bytes(8, "little")
        else:
            total = (total * 31 + int.from_bytes(words[place], "little")) & MASK
    return total, bytes(words)


def content_of(pages: int) -> bytes:
    """A file of so many pages, each with another first word."""
    return b"".join(
        (page * 0x9E3779B97F4A7C15 & MASK).to_bytes(8, "little") + bytes(PAGE_SIZE - 8) for page in range(pages)
    )


@dataclass
class Run:
    """A finished run: its machine, its events, and whether the guest and the file saw what they should.

    `most_cached`: pages of files on disk in the cache at once.
    """

    machine: Machine
    events: list[Any]
    is_right: bool
    most_cached: int

    def of(self, *kinds: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]


def run(
    folder: Path, accesses: Sequence[Access], pages: int, *, before: str = "", after: str = "",
    watch: Callable[[Machine], None] = lambda machine: None, **options: Any,
) -> Run:  # fmt: skip
    """Run the guest on a file of `pages` pages in `folder`. `watch` gets the machine before it runs."""
    content, path, out = content_of(pages), folder / "data", io.BytesIO()
    path.write_bytes(content)
    built = program(accesses, pages, before=before, after=after)
    machine = Machine(mode=Mode.KERNEL, roots=(Mount(str(folder), ()),), stdout=out, **{"cpus": 1, **options})
    machine.load(built)
    events: list[Any] = []
    cached = [0]

    def note(event: Any) -> None:
        events.append(event)
        cached[0] = max(cached[0], len(machine.kernel.file_memory.lists))

    machine.events.sinks.append(note)
    watch(machine)
    stop = machine.run()
    total, left = expected(content, accesses, built.symbols["script"])
    is_right = stop == Exited(0) and int.from_bytes(out.getvalue(), "little") == total and path.read_bytes() == left
    return Run(machine, events, is_right, cached[0])


def caches(machine: Machine) -> list[HostPages]:
    """All page caches of files on disk."""
    return list(machine.kernel.host_pages._caches.values())
