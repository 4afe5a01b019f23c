# Look-ups in a hash table that fills the file: kv reads, update adds to values.
#   numbers: OPERATIONS
# fd 3 holds the requested keys, 4 bytes each. A page has 256 slots of a key and a value; a key's page and first slot follow
# from its random number, and it stands there or behind, around the page. Request i adds its value to the sum, or
# (STORES) i + 1 to the value. Result: the sum.

.equ OPERATIONS, 0
.equ SLOTS, 256

.macro LOOK_UP kind
    mov rdi, [rip + numbers + OPERATIONS]
    call slice
    mov rbx, rdi                    # rbx request
    mov r12, rsi                    # r12 end
    xor ebp, ebp                    # rbp sum
    mov r14, [rip + requests]
    cmp rbx, r12
    jae 8f
1:  mov edi, [r14 + rbx * 4]
    RANDOM
    mov r13, rax                    # r13 random number
    shr rax, 32
    imul rax, [rip + page_count]
    shr rax, 32
    mov rdi, rax
    GET \kind
    mov r8d, [r14 + rbx * 4]
2:  and r13d, SLOTS - 1
    mov rdx, r13
    shl rdx, 4
    inc r13d
    cmp [rax + rdx], r8
    jne 2b
    cmp qword ptr [rip + stores], 0
    jne 3f
    add rbp, [rax + rdx + 8]
    jmp 4f
3:  lea r8, [rbx + 1]
    lock add [rax + rdx + 8], r8
    DIRTY \kind
4:  PUT \kind
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
    shl rsi, 2
    call map_input
    mov [rip + requests], rax
    ret

.data
requests: .quad 0

.include "cache.s"
