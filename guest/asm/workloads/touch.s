# Touch pages: fault, mmapbench, scan, migrate.
#   numbers: OPERATIONS ORDER WORDS AHEAD
# ORDER 0: ascending, again and again; 1: random; 2: each page once in a scattered order (a power of two of pages).
# WORDS 1: a random word of the page is read, or (STORES) the operation's number + 1 is added to it; 512: all words are read.
# AHEAD: after so many pages, so many more are asked for (cache_ahead); a power of two, or 0. Result: the sum of the words read.

.equ OPERATIONS, 0
.equ ORDER, 8
.equ WORDS, 16
.equ AHEAD, 24
.equ PERMUTED, 2
.equ STRIDE, 0x9E3779B1             # odd

.macro TOUCH kind
    mov rdi, [rip + numbers + OPERATIONS]
    call slice
    mov rbx, rdi                    # rbx operation
    mov r12, rsi                    # r12 end
    xor ebp, ebp                    # rbp sum
    mov r14, [rip + page_count]
    cmp rbx, r12
    jae 8f
1:  mov rdi, rbx
    RANDOM
    mov r13, rax                    # r13 random number
    mov rcx, [rip + numbers + ORDER]
    cmp rcx, 1
    jb 2f
    ja 3f
    shr rax, 32
    imul rax, r14
    shr rax, 32
    mov rdi, rax
    jmp 4f
2:  mov rax, rbx
    xor edx, edx
    div r14
    mov rdi, rdx
    mov rsi, [rip + numbers + AHEAD]
    test rsi, rsi
    jz 4f
    lea rax, [rsi - 1]
    test rax, rdi
    jnz 4f
    push rdi
    call cache_ahead
    pop rdi
    jmp 4f
3:  mov eax, STRIDE
    imul rax, rbx
    lea rdi, [r14 - 1]
    and rdi, rax
4:  GET \kind
    cmp qword ptr [rip + numbers + WORDS], 1
    jne 6f
    and r13d, 511
    cmp qword ptr [rip + stores], 0
    jne 5f
    add rbp, [rax + r13 * 8]        # the measured read
    jmp 7f
5:  DIRTY \kind
    lea rcx, [rbx + 1]
    lock add [rax + r13 * 8], rcx   # the measured write
    jmp 7f
6:  lea rcx, [rax + PAGE]
5:  add rbp, [rax]
    add rax, 8
    cmp rax, rcx
    jb 5b
7:  PUT \kind
    inc rbx
    cmp rbx, r12
    jb 1b
8:  mov rax, rbp
    ret
.endm

.include "cache/access.inc"
.text
VARIANTS TOUCH

prepare:
    ret

.include "cache.s"
