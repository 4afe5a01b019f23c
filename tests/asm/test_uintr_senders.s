# vector_fd, register_sender, register_self, ipi_fd, alt_stack, and SENDUIPI through what they set up.

.include "pff.inc"
.include "receiver.inc"
# map: buf 16K rw

# test: a thread sends itself a user interrupt
# expect: rbx == 0 and mem64[count] == 1 and mem64[vector] == 5 and uif == 1 and uirr == 0
# CHECK: senduipi entry=0 vector=5 notify=1
# CHECK: interrupt vector=0xec (notify)
# CHECK: handler rip=handler
    xor esi, esi
    call register
    mov edi, 5
    call self
    mov rbx, rax
    stui
    senduipi rbx
    nop

# test: every vector of the space arrives as itself
# param: v = 0..63
# expect: mem64[count] == 1 and mem64[vector] == v
    xor esi, esi
    call register
    mov edi, v
    call self
    stui
    senduipi rax
    nop

# test: a vector above 63 is ENOSPC
# param: call_number, v = (SYS_uintr_register_self, 64), (SYS_uintr_vector_fd, 64), (SYS_uintr_vector_fd, 1 << 63)
# expect: rax == -ENOSPC
    xor esi, esi
    call register
    mov eax, call_number
    mov rdi, v
    xor esi, esi
    syscall

# test: without a handler a vector cannot be registered
# param: call_number = SYS_uintr_register_self, SYS_uintr_vector_fd
# expect: rax == -EINVAL
    mov eax, call_number
    mov edi, 1
    xor esi, esi
    syscall

# test: flags are EINVAL, whatever else is wrong
# param: call_number = 473..477
# expect: rax == -EINVAL
    mov eax, call_number
    mov edi, 99
    mov esi, 1
    syscall

# test: flags are EINVAL in alt_stack and ipi_fd
# expect: rax == -EINVAL and rbx == -EINVAL
    mov eax, SYS_uintr_alt_stack
    mov edx, 1
    syscall
    mov rbx, rax
    mov eax, SYS_uintr_ipi_fd
    mov edi, 1
    syscall

# test: the upper half of flags is not looked at
# expect: rax == 3
    xor esi, esi
    call register
    mov eax, SYS_uintr_vector_fd
    mov edi, 1
    movabs rsi, 0x100000000
    syscall

# test: a uvec_fd makes a sender
# expect: rbx == 3 and rax == 0 and mem64[count] == 1 and mem64[vector] == 9
    xor esi, esi
    call register
    mov edi, 9
    call fd
    mov rbx, rax
    mov edi, eax
    call sender
    stui
    senduipi rax
    nop

# test: a second connection to a uvec_fd is EISCONN
# expect: rax == -EISCONN
    xor esi, esi
    call register
    mov edi, 9
    call fd
    mov ebx, eax
    mov edi, ebx
    call sender
    mov edi, ebx
    call sender

# test: ... but another uvec_fd of the same vector is another connection
# expect: rax == 1 and rbx == 4
    xor esi, esi
    call register
    mov edi, 9
    call fd
    mov edi, eax
    call sender
    mov edi, 9
    call fd
    mov rbx, rax
    mov edi, eax
    call sender

# test: ... and so it is after unregister_sender
# expect: rax == 0
    xor esi, esi
    call register
    mov edi, 9
    call fd
    mov ebx, eax
    mov edi, ebx
    call sender
    mov edi, eax
    xor esi, esi
    mov eax, SYS_uintr_unregister_sender
    syscall
    mov edi, ebx
    call sender

# test: register_self gives a new index each time
# expect: rax == 2
    xor esi, esi
    call register
    mov edi, 1
    call self
    mov edi, 1
    call self
    mov edi, 1
    call self

# test: the index is the lowest that is free
# expect: rax == 1
    xor esi, esi
    call register
    mov edi, 1
    call self
    mov edi, 1
    call self
    mov edi, 1
    call self
    mov edi, 1
    xor esi, esi
    mov eax, SYS_uintr_unregister_sender
    syscall
    mov edi, 1
    call self

