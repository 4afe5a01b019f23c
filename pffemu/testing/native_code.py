"""The code around a block on the host's CPU: it maps memory, enters the sandbox, loads registers, and dumps the result.

It has an address of its own, so that the block's bytes and addresses are those that the machine ran; only the block's
end jumps here. The block may make only the system calls of ALLOWED; any other ends it with SIGSYS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kernel_model.abi import uapi
from kernel_model.abi.uapi import Sys
from pffemu.arch.registers import GENERAL
from pffemu.inspect.wide import XMM

BASE: Final = 0x7000_0000
STACK_TOP: Final = 0x6F00_0000_0000
STACK_SIZE: Final = 8 << 20  # bytes
_XMM_WORDS: Final = tuple(f"{name}.{part}" for name in XMM for part in ("q0", "q1"))
REGISTERS: Final = (*GENERAL, "rflags", *_XMM_WORDS)  # in the order of the dump
_PWRITE64, _PRCTL = 18, 157  # not modelled, so not in uapi
ALLOWED: Final = (
    *(call.value for call in (Sys.READ, Sys.WRITE, Sys.CLOSE, Sys.MPROTECT, Sys.MUNMAP, Sys.MADVISE)),
    *(Sys.EXIT.value, Sys.EXIT_GROUP.value, _PWRITE64),
)
# linux/prctl.h, linux/seccomp.h, linux/audit.h
_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_ALLOW, _KILL = 0x7FFF_0000, 0x8000_0000
_ARCH_X86_64 = 0xC000_003E
# linux/bpf_common.h: load a word, jump if equal, return
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_MAP_FLAGS: Final = uapi.MAP_PRIVATE | uapi.MAP_ANONYMOUS | uapi.MAP_FIXED_NOREPLACE | uapi.MAP_NORESERVE


def native_source(
    maps: Sequence[tuple[int, int, int]], dumped: Sequence[tuple[int, int]], registers: Mapping[str, int],
    begin: int, dump_fd: int,
) -> str:  # fmt: skip
    """The source. `maps`: (address, bytes, PROT_*); `dumped`: (address, bytes), dumped behind the registers."""
    stack = (STACK_TOP - STACK_SIZE, STACK_SIZE, uapi.PROT_READ | uapi.PROT_WRITE)
    mapped = "\n".join(_map(*area) for area in (stack, *maps))
    loads = "\n".join(f"mov {name}, {registers[name]:#x}" for name in GENERAL if name != "rsp")
    saves = "\n".join(f"mov [rip + saved + {8 * i}], {name}" for i, name in enumerate(GENERAL))
    sse_at = 8 * REGISTERS.index(_XMM_WORDS[0])
    sse_saves = "\n".join(f"movups [rip + saved + {sse_at + 16 * n}], {name}" for name, n in XMM.items())
    sse_loads = "\n".join(f"movups {name}, [rip + sse + {16 * n}]" for name, n in XMM.items())
    sse_values = ", ".join(f"{registers[name]:#x}" for name in _XMM_WORDS)
    writes = "\n".join(_dump(i, area, offset, dump_fd) for i, (area, offset) in enumerate(_placed(dumped)))
    return f"""
_start:
{mapped}
{_prctl(_NO_NEW_PRIVS, 1, "xor edx, edx")}
{_prctl(_SET_SECCOMP, _FILTER, "lea rdx, [rip + program]")}
{sse_loads}
mov rsp, {STACK_TOP - 64:#x}
mov rax, {registers["rflags"]:#x}
push rax
popfq
mov rsp, {registers["rsp"]:#x}
{loads}
jmp qword ptr [rip + begin]
failed:
{_exit(99)}
dump:
{saves}
{sse_saves}
lea rsp, [rip + flags_stack_end]
pushfq
pop rax
mov [rip + saved + {8 * len(GENERAL)}], rax
{writes}
{_pwrite("lea rsi, [rip + saved]", saved_size(dumped), 0, dump_fd)}
{_exit(0)}
.data
.balign 8
begin: .quad {begin:#x}
sse: .quad {sse_values}
program: .quad {len(_filter())}, filter
filter: .quad {", ".join(map(hex, _filter()))}
saved: .zero {saved_size(dumped)}
flags_stack: .zero 64
flags_stack_end: .quad 0
"""


def saved_size(dumped: Sequence[tuple[int, int]]) -> int:
    """Bytes in front of the dumped memory: the registers, then the result of writing each piece."""
    return 8 * (len(REGISTERS) + len(dumped))


def _placed(dumped: Sequence[tuple[int, int]]) -> list[tuple[tuple[int, int], int]]:
    """Each piece with its offset in the dump."""
    placed, offset = [], saved_size(dumped)
    for area in dumped:
        placed.append((area, offset))
        offset += area[1]
    return placed


def _map(address: int, size: int, prot: int) -> str:
    return (
        f"mov rdi, {address:#x}\nmov rsi, {size:#x}\nmov edx, {prot}\nmov r10d, {_MAP_FLAGS:#x}\nmov r8, -1\n"
        f"xor r9d, r9d\nmov eax, {Sys.MMAP.value}\nsyscall\ncmp rax, -4096\nja failed"
    )


def _prctl(option: int, argument: int, third: str) -> str:
    call = f"mov edi, {option}\nmov esi, {argument}\n{third}\nxor r10d, r10d\nxor r8d, r8d\nmov eax, {_PRCTL}\nsyscall"
    return f"{call}\ntest rax, rax\njnz failed"


def _pwrite(source: str, size: int, offset: int, fd: int) -> str:
    return f"mov edi, {fd}\n{source}\nmov rdx, {size:#x}\nmov r10, {offset:#x}\nmov eax, {_PWRITE64}\nsyscall"


def _dump(index: int, area: tuple[int, int], offset: int, fd: int) -> str:
    written = _pwrite(f"mov rsi, {area[0]:#x}", area[1], offset, fd)
    return f"{written}\nmov [rip + saved + {8 * (len(REGISTERS) + index)}], rax"


def _exit(status: int) -> str:
    return f"mov edi, {status}\nmov eax, {Sys.EXIT_GROUP.value}\nsyscall"


def _filter() -> list[int]:
    """The BPF program: it kills unless the call is x86-64's and its number is allowed."""
    rows = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _ARCH_X86_64), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    for i, number in enumerate(ALLOWED):
        rows.append((_EQUAL, len(ALLOWED) - i, 0, number))
    rows += [(_RETURN, 0, 0, _KILL), (_RETURN, 0, 0, _ALLOW)]
    return [code | if_true << 16 | if_false << 24 | value << 32 for code, if_true, if_false, value in rows]
