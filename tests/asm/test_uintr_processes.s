# User interrupts between processes, and what of them fork, threads and descriptors hand on.

.include "pff.inc"
.include "receiver.inc"
# map: buf 16K rw
.equ THREAD, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
.text
fork:
    mov eax, SYS_fork
    syscall
    ret
exit:                               # status EDI
    mov eax, SYS_exit_group
    syscall
status:                             # of the child, to RAX, as wait4 gives it
    mov eax, SYS_wait4
    mov rdi, -1
    lea rsi, [rip + answer]
    xor edx, edx
    xor r10d, r10d
    syscall
    cmp rax, -EINTR
    je status
    mov eax, [rip + answer]
    ret
.data
.balign 8
answer: .quad 0

# test: a forked child has no handler, and sends by its parent's indices
# cpus: 2
# param: call = "fork", "vfork"
# expect: rax == 0 and mem64[count] == 1 and mem64[vector] == 9
    xor esi, esi
    call register
    mov edi, 9
    call self
    stui
    mov eax, SYS_{call}
    syscall
    test eax, eax
    jz 1f
    call status
    jmp 2f
1:  mov eax, SYS_uintr_unregister_handler
    xor edi, edi
    syscall
    cmp rax, -EINVAL
    setne dil
    movzx edi, dil
    xor eax, eax
    senduipi rax
    mov eax, SYS_exit_group
    syscall
2:  nop

# test: entries that a forked child adds are its parent's, too
# expect: mem64[count] == 1 and mem64[vector] == 11
    xor esi, esi
    call register
    mov edi, 9
    call self
    mov edi, 11
    call fd
    mov ebx, eax
    stui
    call fork
    test eax, eax
    jz 1f
    call status
    shr eax, 8
    senduipi rax
    nop
    jmp 2f
1:  mov edi, ebx
    call sender
    mov edi, eax
    jmp exit
2:  nop

# test: an entry that a forked child takes away is gone for its parent
# raises: SIGSEGV at gone
# expect: rax == 0
    xor esi, esi
    call register
    mov edi, 9
    call self
    call fork
    test eax, eax
    jz 1f
    call status
    xor ebx, ebx
gone: senduipi rbx
1:  mov eax, SYS_uintr_unregister_sender
    xor edi, edi
    xor esi, esi
    syscall
    mov edi, eax
    jmp exit

# test: an entry that its parent takes away is gone for a forked child
# expect: rax == 11
    xor esi, esi
    call register
    mov edi, 9
    call self
    mov eax, SYS_pipe
    lea rdi, [rip + ends]
    syscall
    call fork
    test eax, eax
    jz 1f
    mov eax, SYS_uintr_unregister_sender
    xor edi, edi
    xor esi, esi
    syscall
    mov edi, [rip + ends + 4]
    mov eax, SYS_write
    lea rsi, [rip + ends]
    mov edx, 1
    syscall
    call status
    jmp 2f
1:  mov edi, [rip + ends]
    mov eax, SYS_read
    lea rsi, [rip + answer]
    mov edx, 1
    syscall
    xor eax, eax
    senduipi rax
    jmp exit
2:  nop
.data
ends: .quad 0

# test: a forked child may connect its parent's uvec_fd once more, and once only
# expect: rax == 1 << 8
    xor esi, esi
    call register
    mov edi, 9
    call fd
    mov ebx, eax
    mov edi, eax
    call sender
    call fork
    test eax, eax
    jz 1f
    call status
    jmp 2f
1:  mov edi, ebx
    call sender
    mov r12d, eax
    mov edi, ebx
    call sender
    cmp rax, -EISCONN
    mov edi, 99
    cmove edi, r12d
    jmp exit
2:  nop

# test: SENDUIPI in a forked child whose parent has no table is SIGILL
# expect: rax == 4
    xor esi, esi
    call register
    call fork
    test eax, eax
    jz 1f
    call status
    jmp 2f
1:  senduipi rax
    jmp exit
2:  nop

# test: a child sends to its parent through the uvec_fd it inherited
# cpus: 2
# expect: rax == 0 and mem64[count] == 1 and mem64[vector] == 11
    xor esi, esi
    call register
    mov edi, 11
    call fd
    mov ebx, eax
    stui
    call fork
    test eax, eax
    jz 1f
    call status
    jmp 2f