# test: 256 connections fit, the next one is ENOSPC
# expect: rbx == 255 and rax == -ENOSPC
    xor esi, esi
    call register
    mov r12d, 256
1:  mov edi, 1
    call self
    mov rbx, rax
    dec r12d
    jnz 1b
    mov edi, 1
    call self

# test: a number that is not a descriptor is EBADF, a file that is not a uvec_fd EOPNOTSUPP
# param: number, errno = (-1, EBADF), (77, EBADF), (1, EOPNOTSUPP)
# expect: rax == -errno
    mov edi, number
    call sender

# test: a uipi_fd is not a uvec_fd
# expect: rbx == 3 and rax == -EOPNOTSUPP
    mov eax, SYS_uintr_ipi_fd
    xor edi, edi
    syscall
    mov rbx, rax
    mov edi, eax
    call sender

# test: a receiver without a handler is ECONNRESET
# expect: rax == -ECONNRESET
    xor esi, esi
    call register
    mov edi, 9
    call fd
    mov ebx, eax
    call unregister
    mov edi, ebx
    call sender

# test: ... until it registers again
# expect: rax == 0 and mem64[count] == 1
    xor esi, esi
    call register
    mov edi, 9
    call fd
    mov ebx, eax
    call unregister
    xor esi, esi
    call register
    mov edi, ebx
    call sender
    stui
    senduipi rax
    nop

# test: unregister_sender of an index that is not valid is EINVAL
# param: index = 0, 1, -1, 256
# expect: rax == -EINVAL
    mov edi, index
    xor esi, esi
    mov eax, SYS_uintr_unregister_sender
    syscall

# test: SENDUIPI of an unregistered process is SIGILL
# fault: #UD at here
    xor eax, eax
here: senduipi rax

# test: SENDUIPI of a bad index is SIGSEGV
# param: index = 1, 255, 256, 0x80000000, 1 << 32, 1 << 63
# fault: #GP at here
    xor esi, esi
    call register
    mov edi, 1
    call self
    mov rax, index
here: senduipi rax

# test: SENDUIPI of an index given back is SIGSEGV
# fault: #GP at here
    xor esi, esi
    call register
    mov edi, 1
    call self
    mov edi, eax
    xor esi, esi
    mov eax, SYS_uintr_unregister_sender
    syscall
    xor eax, eax
here: senduipi rax

# test: what was posted while there was no handler arrives after the next registration
# expect: rbx == 0 and mem64[count] == 1
    xor esi, esi
    call register
    mov edi, 5
    call self
    mov r12, rax
    call unregister
    senduipi r12
    nop
    mov rbx, [rip + count]
    xor esi, esi
    call register
    stui
    nop

# test: another thread of the process is armed by its first SENDUIPI
# cpus: 2
# thread: other
# expect: mem64[count] == 1 and mem64[vector] == 7
# CHECK: senduipi entry=0 vector=7 notify=1 thread=2
# CHECK: ipi core=0 vector=0xec
# CHECK: notified pir=0x80 thread=1
    xor esi, esi
    call register
    mov edi, 7
    call self
    stui
    mov dword ptr [rip + go], 1
1:  pause
    cmp qword ptr [rip + count], 0
    je 1b
    jmp out
other:
    pause
    cmp dword ptr [rip + go], 0
    je other
    xor eax, eax
    senduipi rax
    jmp spin
out: nop
.data
go: .quad 0

# test: a vector sent many times before it is taken arrives once
# expect: mem64[count] == 1
    xor esi, esi
    call register
    mov edi, 5
    call self
    senduipi rax
    senduipi rax
    senduipi rax
    stui
    nop

# test: the highest vector comes first
# expect: mem64[count] == 2 and mem64[vector] == 3
# CHECK: frame size=32 vector=40
# CHECK: frame size=32 vector=3
    xor esi, esi
    call register
    mov edi, 3
    call self
    mov edi, 40
    call self
    xor eax, eax
    senduipi rax
    inc eax
    senduipi rax
    stui
    nop

