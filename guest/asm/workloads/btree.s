# Look-ups in a B+-tree that fills the file.
#   numbers: OPERATIONS ROOT DEPTH
# fd 3 holds the requested keys, 8 bytes each. A node is a page: word 0 the number of keys, words 1 to 255 the keys in
# order, words 256 to 510 the children's pages, or a leaf's values. An inner node's key is its child's smallest, or less.
# Result: the sum of the values.

.equ OPERATIONS, 0
.equ ROOT, 8
.equ DEPTH, 16

.macro LOOK_UP kind
    mov rdi, [rip + numbers + OPERATIONS]
    call slice
    mov rbx, rdi                    # rbx request
    mov r12, rsi                    # r12 end
    xor ebp, ebp                    # rbp sum
    cmp rbx, r12
    jae 8f
1:  mov rax, [rip + requests]
    mov r14, [rax + rbx * 8]        # r14 key
    mov rdi, [rip + numbers + ROOT]
    mov r13, [rip + numbers + DEPTH]
2:  GET \kind
    mov rdx, [rax]                  # rdx keys left
    add rax, 8                      # rax the first of them
3:  cmp rdx, 1
    jbe 5f
    mov rcx, rdx
    shr rcx, 1
    sub rdx, rcx
    lea rcx, [rax + rcx * 8]
    cmp r14, [rcx]
    cmovae rax, rcx
    jmp 3b
5:  mov rax, [rax + 255 * 8]
    mov r8, rax
    PUT \kind
    mov rdi, r8
    dec r13
    jnz 2b
    add rbp, r8
    inc rbx
    cmp rbx, r12
    jb 1b
8:  mov rax, rbp
    ret
.endm

.include "cache/access.inc"
.text
VARIANTS LOOK_UP

prepare:
    mov rsi, [rip + numbers + OPERATIONS]
    shl rsi, 3
    call map_input
    mov [rip + requests], rax
    ret

.data
requests: .quad 0

.include "cache.s"
