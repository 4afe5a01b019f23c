# The fault benchmark: touch every page of a region once, and let the machine's mode bring each in.
#   fault_bench PAGES WRITE RANDOM COPY [THREADS [HANDLER [HANDLERS [FRAMES [LOW BATCH [OWN_AREAS]]]]]]
# WRITE 0 read, 1 write. RANDOM 0 ascending, 1 a full-period random order. COPY 0 zero pages, 1 copies of a backing mapping,
# 2 minor faults: the pages are in the page cache already, by another mapping of the same memfd.
# THREADS share the pages, each a slice. HANDLER and HANDLERS are paging.s's [handler_kind] and [handlers]; FRAMES, LOW and
# BATCH its [hw_frames], [hw_low] and [hw_batch] (a frame for each of a slice's pages, unless given). OWN_AREAS 1: each slice
# is an area (VMA) of its own. The measured part lies between two gettid().
# Page i is touched at offset (i mod 64) * 64, where the backing mapping holds i + 1; a write stores the same.
# Writes the sum of all touched words to fd 4, and exits with 0 when it is right, 1 when not.

.equ MULTIPLIER, 1664525            # Knuth/Numerical Recipes' LCG: full period modulo any power of two
.equ INCREMENT, 1013904223
.equ MINOR, 2
.equ MADV_DONTFORK, 10              # one of the flags by which areas differ and do not merge

.text
.globl _start
_start:
    mov rbp, rsp                    # argc, argv[0], argv[1] ...
    mov rsi, [rbp + 16]
    call parse_number
    mov r12, rax                    # r12 pages
    mov [rip + hw_frames], rax
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
    mov [rip + hw_cores], rax
    mov rcx, rax
    mov rax, r12
    xor edx, edx
    div rcx
    inc rax
    mov [rip + hw_frames], rax      # the pages of a thread's slice
    cmp qword ptr [rbp], 7
    jb 2f
    mov rsi, [rbp + 56]
    call parse_number
    mov [rip + handler_kind], rax
    cmp qword ptr [rbp], 8
    jb 2f
    mov rsi, [rbp + 64]
    call parse_number
    mov [rip + handlers], rax
    cmp qword ptr [rbp], 9
    jb 3f
    mov rsi, [rbp + 72]
    call parse_number
    mov [rip + hw_frames], rax
    cmp qword ptr [rbp], 11
    jb 3f
    mov rsi, [rbp + 80]
    call parse_number
    mov [rip + hw_low], rax
    mov rsi, [rbp + 88]
    call parse_number
    mov [rip + hw_batch], rax
    cmp qword ptr [rbp], 12
    jb 3f
    mov rsi, [rbp + 96]
    call parse_number
    mov [rip + own_areas], rax
3:  mov rax, [rip + handlers]
    add rax, [rip + threads]
    cmp rax, 2
    jbe 2f
    mov rax, [rip + threads]        # each has a core of its own: threads first, handlers behind them
    mov [rip + handler_cores], rax

2:
    mov r8, -1
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    xor r14d, r14d                  # r14 backing
    cmp qword ptr [rip + copy], MINOR
    jne 2f
    call make_memfd
    mov r8, rax
    mov r10d, MAP_SHARED | MAP_POPULATE
    call make_backing
    mov r10d, MAP_SHARED
2:  mov rsi, r12
    shl rsi, 12
    mov edx, PROT_READ | PROT_WRITE
    call map
    mov rbx, rax                    # rbx region
    call open_userfaultfd
    test eax, eax
    jz measured_part
    xor edx, edx                    # handle_faults' backing
    mov rax, [rip + copy]
    cmp rax, 1
    jb 1f
    ja 2f
    mov r8, -1
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    call make_backing
    mov rdx, r14
    jmp 1f
2:  mov qword ptr [rip + registration + 16], UFFDIO_REGISTER_MODE_MINOR
    mov dword ptr [rip + without_copy], UFFDIO_CONTINUE