# test: alt_stack loads RSP at delivery, raw
# expect: rax == 0 and uistackadjust == buf + 8192 | 1 and frame.at == buf + 8192 - 32 and mem64[count] == 1
    xor esi, esi
    call register
    mov edi, 1
    call self
    mov rbx, rax
    mov eax, SYS_uintr_alt_stack
    mov edi, buf + 8192
    mov esi, 8192
    xor edx, edx
    syscall
    stui
    senduipi rbx
    nop

# test: a null alt_stack is the red zone again
# expect: rax == 0 and uistackadjust == 128
    xor esi, esi
    call register
    mov eax, SYS_uintr_alt_stack
    mov edi, buf + 8192
    mov esi, 8192
    xor edx, edx
    syscall
    mov eax, SYS_uintr_alt_stack
    xor edi, edi
    xor edx, edx
    syscall

# test: alt_stack without a handler is EOPNOTSUPP
# expect: rax == -EOPNOTSUPP
    mov eax, SYS_uintr_alt_stack
    mov edi, buf
    xor edx, edx
    syscall

# test: unregistering the handler takes the alternative stack with it
# expect: uistackadjust == 128
    xor esi, esi
    call register
    mov eax, SYS_uintr_alt_stack
    mov edi, buf + 8192
    xor edx, edx
    syscall
    call unregister
    xor esi, esi
    call register

# test: a uipi_fd's SET_TARGET_TABLE is EBUSY for the process it comes from, anything else EINVAL
# param: request, errno = (0x7500, EBUSY), (0x7501, EINVAL), (0x5401, EINVAL)
# expect: rax == -errno
    mov eax, SYS_uintr_ipi_fd
    xor edi, edi
    syscall
    mov edi, eax
    mov esi, request
    xor edx, edx
    mov eax, SYS_ioctl
    syscall

# test: with a table, but no entry, SENDUIPI is SIGSEGV
# fault: #GP at here
    mov eax, SYS_uintr_ipi_fd
    xor edi, edi
    syscall
    xor eax, eax
here: senduipi rax

# test: closing a uvec_fd leaves its connections
# expect: rax == 0 and mem64[count] == 1
    xor esi, esi
    call register
    mov edi, 9
    call fd
    mov ebx, eax
    mov edi, ebx
    call sender
    mov r12, rax
    mov edi, ebx
    mov eax, SYS_close
    syscall
    stui
    senduipi r12
    nop

# test: ring 3 cannot read a UPID
# fault: #PF(P|U) address=0xffff888000001000 at here
    movabs rax, 0xffff888000001000
here: mov rax, [rax]

# test: a receiver that does not run gets no IPI: SN is set; it finds what was posted when it runs again
# thread: other
# expect: mem64[count] == 1 and mem64[vector] == 7
# CHECK: senduipi entry=0 vector=7 notify=0 thread=2
# CHECK: ipi core=0 vector=0xec thread=1
# CHECK: notified pir=0x80 thread=1
    xor esi, esi
    call register
    mov edi, 7
    call self
    stui
    mov dword ptr [rip + go], 1
    mov eax, SYS_sched_yield
    syscall
    nop
    jmp out
other:
    cmp dword ptr [rip + go], 0
    je other
    xor eax, eax
    senduipi rax
1:  mov eax, SYS_sched_yield
    syscall
    jmp 1b
out: nop
.data
go: .quad 0

# test: a thread that is blocked in a call without a WAITING flag gets no IPI either
# cpus: 2
# thread: other
# expect: mem64[count] == 1
# CHECK: blocked uintr_wait
# CHECK: senduipi entry=0 vector=7 notify=0 thread=2
# CHECK: returned uintr_wait result=0x0
    xor esi, esi
    call register
    mov edi, 7
    call self
    stui
    mov dword ptr [rip + go], 1
    mov eax, SYS_uintr_wait
    mov edi, 20
    xor esi, esi
    syscall
    nop
    jmp out
other:
    cmp dword ptr [rip + go], 0
    je other
    mov ecx, 5000
1:  loop 1b
    xor eax, eax
    senduipi rax
2:  pause
    jmp 2b
out: nop
.data
go: .quad 0
