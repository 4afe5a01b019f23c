# Checkpoints by write protection, as a generational collector or a database makes them: rounds of stores to random pages,
# after each of which all that was stored to is in the file, and noticed anew in the next.
#   numbers: OPERATIONS ROUNDS
# OPERATIONS in all, operation i adds i + 1 to a random word. The last thread to end a round waits for cache_sync. Result: 0.

.equ OPERATIONS, 0
.equ ROUNDS, 8

.macro MUTATE kind
    xor r14d, r14d                  # r14 round
1:  mov rdi, [rip + numbers + OPERATIONS]
    mov rax, rdi
    xor edx, edx
    div qword ptr [rip + numbers + ROUNDS]
    mov rdi, rax                    # of a round
    mov r13, rax
    imul r13, r14                   # of those before it
    call slice
    lea rbx, [rdi + r13]            # rbx operation
    lea r12, [rsi + r13]            # r12 end
    cmp rbx, r12
    jae 4f
2:  mov rdi, rbx
    RANDOM
    mov r13, rax
    shr rax, 32
    imul rax, [rip + page_count]
    shr rax, 32
    mov rdi, rax
    GET \kind
    DIRTY \kind
    and r13d, 511
    lea rcx, [rbx + 1]
    lock add [rax + r13 * 8], rcx
    PUT \kind
    inc rbx
    cmp rbx, r12
    jb 2b
4:  call barrier
    cmp qword ptr [r15 + THREAD_NUMBER], 0
    jne 5f
    call cache_sync
5:  call barrier
    inc r14
    cmp r14, [rip + numbers + ROUNDS]
    jb 1b
    xor eax, eax
    ret
.endm

.include "cache/access.inc"
.text
VARIANTS MUTATE

prepare:
    ret

.include "cache.s"