1:  mov rdi, rbx
    mov rsi, r12
    shl rsi, 12
    call handle_faults
    mov [rip + mode], rax
    jmp measured_part

# make each second slice differ from its neighbours by a flag
split_into_areas:
    mov r15d, 1                     # the slice's thread
1:  cmp r15, [rip + threads]
    jae 2f
    .include "fault_slice.inc"
    mov rdi, r9
    shl rdi, 12
    add rdi, rbx
    mov rsi, r10
    shl rsi, 12
    mov edx, MADV_DONTFORK
    mov eax, SYS_madvise
    syscall
    test rax, rax
    jnz ioctl_failed
    add r15d, 2
    jmp 1b
2:  ret

# -> rax: a memfd as long as the region
make_memfd:
    mov eax, SYS_memfd_create
    lea rdi, [rip + memfd_name]
    xor esi, esi
    syscall
    test rax, rax
    js ioctl_failed
    mov rdi, rax
    push rax
    mov rsi, r12
    shl rsi, 12
    mov eax, SYS_ftruncate
    syscall
    test rax, rax
    jnz ioctl_failed
    pop rax
    ret

# r14 := a populated mapping (r10 flags, r8 fd) with page i's word set to i + 1. Keeps r8.
make_backing:
    mov rsi, r12
    shl rsi, 12
    mov edx, PROT_READ | PROT_WRITE
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
    cmp qword ptr [rip + own_areas], 0
    je 2f
    call split_into_areas
2:  mov rax, [rip + threads]
    mov [rip + running], eax
    dec eax
    mov [rip + unready], eax
    mov r15d, 1                     # r15 number of the thread
1:  cmp r15, [rip + threads]
    jae 2f
    call start_worker
    inc r15
    jmp 1b
2:  mov edx, [rip + unready]
    test edx, edx
    jz 3f
    mov eax, SYS_futex
    lea rdi, [rip + unready]
    mov esi, FUTEX_WAIT | FUTEX_PRIVATE_FLAG
    xor r10d, r10d
    syscall
    jmp 2b
3:  mov eax, SYS_gettid
    syscall
    cmp qword ptr [rip + threads], 1
    je 1f
    mov dword ptr [rip + go], 1
    mov eax, SYS_futex
    lea rdi, [rip + go]
    mov esi, FUTEX_WAKE | FUTEX_PRIVATE_FLAG
    mov edx, 64
    syscall
1:  xor r15d, r15d
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

# a thread with r15 on core r15, and its own handler where faults are forwarded; it waits for [go]
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
1:  mov rdi, r15
    call stay_on_core
    cmp qword ptr [rip + mode], MODE_PFF
    jne 2f
    call forward_own_faults
    test rax, rax
    jnz ioctl_failed
2:  lock dec dword ptr [rip + unready]
    mov eax, SYS_futex
    lea rdi, [rip + unready]
    mov esi, FUTEX_WAKE | FUTEX_PRIVATE_FLAG
    mov edx, 1
    syscall
3:  cmp dword ptr [rip + go], 0
    jne 4f
    mov eax, SYS_futex
    lea rdi, [rip + go]
    mov esi, FUTEX_WAIT | FUTEX_PRIVATE_FLAG
    xor edx, edx
    xor r10d, r10d
    syscall
    jmp 3b
4:  call touch_slice
    lock dec dword ptr [rip + running]
    mov eax, SYS_futex
    lea rdi, [rip + running]
    mov esi, FUTEX_WAKE | FUTEX_PRIVATE_FLAG
    mov edx, 1
    syscall
    mov eax, SYS_exit
    xor edi, edi
    syscall

# touch the pages [r9, r9 + r10) of thread r15, and add their words to sum
touch_slice:
    .include "fault_slice.inc"
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
memfd_name: .asciz "pages"
threads: .quad 1
mode:   .quad 0
running: .quad 0
unready: .quad 0
go:     .quad 0
random: .quad 0
copy:   .quad 0
own_areas: .quad 0
sum:    .quad 0

.include "paging.s"
