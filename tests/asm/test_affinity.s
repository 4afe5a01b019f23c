# sched_setaffinity, sched_getaffinity, getcpu; a thread that moves keeps all its state.

.include "pff.inc"
# map: buf 16K rw
.text
set:                                # pid EDI, mask RAX -> RAX
    mov [rip + mask], rax
    mov eax, SYS_sched_setaffinity
    mov esi, 8
    lea rdx, [rip + mask]
    syscall
    ret
get:                                # pid EDI -> RAX, mask in `mask`
    mov eax, SYS_sched_getaffinity
    mov esi, 8
    lea rdx, [rip + mask]
    syscall
    ret
where:                              # -> RAX
    mov eax, SYS_getcpu
    lea rdi, [rip + core]
    xor esi, esi
    syscall
    mov eax, [rip + core]
    ret
spin: pause
    jmp spin
.data
.balign 8
mask: .quad 0
core: .long -1, -1

# test: a thread may run anywhere at first
# cpus: 4
# expect: rax == 8 and mem64[mask] == 15
    xor edi, edi
    call get

# test: getcpu says where, and that the node is 0
# cpus: 2
# expect: rax == 0 and mem32[core] == 0 and mem32[core + 4] == 0
    mov eax, SYS_getcpu
    lea rdi, [rip + core]
    lea rsi, [rip + core + 4]
    xor edx, edx
    syscall

# test: getcpu does without either pointer
# expect: rax == 0
    mov eax, SYS_getcpu
    xor edi, edi
    xor esi, esi
    syscall

# test: a running thread goes to another core at once, with all its registers
# cpus: 3
# expect: rbx == 0 and rax == 2 and rbp == 0x1234 and s64(r15) == -1 and xmm3.q0 == 7
    mov ebp, 0x1234
    mov r15, -1
    mov ecx, 7
    movq xmm3, rcx
    xor edi, edi
    mov eax, 4
    call set
    mov rbx, rax
    call where

# test: there and back
# cpus: 2
# expect: rbx == 1 and rax == 0
    xor edi, edi
    mov eax, 2
    call set
    call where
    mov rbx, rax
    xor edi, edi
    mov eax, 1
    call set
    call where

# test: a mask that allows the present core moves no thread
# cpus: 2
# expect: rax == 0
    xor edi, edi
    mov eax, 3
    call set
    call where

# test: cores that are not there are left out of the mask
# cpus: 2
# expect: rbx == 0 and mem64[mask] == 3
    xor edi, edi
    mov rax, -1
    call set
    mov rbx, rax
    xor edi, edi
    call get

# test: a mask without any core is EINVAL
# cpus: 2
# param: m = 0, 4, 0xFFFFFFFFFFFFFFFC
# expect: rax == -EINVAL
    xor edi, edi
    mov rax, m
    call set

# test: a number that no thread has is ESRCH
# param: call_number = SYS_sched_setaffinity, SYS_sched_getaffinity
# expect: rax == -ESRCH
    mov qword ptr [rip + mask], 1
    mov eax, call_number
    mov edi, 4711
    mov esi, 8
    lea rdx, [rip + mask]
    syscall

# test: a bad pointer is EFAULT
# param: call_number = SYS_sched_setaffinity, SYS_sched_getaffinity
# expect: rax == -EFAULT
    mov eax, call_number
    xor edi, edi
    mov esi, 8
    mov edx, 16
    syscall

# test: getaffinity wants room for all cores, in words
# cpus: 9
# param: size, result = (0, -EINVAL), (1, -EINVAL), (7, -EINVAL), (8, 8), (12, -EINVAL), (128, 8)
# expect: rax == result
    mov eax, SYS_sched_getaffinity
    xor edi, edi
    mov esi, size
    lea rdx, [rip + mask]
    syscall

# test: a new thread inherits the mask
# cpus: 4
# expect: mem32[core] == 2
    xor edi, edi
    mov eax, 4
    call set
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    mov esi, buf + 16384
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test eax, eax
    jnz 1f
    call where
    jmp spin
1:  cmp dword ptr [rip + core], -1
    jne 2f
    mov eax, SYS_sched_yield
    syscall
    jmp 1b
2:  nop

# test: a thread that runs on another core is sent away by IPI
# cpus: 3
# thread: other
# expect: rax == 0
# CHECK: ipi core=1 vector=0xfd
# CHECK: interrupt vector=0xfd (kernel)
1:  cmp dword ptr [rip + core], 1
    jne 1b
    mov edi, 2
    mov eax, 4
    call set
2:  cmp dword ptr [rip + core], 2
    jne 2b
    jmp out
other:
    call where
    jmp other
out: nop

# test: a thread that sleeps moves, too, and wakes up there
# cpus: 3
# thread: sleeper
# expect: mem32[core] == 2
# CHECK: blocked futex thread=2
# CHECK: woken tid=2 core=2
1:  cmp dword ptr [rip + ready], 0
    je 1b
    mov ecx, 50000
2:  loop 2b
    mov edi, 2
    mov eax, 4
    call set
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_WAKE
    mov edx, 1
    syscall
3:  cmp dword ptr [rip + core], -1
    je 3b
    jmp out
sleeper:
    mov dword ptr [rip + ready], 1
    mov eax, SYS_futex
    lea rdi, [rip + word]
    mov esi, FUTEX_WAIT
    xor edx, edx
    xor r10d, r10d
    syscall
    call where
    jmp spin
out: nop
.data
.balign 8
word:  .long 0
ready: .long 0