1:  mov edi, ebx
    call sender
    senduipi rax
    xor edi, edi
    jmp exit
2:  nop

# test: ... also while the parent sleeps in wait4, which then fails with EINTR
# param: waiting = UINTR_HANDLER_FLAG_WAITING_RECEIVER, UINTR_HANDLER_FLAG_WAITING_SENDER
# cpus: 2
# expect: mem64[count] == 1 and rax == -EINTR
    mov esi, waiting
    call register
    mov edi, 11
    call fd
    mov ebx, eax
    stui
    call fork
    test eax, eax
    jz 1f
    mov eax, SYS_wait4
    mov rdi, -1
    lea rsi, [rip + answer]
    xor edx, edx
    xor r10d, r10d
    syscall
    jmp 3f
1:  mov ecx, 30000
2:  loop 2b
    mov edi, ebx
    call sender
    senduipi rax
4:  pause
    jmp 4b
3:  nop

# test: a forked child has its parent's table, and cannot adopt it once more
# expect: rax == 0
    xor esi, esi
    call register
    mov edi, 12
    call self
    mov eax, SYS_uintr_ipi_fd
    xor edi, edi
    syscall
    mov ebx, eax
    call fork
    test eax, eax
    jz 1f
    call status
    jmp 2f
1:  mov edi, ebx
    mov esi, 0x7500
    mov eax, SYS_ioctl
    syscall
    cmp rax, -EBUSY
    setne dil
    movzx edi, dil
    jmp exit
2:  nop

# test: a process without a table adopts the one behind a uipi_fd, and gives it back when it ends
# expect: rax == 0 and mem64[count] == 2 and mem64[vector] == 12
    mov eax, SYS_pipe
    lea rdi, [rip + ends]
    syscall
    mov eax, SYS_clone
    mov edi, CLONE_FILES | SIGCHLD
    xor esi, esi
    syscall
    test eax, eax
    jz 1f
    xor esi, esi
    call register
    mov edi, 12
    call self
    mov eax, SYS_uintr_ipi_fd
    xor edi, edi
    syscall
    mov [rip + number], eax
    stui
    mov edi, [rip + ends + 4]
    mov eax, SYS_write
    lea rsi, [rip + number]
    mov edx, 4
    syscall
    call status
    mov ebx, eax
    xor eax, eax
    senduipi rax
    nop
    mov eax, ebx
    jmp 2f
1:  mov edi, [rip + ends]
    mov eax, SYS_read
    lea rsi, [rip + number]
    mov edx, 4
    syscall
    mov edi, [rip + number]
    mov esi, 0x7500
    mov eax, SYS_ioctl
    syscall
    mov rdi, rax
    test rax, rax
    jnz exit
    senduipi rax
    jmp exit
2:  nop
.data
ends:   .quad 0
number: .quad 0

# test: a forked child that ends gives back its share of the table
# expect: mem64[count] == 2
    xor esi, esi
    call register
    mov edi, 12
    call self
    stui
    call fork
    test eax, eax
    jz 1f
    call status
    xor eax, eax
    senduipi rax
    nop
    jmp 2f
1:  senduipi rax
    xor edi, edi
    jmp exit
2:  nop

# test: a receiver that has ended is ESHUTDOWN
# expect: rax == -ESHUTDOWN
    mov eax, SYS_clone
    mov edi, THREAD | CLONE_CHILD_CLEARTID
    mov esi, buf + 16384
    xor edx, edx
    lea r10, [rip + alive]
    xor r8d, r8d
    syscall
    test eax, eax
    jnz 1f
    xor esi, esi
    call register
    mov edi, 3
    call fd
    mov [rip + answer], rax
    mov eax, SYS_exit
    xor edi, edi
    syscall
1:  mov eax, SYS_sched_yield
    syscall
    cmp dword ptr [rip + alive], 0
    jne 1b
    mov edi, [rip + answer]
    call sender
    jmp 2f
.data
alive: .quad 1
.text
2:  nop

