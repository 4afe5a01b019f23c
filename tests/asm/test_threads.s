# Threads: clone, exit, futex, sched_yield, gettid, clocks; UINTR state belongs to a thread.

.include "pff.inc"
# map: buf 16K rw
.equ THREAD, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD

.text
# start(rdi flags, rdx parent tid, r10 child tid, r8 tls, rbx entry) -> rax; the child runs at rbx on a stack in buf
start:
    mov eax, SYS_clone
    mov esi, buf + 16384
    syscall
    test rax, rax
    jz 1f
    ret
1:  jmp rbx
spin: pause
    jmp spin
.data
.balign 8
word:   .long 0, 0
result: .quad 0, 0
span:   .quad 0, 1000000

# test: gettid is the thread's number
# expect: rax == 1 and tid == 1
    mov eax, SYS_gettid
    syscall

# test: clone gives the child's number to the parent and 0 to the child
# cpus: 2
# expect: rbp == 2 and mem64[result] == 2 and mem64[result + 8] == buf + 16384
    mov edi, THREAD
    lea rbx, [rip + child]
    call start
    mov rbp, rax
1:  pause
    cmp qword ptr [rip + result], 0
    je 1b
    jmp out
child:
    mov [rip + result + 8], rsp
    mov eax, SYS_gettid
    syscall
    mov [rip + result], rax
    jmp spin
out: nop

# test: a new thread goes to the least loaded core
# cpus: 3
# expect: rax == 2
# CHECK: created tid=2 core=1
    mov edi, THREAD
    lea rbx, [rip + spin]
    call start

# test: clone refuses what does not fit together
# param: bits, errno = (CLONE_SIGHAND, EINVAL), (CLONE_THREAD, EINVAL), (0x10f00 | 0x20000000, EINVAL)
# expect: rax == -errno
    mov rdi, bits
    lea rbx, [rip + spin]
    call start

# test: CLONE_PARENT_SETTID and CLONE_CHILD_SETTID store the number
# expect: mem32[word] == 2 and mem32[word + 4] == 2 and rax == 2
    mov edi, THREAD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID
    lea rdx, [rip + word]
    lea r10, [rip + word + 4]
    lea rbx, [rip + spin]
    call start

# test: CLONE_SETTLS sets the child's FS base
# cpus: 2
# expect: mem64[result] == 0x77
    mov qword ptr [buf + 8], 0x77
    mov edi, THREAD | CLONE_SETTLS
    mov r8d, buf
    lea rbx, [rip + child]
    call start
1:  pause
    cmp qword ptr [rip + result], 0
    je 1b
    jmp out
child: mov rax, fs:[8]
    mov [rip + result], rax
    jmp spin
out: nop

# test: CLONE_CHILD_CLEARTID clears the word and wakes its futex at exit
# cpus: 2
# expect: rax == 0 and mem32[word] == 0
# CHECK: blocked futex
# CHECK: woken tid=1
# CHECK: exited status=5
    mov dword ptr [rip + word], 2
    mov edi, THREAD | CLONE_CHILD_CLEARTID
    lea r10, [rip + word]
    lea rbx, [rip + child]
    call start
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_WAIT
    mov edx, 2
    xor r10d, r10d
    syscall
    jmp out
child:
    mov ecx, 50000
1:  dec ecx
    jnz 1b
    mov eax, SYS_exit
    mov edi, 5
    syscall
out: nop

# test: FUTEX_WAIT on another value is EAGAIN
# expect: rax == -EAGAIN
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_WAIT
    mov edx, 1
    xor r10d, r10d
    syscall

# test: FUTEX_WAIT sleeps while the value is the expected one
# deadlock: waits for futex
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_WAIT
    xor edx, edx
    xor r10d, r10d
    syscall

# test: FUTEX_WAIT with a timeout is ETIMEDOUT
# param: private = 0, 128
# expect: rax == -ETIMEDOUT
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_WAIT | private
    xor edx, edx
    lea r10, [rip + span]
    syscall

# test: a futex at a misaligned address is EINVAL, at an unmapped one EFAULT
# param: at, errno = (0x10000001, EINVAL), (8, EFAULT)
# expect: rax == -errno
    mov eax, SYS_futex
    mov edi, at
    mov esi, FUTEX_WAIT
    xor edx, edx
    xor r10d, r10d
    syscall

# test: FUTEX_WAKE without a sleeper wakes none
# expect: rax == 0
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_WAKE
    mov edx, 1
    syscall

