# PageRank in fixed point over a graph that fills the file: index (VERTICES + 1 words), then edges.
#   numbers: VERTICES ROUNDS
# In each round, a vertex's rank is BASE + DAMPING / 256 of its neighbours' shares; its next share is its rank over its
# number of edges (0: the rank). Shares begin at FIRST. Ranks and shares are in ordinary memory. Result: the ranks.

.equ VERTICES, 0
.equ ROUNDS, 8
.equ BASE, 39 << 24
.equ DAMPING, 217
.equ FIRST, 1 << 32

.macro RANK kind
    push qword ptr [rip + numbers + ROUNDS]
1:  mov rdi, [rip + numbers + VERTICES]
    call slice
    mov rbx, rdi                    # rbx vertex
    mov r12, rsi                    # r12 end
    cmp rbx, r12
    jae 7f
2:  WORD_AT \kind, rbx, r13         # r13 edge
    lea rbp, [rbx + 1]
    WORD_AT \kind, rbp, r14         # r14 end
    mov rax, r14
    sub rax, r13
    push rax                        # number of edges
    xor ebp, ebp                    # rbp sum
    mov rax, [rip + numbers + VERTICES]
    lea r13, [r13 + rax + 1]        # as words of the file
    lea r14, [r14 + rax + 1]
3:  cmp r13, r14
    jae 6f
    WORDS_OF_PAGE \kind
    mov r9, [rip + shares]
4:  mov rax, [rsi]
    add rsi, 8
    add rbp, [r9 + rax * 8]
    cmp rsi, r8
    jb 4b
    PUT \kind
    jmp 3b
6:  imul rax, rbp, DAMPING
    shr rax, 8
    mov ecx, BASE
    add rax, rcx
    mov rcx, [rip + result]
    mov [rcx + rbx * 8], rax
    pop rcx
    test rcx, rcx
    jz 5f
    xor edx, edx
    div rcx
5:  mov rcx, [rip + next_shares]
    mov [rcx + rbx * 8], rax
    inc rbx
    cmp rbx, r12
    jb 2b
7:  call barrier
    cmp qword ptr [r15 + THREAD_NUMBER], 0
    jne 8f
    mov rax, [rip + shares]
    xchg [rip + next_shares], rax
    mov [rip + shares], rax
8:  call barrier
    dec qword ptr [rsp]
    jnz 1b
    pop rax
    xor eax, eax
    ret
.endm

.include "cache/access.inc"
.text
VARIANTS RANK

prepare:
    push rbx
    lea rbx, [rip + vectors]
1:  mov rsi, [rip + numbers + VERTICES]
    shl rsi, 3
    mov [rip + result_bytes], rsi
    call allocate
    mov [rbx], rax
    mov [rip + result], rax
    add rbx, 8
    lea rax, [rip + vectors_end]
    cmp rbx, rax
    jb 1b
    mov rdi, [rip + shares]
    mov rcx, [rip + numbers + VERTICES]
    mov rax, FIRST
    rep stosq
    pop rbx
    ret

.data
vectors:
shares: .quad 0
next_shares: .quad 0
ranks:  .quad 0
vectors_end:

.include "cache.s"