# test: the descriptors are close-on-exec and do not block
# param: number = SYS_uintr_vector_fd, SYS_uintr_ipi_fd
# expect: rbx == 1 and rax == O_NONBLOCK
    xor esi, esi
    call register
    mov eax, number
    xor edi, edi
    xor esi, esi
    syscall
    mov r12, rax
    mov edi, r12d
    mov esi, 1
    mov eax, SYS_fcntl
    syscall
    mov rbx, rax
    mov edi, r12d
    mov esi, 3
    mov eax, SYS_fcntl
    syscall

# test: without a free descriptor it is EMFILE
# param: number = SYS_uintr_vector_fd, SYS_uintr_ipi_fd
# expect: rax == -EMFILE
    xor esi, esi
    call register
    mov eax, SYS_setrlimit
    mov edi, 7
    lea rsi, [rip + three]
    syscall
    mov eax, number
    xor edi, edi
    xor esi, esi
    syscall
.data
.balign 8
three: .quad 3, 3

# test: neither descriptor can be read or written
# param: number = SYS_uintr_vector_fd, SYS_uintr_ipi_fd
# expect: rbx == -EINVAL and rax == -EBADF
    xor esi, esi
    call register
    mov eax, number
    xor edi, edi
    xor esi, esi
    syscall
    mov r12, rax
    mov edi, r12d
    mov esi, buf
    mov edx, 8
    mov eax, SYS_read
    syscall
    mov rbx, rax
    mov edi, r12d
    mov esi, buf
    mov edx, 8
    mov eax, SYS_write
    syscall

# test: a stack that is not canonical changes nothing
# expect: rax == 0 and uistackadjust == 128
    xor esi, esi
    call register
    mov eax, SYS_uintr_alt_stack
    movabs rdi, 0x800000000000
    xor edx, edx
    syscall

# test: a write that had moved bytes returns how many
# map: big 128K rw
# cpus: 2
# thread: later
# budget: 3000000
# expect: rax == 65536 and mem64[count] == 1
    mov esi, UINTR_HANDLER_FLAG_WAITING_RECEIVER
    call register
    mov eax, SYS_uintr_register_self
    mov edi, 5
    xor esi, esi
    syscall
    stui
    mov eax, SYS_pipe2
    lea rdi, [rip + pipe]
    xor esi, esi
    syscall
    mov dword ptr [rip + go], 1
    mov edi, [rip + pipe + 4]
    mov esi, big
    mov edx, 100000
    mov eax, SYS_write
    syscall
    jmp out
later:
    cmp dword ptr [rip + go], 0
    je later
    mov ecx, 500000
1:  loop 1b
    xor eax, eax
    senduipi rax
2:  pause
    jmp 2b
out: nop
.data
go:   .long 0
pipe: .long 0, 0

# test: a read that had moved none fails with EINTR
# cpus: 2
# thread: later
# expect: rax == -EINTR and mem64[count] == 1
    mov esi, UINTR_HANDLER_FLAG_WAITING_RECEIVER
    call register
    mov eax, SYS_uintr_register_self
    mov edi, 5
    xor esi, esi
    syscall
    stui
    mov eax, SYS_pipe2
    lea rdi, [rip + pipe]
    xor esi, esi
    syscall
    mov dword ptr [rip + go], 1
    mov edi, [rip + pipe]
    mov esi, buf
    mov edx, 16
    mov eax, SYS_read
    syscall
    jmp out
later:
    cmp dword ptr [rip + go], 0
    je later
    mov ecx, 30000
1:  loop 1b
    xor eax, eax
    senduipi rax
2:  pause
    jmp 2b
out: nop
.data
go:   .long 0
pipe: .long 0, 0

# test: with UIF=0 a user interrupt ends no sleep but uintr_wait
# budget: 5000000
# cpus: 2
# thread: later
# expect: rax == 0 and mem64[count] == 0
    mov esi, UINTR_HANDLER_FLAG_WAITING_RECEIVER
    call register
    mov eax, SYS_uintr_register_self
    mov edi, 5
    xor esi, esi
    syscall
    mov dword ptr [rip + go], 1
    xor edi, edi
    xor esi, esi
    mov edx, 1
    mov eax, SYS_poll
    syscall
    jmp out
later:
    cmp dword ptr [rip + go], 0
    je later
    mov ecx, 3000
1:  loop 1b
    xor eax, eax
    senduipi rax
2:  pause
    jmp 2b
out: nop
.data
go:   .long 0