# test: futex operations that do not exist are ENOSYS
# param: operation = 2, 14, 99
# expect: rax == -ENOSYS
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, operation
    syscall

# test: FUTEX_LOCK_PI stores the thread's number, a second time it is EDEADLK
# expect: rax == -EDEADLK and rbx == 0 and mem32[word] == 1
    mov dword ptr [rip + word], 0
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_LOCK_PI
    xor r10d, r10d
    syscall
    mov rbx, rax
    mov eax, SYS_futex
    syscall

# test: FUTEX_LOCK_PI sleeps while another thread owns the lock
# cpus: 2
# thread: owner
# deadlock: waits for the lock at
1:  pause
    cmp dword ptr [rip + result], 0
    je 1b
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_LOCK_PI
    xor r10d, r10d
    syscall
owner:
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_LOCK_PI
    xor r10d, r10d
    syscall
    mov dword ptr [rip + result], 1
    mov eax, SYS_futex
    lea rdi, [rip + word + 4]
    mov esi, FUTEX_WAIT
    xor edx, edx
    syscall

# test: FUTEX_WAKE_OP changes the second word and compares what it held
# param: encoded, left = (0x01001000, 1), (0x11002000, 9), (0x20003000, 7), (0x30003000, 4), (0x40002000, 5)
# expect: rax == 0 and mem32[word] == left
    mov dword ptr [rip + word], 7
    mov eax, SYS_futex
    lea rdi, [rip + word + 4]
    mov esi, FUTEX_WAKE_OP
    mov edx, 1
    mov r10d, 1
    lea r8, [rip + word]
    mov r9d, encoded
    syscall

# test: FUTEX_CMP_REQUEUE with another value is EAGAIN
# expect: rax == -EAGAIN
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_CMP_REQUEUE
    mov edx, 1
    mov r10d, 1
    lea r8, [rip + word + 4]
    mov r9d, 5
    syscall

# test: FUTEX_WAKE wakes as many as asked for
# param: count = 1, 2
# cpus: 3
# thread: sleeper
# thread: sleeper
# expect: rax == count
# count: wakes == count
    mov ecx, 30000
1:  dec ecx
    jnz 1b
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_WAKE
    mov edx, count
    syscall
    jmp out
sleeper:
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_WAIT
    xor edx, edx
    xor r10d, r10d
    syscall
    jmp spin
out: nop

# test: sched_yield lets the other thread of the core run
# thread: other
# expect: mem64[result] == 1
    mov eax, SYS_sched_yield
    syscall
    cmp qword ptr [rip + result], 1
    jne test.begin
    jmp out
other:
    mov qword ptr [rip + result], 1
    jmp spin
out: nop

# test: a thread that never sleeps is preempted
# thread: other
# expect: mem64[result] == 1
1:  cmp qword ptr [rip + result], 1
    jne 1b
    jmp out
other:
    mov qword ptr [rip + result], 1
    jmp spin
out: nop

# test: registers survive a context switch
# thread: spin
# regs: rbx=2 rdx=4 rsi=5 rdi=6 rbp=7 r8=8 r9=9 r10=10 r12=12 r13=13 r14=14 r15=15
# expect: rbx == 2 and rdx == 4 and rsi == 5 and rdi == 6 and rbp == 7 and r8 == 8 and r9 == 9 and r10 == 10
# expect: r12 == 12 and r13 == 13 and r14 == 14 and r15 == 15 and rax == 0
# count: context_switches >= 2
    mov eax, SYS_sched_yield
    syscall
    mov eax, SYS_sched_yield
    syscall

# test: exit_group ends every thread
# cpus: 2
# thread: spin
# expect: exit == 4
    mov eax, SYS_exit_group
    mov edi, 4
    syscall

# test: clocks run forwards, the real-time one from 2025 on
# param: clock, low = (CLOCK_MONOTONIC, 0), (CLOCK_REALTIME, 1735689600), (CLOCK_MONOTONIC_RAW, 0), (CLOCK_BOOTTIME, 0)
# expect: rax == 0 and mem64[result] == low and mem64[result + 8] > 0
    mov eax, SYS_clock_gettime
    mov edi, clock
    lea rsi, [rip + result]
    syscall

# test: an unknown clock is EINVAL, a bad pointer EFAULT
# param: clock, at, errno = (99, 0x10000000, EINVAL), (1, 8, EFAULT)
# expect: rax == -errno
    mov eax, SYS_clock_gettime
    mov edi, clock
    mov esi, at
    syscall

# test: RDTSC runs forwards
# expect: rbx < rax
    rdtsc
    mov ebx, eax
    rdtsc
