# The fault benchmark: touch every page of a region once, and let the machine's mode bring each in.
#   fault_bench PAGES WRITE RANDOM COPY [THREADS [HANDLER]]
# WRITE 0 read, 1 write. RANDOM 0 ascending, 1 a full-period random order. COPY 0 zero pages, 1 copies of a backing mapping.
# THREADS share the pages, each a slice. HANDLER is paging.s's [handler_kind]. The measured part lies between two gettid().
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
    cmp qword ptr [rbp], 6          # argc
    jb 2f
    mov rsi, [rbp + 48]
    call parse_number
    mov [rip + threads], rax
    cmp qword ptr [rbp], 7
    jb 2f
    mov rsi, [rbp + 56]
    call parse_number
    mov [rip + handler_kind], rax

2:
    mov rsi, r12
    shl rsi, 12
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    mov r8, -1
    call map
    mov rbx, rax                    # rbx region
    call open_userfaultfd
    xor r14d, r14d                  # r14 backing
    test eax, eax
    jz measured_part
    cmp qword ptr [rip + copy], 0
    je 1f
    call make_backing
1:  mov rdi, rbx
    mov rsi, r12
    shl rsi, 12
    mov rdx, r14
    call handle_faults
    mov [rip + mode], rax
    jmp measured_part

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

measured_part:
    mov eax, SYS_gettid
    syscall
    mov rax, [rip + threads]
    mov [rip + running], eax
    mov r15d, 1                     # r15 number of the thread
1:  cmp r15, [rip + threads]
    jae 2f
    call start_worker
    inc r15
    jmp 1b
2:  xor r15d, r15d
    call touch_slice
    lock dec dword ptr [rip + running]
3:  mov edx, [rip + running]
    test edx, edx
    jz 4f
    mov eax, SYS_futex
    lea rdi, [rip + running]
    mov esi, FUTEX_WAIT | FUTEX_PRIVATE_FLAG
    xor r10d, r10d
    syscall
    jmp 3b
4:  mov eax, SYS_gettid
    syscall

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

# a thread with r15, and its own handler where faults are forwarded
start_worker:
    mov rsi, HANDLER_STACK
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    call map
    lea rsi, [rax + HANDLER_STACK]
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test rax, rax
    jz 1f
    ret
1:  cmp qword ptr [rip + mode], MODE_PFF
    jne 2f
    call forward_own_faults
    test rax, rax
    jnz ioctl_failed
2:  call touch_slice
    lock dec dword ptr [rip + running]
    mov eax, SYS_futex
    lea rdi, [rip + running]
    mov esi, FUTEX_WAKE | FUTEX_PRIVATE_FLAG
    mov edx, 1
    syscall
    mov eax, SYS_exit
    xor edi, edi
    syscall

# touch the pages [r9, r9 + r10) that are thread r15's, and add what is there to sum
touch_slice:
    mov rax, r12
    imul rax, r15
    xor edx, edx
    div qword ptr [rip + threads]
    mov r9, rax
    lea rax, [r15 + 1]
    imul rax, r12
    xor edx, edx
    div qword ptr [rip + threads]
    mov r10, rax
    sub r10, r9
    jz 7f
    mov r11d, 1                     # the smallest power of two that holds all of them, then its mask
1:  cmp r11, r10
    jae 2f
    add r11, r11
    jmp 1b
2:  dec r11
    xor edi, edi                    # rdi pages touched
    xor esi, esi                    # rsi sum
    xor ecx, ecx                    # rcx page, from r9 on
3:  cmp qword ptr [rip + random], 0
    je 4f
    imul rcx, rcx, MULTIPLIER
    add rcx, INCREMENT
    and rcx, r11
    cmp rcx, r10
    jae 3b
4:  lea rax, [rcx + r9]
    lea r8, [rax + 1]
    call word_of_page
    test r13, r13
    jz 5f
    mov [rbx + rax], r8             # the measured write
5:  add rsi, [rbx + rax]            # the measured read
    cmp qword ptr [rip + random], 0
    jne 6f
    inc rcx
6:  inc rdi
    cmp rdi, r10
    jb 3b
    lock add [rip + sum], rsi
7:  ret

.data
threads: .quad 1
mode:   .quad 0
running: .quad 0
random: .quad 0
copy:   .quad 0
sum:    .quad 0

.include "paging.s"
