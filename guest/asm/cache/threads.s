# The program around a workload.
#   WORKLOAD MECHANISM POLICY QUOTA BATCH THREADS HANDLERS SPARE FRAMES PAGES STORES MARKS ON_DISK SCATTERED [NUMBER...]
# POLICY: policy.s. QUOTA: most pages in memory (0: all). BATCH: pages evicted together. THREADS touch pages, thread i on
# core i; HANDLERS more handle faults where the mechanism needs them, and one more evicts when SPARE is not 0: each on a
# core of its own behind them. FRAMES: of each core's ring, at first (hw.s). STORES 1: the workload stores to pages. MARKS 1: it sets accessed bits of its own.
# ON_DISK 1: the file is read and written page by page, past the kernel's cache; 0: it is in memory.
# SCATTERED 1: the workload tells the kernel that its accesses are random. The
# NUMBERs are the workload's ([numbers]).
# A workload defines
#   prepare()                        before the measured part, which lies between two gettid()
#   variants                         functions by kind of access: (rdi number of the thread, r15 its block) -> rax, which
#                                    is added to [sum]; they may clobber every register
# fd 4 gets [result], which is [sum] unless prepare changes [result] and [result_bytes]; fd 5 gets the counters of core.s
# after the measured part and at the end, fd 6 the cycles of the misses that no fault shows (frames.s).

.equ MOST_THREADS, 32
.equ COUNTERS_FD, 5
.equ LATENCIES_FD, 6

.text
.globl _start
_start:
    mov rbp, rsp                    # argc, argv[0], argv[1] ...
    mov rdi, [rbp + 16]
    call find_mechanism
    lea r12, [rip + settings]
    lea r13, [rbp + 24]             # r13 the next argument
1:  mov rsi, [r13]
    call parse_number
    mov rcx, [r12]
    mov [rcx], rax
    add r12, 8
    add r13, 8
    cmp qword ptr [r12], 0
    jne 1b
    lea r12, [rip + numbers]
2:  mov rsi, [r13]
    test rsi, rsi
    jz 3f
    call parse_number
    mov [r12], rax
    add r12, 8
    add r13, 8
    lea rax, [rip + numbers_end]
    cmp r12, rax
    jb 2b
3:  xor edi, edi
    call stay_on_core
    call cache_open
    call start_helpers
    call prepare
    call start_workers
    call measured
    call write_counters
    call cache_flush
    call write_counters
    call save_file
    mov edx, MOST_MISSES
    cmp rdx, [rip + misses]
    cmova rdx, [rip + misses]
    shl rdx, 2
    jz 4f
    mov eax, SYS_write
    mov edi, LATENCIES_FD
    mov rsi, [rip + miss_cycles]
    syscall
4:  mov eax, SYS_write
    mov edi, 4
    mov rsi, [rip + result]
    mov rdx, [rip + result_bytes]
    syscall
    xor edi, edi
    mov eax, SYS_exit_group
    syscall

write_counters:
    mov eax, SYS_write
    mov edi, COUNTERS_FD
    lea rsi, [rip + counters]
    lea rdx, [rip + counters_end]
    sub rdx, rsi
    syscall
    ret

# find_mechanism(rdi name): sets [mechanism]
find_mechanism:
    lea rbx, [rip + mechanisms]
1:  mov rdx, [rbx]
    test rdx, rdx
    jz not_offered
    xor ecx, ecx
2:  mov al, [rdi + rcx]
    cmp al, [rdx + rcx]
    jne 3f
    inc ecx
    test al, al
    jnz 2b
    mov [rip + mechanism], rdx
    ret
3:  add rbx, 8
    jmp 1b

# cache_flush(): all pages leave; the file has every store
cache_flush:
    mov rax, [rip + mechanism]
    cmp qword ptr [rax + M_SYNC], 0
    jne cache_sync
    mov ecx, MOST_BATCH
    mov [rip + batch], rcx
    call lock_cache
    lea rcx, [rip + hw_mechanism]
    cmp rcx, [rip + mechanism]
    jne 1f
    call hw_learn
1:  cmp qword ptr [rip + resident], 0
    je 2f
    call make_room
    jmp 1b
2:  jmp unlock_cache

# start_thread(rdi function, rsi core): it starts with rdi the core
start_thread:
    push rdi
    push rsi
    mov rsi, HANDLER_STACK
    call allocate
    lea rsi, [rax + HANDLER_STACK]
    mov r9, [rsp]
    mov r8, [rsp + 8]
    mov [rsi - 8], r8
    mov [rsi - 16], r9
    sub rsi, 16
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test rax, rax
    js ioctl_failed
    jz 1f
    pop rsi
    pop rdi
    ret
1:  pop rdi
    push rdi
    call stay_on_core
    pop rdi
    pop rax
    jmp rax

# handler threads and the evictor thread, on the cores behind those of the workload's threads
start_helpers:
    push rbx
    push r12
    mov rbx, [rip + thread_count]
    mov rax, [rip + mechanism]
    cmp qword ptr [rax + M_HANDLERS], 0
    je 2f
    mov r12, [rip + handler_count]
1:  mov rax, [rip + mechanism]
    mov rdi, [rax + M_HANDLERS]
    mov rsi, rbx
    call start_thread
    inc rbx
    dec r12
    jnz 1b
