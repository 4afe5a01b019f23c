# The fault benchmark: touch every page of a region once, and let the machine's mode bring each in.
#   fault_bench PAGES WRITE RANDOM COPY
# WRITE 0 read, 1 write. RANDOM 0 ascending, 1 a full-period random order. COPY 0 zero pages, 1 copies of a backing mapping.
# Page i is touched at offset (i mod 64) * 64, where the backing mapping holds i + 1; so is what is written.
# Writes the sum of all touched words to fd 4, and exits with 0 when it is right, 1 when not.

.equ MULTIPLIER, 1664525            # Knuth/Numerical Recipes' LCG: full period modulo any power of two
.equ INCREMENT, 1013904223

.text
.globl _start
_start:
    mov rbp, rsp                    # argc, argv[0], argv[1] ...
    mov rsi, [rbp + 16]
    call parse_number
    mov r12, rax                    # r12 pages
    mov rsi, [rbp + 24]
    call parse_number
    mov r13, rax                    # r13 write
    mov rsi, [rbp + 32]
    call parse_number
    mov [rip + random], rax
    mov rsi, [rbp + 40]
    call parse_number
    mov [rip + copy], rax

    mov rsi, r12
    shl rsi, 12
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    mov r8, -1
    call map
    mov rbx, rax                    # rbx region
    call open_userfaultfd
    test eax, eax
    jz touch_all
    xor r14d, r14d                  # r14 backing
    cmp qword ptr [rip + copy], 0
    je 1f
    call make_backing
1:  mov rdi, rbx
    mov rsi, r12
    shl rsi, 12
    mov rdx, r14
    call handle_faults
    jmp touch_all

# r14 := a populated mapping with page i's word set to i + 1
make_backing:
    mov rsi, r12
    shl rsi, 12
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    call map
    mov r14, rax
    xor ecx, ecx
1:  mov rax, rcx
    call word_of_page
    inc rcx
    mov [r14 + rax], rcx
    cmp rcx, r12
    jb 1b
    ret

# rax page -> rax offset of its word in the region. Clobbers rdx.
word_of_page:
    mov rdx, rax
    and edx, 63
    shl edx, 6
    shl rax, 12
    add rax, rdx
    ret

touch_all:
    mov r15d, 1                     # r15 mask of the smallest power of two that holds all pages
1:  cmp r15, r12
    jae 2f
    add r15, r15
    jmp 1b
2:  dec r15
    xor edi, edi                    # rdi pages touched
    xor esi, esi                    # rsi sum
    xor ecx, ecx                    # rcx page
3:  cmp qword ptr [rip + random], 0
    je 4f
    imul rcx, rcx, MULTIPLIER
    add rcx, INCREMENT
    and rcx, r15
    cmp rcx, r12
    jae 3b
4:  mov rax, rcx
    call word_of_page
    lea r8, [rcx + 1]
    test r13, r13
    jz 5f
    mov [rbx + rax], r8             # the measured write
5:  add rsi, [rbx + rax]            # the measured read
    cmp qword ptr [rip + random], 0
    jne 6f
    inc rcx
6:  inc rdi
    cmp rdi, r12
    jb 3b

    mov [rip + sum], rsi
    mov eax, SYS_write
    mov edi, 4
    lea rsi, [rip + sum]
    mov edx, 8
    syscall
    # right: pages * (pages + 1) / 2 when words were written or copied, else 0
    xor eax, eax
    mov rcx, r13
    or rcx, r14
    jz 7f
    lea rax, [r12 + 1]
    imul rax, r12
    shr rax, 1
7:  xor edi, edi
    cmp rax, [rip + sum]
    setne dil
    mov eax, SYS_exit_group
    syscall

.data
random: .quad 0
copy:   .quad 0
sum:    .quad 0

.include "paging.s"
