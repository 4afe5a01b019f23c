# uintr_wait: sleeping for a user interrupt, which side pays for the wake-up, and what a sleep looks like to senders.

.include "pff.inc"
.include "receiver.inc"
.text
later:                              # a sender: waits a while, sends entry 0, again and again
    mov ecx, 20000
1:  pause
    loop 1b
    cmp dword ptr [rip + go], 0
    je later
    xor r10d, r10d
    mov edx, 77                         # what a kernel that forgets the REX prefix would take for the index
    senduipi r10
    jmp later
.data
.balign 8
go:     .quad 0

# test: zero microseconds are over at once, even without a handler
# expect: rax == 0
    xor edi, edi
    call wait

# test: flags are EINVAL
# expect: rax == -EINVAL
    mov edi, 1
    mov esi, 1
    mov eax, SYS_uintr_wait
    syscall

# test: more than a thousand seconds are EINVAL
# param: usec, errno = (1000000001, EINVAL), (1 << 63, EINVAL), (1000000000, EOPNOTSUPP)
# expect: rax == -errno
    mov rdi, usec
    call wait

# test: without a handler it is EOPNOTSUPP
# expect: rax == -EOPNOTSUPP
    mov edi, 1
    call wait

# test: time passes, and it is 0
# param: waiting = 0, 0x1000, 0x2000, 0x3000
# expect: rax == 0 and rbx >= 20000 and rbx < 40000
    mov esi, waiting
    call register
    rdtsc
    mov ebx, eax
    mov edi, 10
    call wait
    mov r12, rax
    rdtsc
    sub eax, ebx
    mov ebx, eax
    mov rax, r12

# test: a user interrupt ends the sleep with EINTR, and is delivered
# param: waiting = 0x1000, 0x2000, 0x3000
# cpus: 2
# thread: later
# expect: rax == -EINTR and mem64[count] == 1
# CHECK: blocked uintr_wait thread=1
# CHECK: senduipi entry=0
# CHECK: ipi core=0 vector=0xeb
# CHECK: interrupt vector=0xeb (kernel)
# CHECK: woken tid=1
# CHECK: returned uintr_wait result=-4 (EINTR)
# CHECK: notified pir=0x20
# CHECK: handler rip=handler
    mov esi, waiting
    call register
    mov edi, 5
    call self
    stui
    mov dword ptr [rip + go], 1
    mov edi, 1000000000
    call wait

# test: where BLKD is reserved, a sleeper that lets its senders pay is woken by their #GP
# cpu: upid-reserved
# cpus: 2
# thread: later
# expect: rax == -EINTR and mem64[count] == 1
# CHECK: blocked uintr_wait thread=1
# CHECK-NOT: senduipi
# CHECK: woken tid=1
# CHECK: returned uintr_wait result=-4 (EINTR)
# CHECK: handler rip=handler
    mov esi, 0x2000
    call register
    mov edi, 5
    call self
    stui
    mov dword ptr [rip + go], 1
    mov edi, 1000000000
    call wait

# test: two sleepers on two cores are woken each by its own notification
# cpus: 3
# thread: second
# thread: both
# expect: rax == -EINTR and mem64[count] == 2
# CHECK: senduipi entry=0
# CHECK: senduipi entry=1
# CHECK: interrupt vector=0xeb (kernel)
# CHECK-NEXT: woken tid=1
# CHECK-NOT: woken
# CHECK: interrupt vector=0xeb (kernel)
# CHECK-NEXT: woken tid=2
    mov edi, 5
    call sleeper
1:  pause
    cmp dword ptr [rip + count], 2
    jne 1b
    mov rax, rbx
    jmp out
sleeper:                            # registers vector EDI, sleeps; RBX: what uintr_wait gave
    push rdi
    mov esi, 0x1000
    call register
    pop rdi
    call self
    stui
    lock inc dword ptr [rip + go]
    mov edi, 1000000000
    call wait
    mov rbx, rax
    ret
second:                             # the entry behind the first thread's
    cmp dword ptr [rip + go], 1
    jne second
    mov edi, 6
    sub rsp, 8
    call sleeper
    jmp spin
both:
    cmp dword ptr [rip + go], 2
    jne both
    mov ecx, 5000
1:  loop 1b
    mov r12d, 1
    xor eax, eax
    senduipi rax
    senduipi r12
    jmp spin
out: nop
