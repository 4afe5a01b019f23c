# Breadth-first search, level by level, over a graph that fills the file: index (VERTICES + 1 words), then edges.
#   numbers: VERTICES SOURCE
# Each thread has a slice of the vertices; levels and the bitmap of visited ones are in ordinary memory.
# Result: the levels, 2 bytes each (0xFFFF: not reached).

.equ VERTICES, 0
.equ SOURCE, 8
.equ UNREACHED, 0xFFFF

.macro SEARCH kind
1:  mov rdi, [rip + numbers + VERTICES]
    call slice
    mov rbx, rdi                    # rbx vertex
    mov r12, rsi                    # r12 end
    cmp rbx, r12
    jae 7f
2:  mov rax, [rip + levels]
    movzx eax, word ptr [rax + rbx * 2]
    cmp eax, [rip + level]
    jne 6f
    WORD_AT \kind, rbx, r13         # r13 edge
    lea rbp, [rbx + 1]
    WORD_AT \kind, rbp, r14         # r14 end
    mov rax, [rip + numbers + VERTICES]
    lea r13, [r13 + rax + 1]        # as words of the file
    lea r14, [r14 + rax + 1]
3:  cmp r13, r14
    jae 6f
    WORDS_OF_PAGE \kind
    mov r9, [rip + visited]
    mov r10, [rip + levels]
    mov r11d, [rip + level]
    inc r11d
4:  mov rax, [rsi]
    add rsi, 8
    mov rcx, rax
    shr rcx, 6
    mov rdx, [r9 + rcx * 8]
    bt rdx, rax
    jc 5f
    mov edx, eax
    and edx, 63
    lock bts qword ptr [r9 + rcx * 8], rdx
    jc 5f
    mov [r10 + rax * 2], r11w
    mov dword ptr [rip + reached], 1
5:  cmp rsi, r8
    jb 4b
    PUT \kind
    jmp 3b
6:  inc rbx
    cmp rbx, r12
    jb 2b
7:  call barrier
    cmp qword ptr [r15 + THREAD_NUMBER], 0
    jne 8f
    inc dword ptr [rip + level]
    mov eax, [rip + reached]
    mov [rip + go_on], eax
    mov dword ptr [rip + reached], 0
8:  call barrier
    cmp dword ptr [rip + go_on], 0
    jne 1b
    xor eax, eax
    ret
.endm

.include "cache/access.inc"
.text
VARIANTS SEARCH

prepare:
    mov rsi, [rip + numbers + VERTICES]
    add rsi, rsi
    mov [rip + result_bytes], rsi
    call allocate
    mov [rip + levels], rax
    mov [rip + result], rax
    mov rdi, rax
    mov rcx, [rip + numbers + VERTICES]
    mov eax, UNREACHED
    rep stosw
    mov rsi, [rip + numbers + VERTICES]
    shr rsi, 3
    add rsi, 8
    call allocate
    mov [rip + visited], rax
    mov rdi, [rip + numbers + SOURCE]
    mov rdx, [rip + levels]
    mov word ptr [rdx + rdi * 2], 0
    mov rcx, rdi
    shr rcx, 6
    mov rdx, [rax + rcx * 8]
    bts rdx, rdi
    mov [rax + rcx * 8], rdx
    ret

.data
levels: .quad 0
visited: .quad 0
level:  .quad 0
reached: .quad 0
go_on:  .quad 0

.include "cache.s"