2:  cmp qword ptr [rip + spare], 0
    je 3f
    lea rdi, [rip + evictor_thread]
    mov rsi, rbx
    call start_thread
3:  pop r12
    pop rbx
    ret

start_workers:
    push rbx
    mov rax, [rip + thread_count]
    mov [rip + running], eax
    dec eax
    mov [rip + unready], eax
    mov ebx, 1
1:  cmp rbx, [rip + thread_count]
    jae 2f
    lea rdi, [rip + worker]
    mov rsi, rbx
    call start_thread
    inc rbx
    jmp 1b
2:  xor edi, edi
    call join_cache
3:  mov edx, [rip + unready]
    test edx, edx
    jz 4f
    lea rdi, [rip + unready]
    call wait_while
    jmp 3b
4:  pop rbx
    ret

# wait_while(rdi word, edx value): sleep while the word has this value
wait_while:
    mov eax, SYS_futex
    mov esi, FUTEX_WAIT | FUTEX_PRIVATE_FLAG
    xor r10d, r10d
    syscall
    ret

# wake_all(rdi word)
wake_all:
    mov eax, SYS_futex
    mov esi, FUTEX_WAKE | FUTEX_PRIVATE_FLAG
    mov edx, MOST_THREADS
    syscall
    ret

# join_cache(rdi number of the thread): r15 is its block from now on
join_cache:
    mov rax, rdi
    shl rax, 6
    lea r15, [rip + thread_blocks]
    add r15, rax
    mov [r15 + THREAD_NUMBER], rdi
    mov rax, [rip + mechanism]
    cmp qword ptr [rax + M_JOIN], 0
    je 1f
    call [rax + M_JOIN]
1:  ret

worker:
    call join_cache
    lock dec dword ptr [rip + unready]
    lea rdi, [rip + unready]
    call wake_all
1:  cmp dword ptr [rip + go], 0
    jne 2f
    lea rdi, [rip + go]
    xor edx, edx
    call wait_while
    jmp 1b
2:  call work
    lock dec dword ptr [rip + running]
    lea rdi, [rip + running]
    call wake_all
    mov eax, SYS_exit
    xor edi, edi
    syscall

measured:
    mov eax, SYS_gettid
    syscall
    cmp qword ptr [rip + thread_count], 1
    je 1f
    mov dword ptr [rip + go], 1
    lea rdi, [rip + go]
    call wake_all
1:  call work
    lock dec dword ptr [rip + running]
2:  mov edx, [rip + running]
    test edx, edx
    jz 3f
    lea rdi, [rip + running]
    call wait_while
    jmp 2b
3:  mov eax, SYS_gettid
    syscall
    ret

# the workload's code of the kind of access that the mechanism wants
work:
    push r15
    mov rax, [rip + mechanism]
    mov rax, [rax + M_KIND]
    cmp rax, CALLED
    je 1f
    add rax, [rip + marks]          # DIRECT to MARKED, SWIZZLED to SWIZZLED_MARKED
1:  mov rdi, [r15 + THREAD_NUMBER]
    lea rcx, [rip + variants]
    call [rcx + rax * 8]
    lock add [rip + sum], rax
    pop r15
    ret

# slice(rdi number of things, r15) -> rdi first, rsi end of this thread's. Clobbers rax, rcx, rdx.
slice:
    mov rcx, rdi
    mov rax, rdi
    imul rax, [r15 + THREAD_NUMBER]
    xor edx, edx
    div qword ptr [rip + thread_count]
    mov rdi, rax
    mov rax, [r15 + THREAD_NUMBER]
    inc rax
    imul rax, rcx
    xor edx, edx
    div qword ptr [rip + thread_count]
    mov rsi, rax
    ret

# map_input(rsi bytes) -> rax: the file that is open as fd 3, in memory
map_input:
    mov edx, PROT_READ
    mov r10d, MAP_PRIVATE | MAP_POPULATE
    mov r8d, 3
    jmp map

# barrier(): until all threads of the workload are here. Clobbers the registers of syscall, rdx, rsi, rdi, r10.
barrier:
    cmp qword ptr [rip + thread_count], 1
    je 2f
    mov edx, [rip + barrier_round]
    mov eax, 1
    lock xadd [rip + barrier_here], eax
    inc eax
    cmp eax, [rip + thread_count]
    jne 1f
    mov dword ptr [rip + barrier_here], 0
    inc dword ptr [rip + barrier_round]
    lea rdi, [rip + barrier_round]
    jmp wake_all
1:  cmp edx, [rip + barrier_round]
    jne 2f
    lea rdi, [rip + barrier_round]
    push rdx
    call wait_while
    pop rdx
    jmp 1b
2:  ret

.data
settings:
    .quad policy, quota, batch, thread_count, handler_count, spare, ring_frames, page_count, stores, marks
    .quad on_disk, scattered, 0
thread_count: .quad 1
handler_count: .quad 1
ring_frames: .quad 64
marks:  .quad 0
numbers: .quad 0, 0, 0, 0, 0, 0
numbers_end:
running: .quad 0
unready: .quad 0
go:     .quad 0
barrier_here: .quad 0
barrier_round: .quad 0
sum:    .quad 0
result: .quad sum
result_bytes: .quad 8
.bss
.balign 64
thread_blocks: .skip MOST_THREADS * THREAD_BLOCK
