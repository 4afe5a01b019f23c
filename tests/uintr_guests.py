"""Pieces of guests whose threads send each other user interrupts through the kernel's calls."""

from __future__ import annotations

from tests.guest_tools import start_thread

CLONE = start_thread("stacks + {top}", "{entry}")
REGISTER = """
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + handler]
    mov esi, {flags}
    syscall
    test rax, rax
    jnz wrong
"""
SELF = """
    mov eax, SYS_uintr_register_self
    mov edi, {vector}
    xor esi, esi
    syscall
    cmp rax, {index}
    jne wrong
"""
# Sends as often as `sends` says, waiting a while before each. It has finished before its last SENDUIPI: afterwards
# nothing would wake a receiver that has handled that interrupt and has not seen the store yet.
SENDER = """
sender_{i}:
    mov r12d, {sends}
1:  mov ecx, {delay}
2:  dec ecx
    jnz 2b
    inc qword ptr [rip + sequence + 8 * {i}]
    mov eax, {i}
    cmp r12d, 1
    jne 3f
    mov dword ptr [rip + finished + 4 * {i}], 1
3:  senduipi rax
    dec r12d
    jnz 1b
    mov eax, SYS_exit
    xor edi, edi
    syscall
"""
HANDLER = """
handler:
    push rax
    push rcx
    push rdx
    lea rcx, [rip + sequence]
    lea rdx, [rip + seen]
    mov rax, [rsp + 24]
    inc qword ptr [rip + handled]
    mov rcx, [rcx + 8 * rax]
    mov [rdx + 8 * rax], rcx
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret
wrong:
    mov edi, 99
    jmp leave_with_edi
"""
DATA = """
sequence: .zero 512
seen:     .zero 512
handled:  .quad 0
finished: .zero 64
word:     .quad 0
mask:     .quad 0
.balign 16
stacks:   .zero 36864
"""
# Ends when every sender has finished and its last number was seen. UIF is 0 between the look and the sleep, so that
# what arrives between them ends the sleep at once.
DONE = """
    clui
    xor r14d, r14d
    mov ecx, {senders}
3:  lea rdx, [rip + finished]
    cmp dword ptr [rdx + 4 * rcx - 4], 0
    je 4f
    lea rdx, [rip + sequence]
    mov rax, [rdx + 8 * rcx - 8]
    lea rdx, [rip + seen]
    cmp rax, [rdx + 8 * rcx - 8]
    jne 4f
    loop 3b
    xor edi, edi
    jmp leave_with_edi
4:
"""
WAIT = """
    mov eax, SYS_uintr_wait
    mov edi, {usec}
    xor esi, esi
    syscall
    {check}
    stui
    nop
"""
