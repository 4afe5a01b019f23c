"""What mechanisms hold is released with the process: memory is as free after the second child as after the first."""

from __future__ import annotations

import pytest

from guest.paths import INCLUDE
from pffemu import Exited, Machine, Mode, PageInstalled, Reached, Resumed, assemble

PARENT = """
.include "pff.inc"
.globl _start
_start:
    mov r14d, 3
again:
    mov eax, SYS_fork
    syscall
    test eax, eax
    jz child
    mov eax, SYS_wait4
    mov edi, -1
    xor esi, esi
    xor edx, edx
    xor r10d, r10d
    syscall
reaped:
    dec r14d
    jnz again
    xor edi, edi
leave:
    mov eax, SYS_exit_group
    syscall
new_map:                            # rsi bytes, r10 flags, r8 fd -> rax
    mov eax, SYS_mmap
    xor edi, edi
    mov edx, PROT_READ | PROT_WRITE
    xor r9d, r9d
    syscall
    ret
ioctl:                              # rdi fd, esi, rdx
    mov eax, SYS_ioctl
    syscall
    ret
open_uffd:                          # -> rbx descriptor, r13 16 KiB of registered memory (r10: flags of mmap)
    mov esi, 16384
    mov r8, -1
    call new_map
    mov r13, rax
    mov [rip + area], rax
    mov eax, SYS_userfaultfd
    mov edi, O_CLOEXEC
    syscall
    mov ebx, eax
    mov edi, ebx
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    call ioctl
    mov edi, ebx
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + area]
    jmp ioctl
"""
DATA = """
.data
api:  .quad UFFD_API, 0, 0
area: .quad 0, 16384, 1, 0
"""
EXMAP = """
child:
    mov eax, SYS_open
    lea rdi, [rip + path]
    mov esi, 2
    syscall
    mov ebx, eax
    mov edi, ebx
    mov esi, EXMAP_SETUP
    lea rdx, [rip + setup]
    call ioctl
    mov esi, 1 << 20
    mov r10d, MAP_SHARED
    mov r8d, ebx
    call new_map
    mov r13, rax
    mov edi, ebx
    mov esi, EXMAP_ACTION
    lea rdx, [rip + action]
    call ioctl
    mov byte ptr [r13], 1
    mov word ptr [rip + action + 4], EXMAP_FREE
    mov edi, ebx
    mov esi, EXMAP_ACTION
    lea rdx, [rip + action]
    call ioctl
    mov word ptr [rip + action + 4], EXMAP_ALLOC
    mov edi, ebx
    mov esi, EXMAP_ACTION
    lea rdx, [rip + action]
    call ioctl
    mov edi, eax
    jmp leave
.data
path:   .asciz "/dev/exmap"
.balign 8
setup:  .long -1, 2
        .quad 8, 0
action: .short 0, 1
        .long EXMAP_ALLOC
        .quad vector
vector: .quad 4 << 52
"""
POLICY = """
child:
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS
    call open_uffd
    mov [rip + policy], r13
    mov edi, ebx
    mov esi, UFFDIO_POLICY
    lea rdx, [rip + policy]
    call ioctl
    mov byte ptr [r13], 1
    mov al, [r13 + 4096]
    xor edi, edi
    jmp leave
.data
policy: .quad 0, 16384, UFFDIO_POLICY_ZERO, 0, 0
"""
DAEMON = """
child:
    mov r10d, MAP_SHARED | MAP_ANONYMOUS
    call open_uffd
    mov esi, 4096
    mov r10d, MAP_SHARED | MAP_ANONYMOUS
    mov r8, -1
    call new_map
    mov r12, rax
    mov eax, SYS_memfd_create
    lea rdi, [rip + path]
    xor esi, esi
    syscall
    mov ebp, eax
    mov edi, eax
    mov esi, 16384
    mov eax, SYS_ftruncate
    syscall
    mov esi, 16384
    mov r10d, MAP_SHARED | MAP_POPULATE
    mov r8d, ebp
    call new_map
    mov esi, 16384
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    call new_map
    lea rsi, [rax + 16384]
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test eax, eax
    jz daemon
1:  pause
    cmp qword ptr [rip + ready], 0
    je 1b
    mov byte ptr [r13], 1
    mov byte ptr [r13 + 4096], 1
    mov byte ptr [r13 + 8192], 1    # never answered: the daemon ends the process
daemon:
    mov [rip + channel], r12
    mov [rip + channel + 8], ebp
    mov edi, ebx
    mov esi, UFFDIO_DAEMON
    lea rdx, [rip + channel]
    call ioctl
    mov qword ptr [rip + ready], 1
    xor ebp, ebp
2:  pause
    mov rax, [r12]
    test rax, rax
    jz 2b
    cmp ebp, 2
    je 3f
    bsf rcx, rax
    mov qword ptr [r12], 0
    shl rcx, 6
    mov [r12 + rcx + 16], rbp
    mov dword ptr [r12 + rcx], 2
    inc ebp
    jmp 2b
3:  xor edi, edi
    jmp leave
.data
path: .asciz "pool"
.balign 8
channel: .quad 0, 0
ready: .quad 0
"""


@pytest.mark.parametrize(
    ("mode", "child", "works"),
    [(Mode.KERNEL, EXMAP, 8), (Mode.POLICY, POLICY + DATA, 2), (Mode.DAEMON, DAEMON + DATA, 2)],
    ids=["exmap", "policy", "daemon"],
)  # fmt: skip
def test_the_second_child_leaves_as_much_memory_as_the_first(mode: Mode, child: str, works: int) -> None:
    """`works`: pages that each child gets from the mechanism."""
    data = "" if child.endswith(DATA) else DATA
    machine = Machine(mode=mode, ram=16 << 20)
    machine.load(assemble(PARENT + child + data, include_dirs=(INCLUDE,)))
    free: list[int] = []
    given: list[str] = []
    machine.events.listeners[PageInstalled] = lambda event: given.append("exmap")
    machine.events.listeners[Resumed] = lambda event: given.append(event.path)
    for _ in range(3):
        assert isinstance(machine.run(budget=1_000_000, until=["reaped"]), Reached)
        free.append(machine.kernel.frames.free_frames)
    assert machine.run() == Exited(0)
    assert free[1] == free[2]
    assert given.count("exmap" if mode is Mode.KERNEL else mode.value) == 3 * works
