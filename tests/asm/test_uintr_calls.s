# uintr_register_handler and uintr_unregister_handler; the state belongs to a thread and is switched with it.

.include "pff.inc"

# map: buf 16K rw
.text
register:
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + handler]
    syscall
    ret
handler: ud2
spin: pause
    jmp spin

# test: registration sets UIHANDLER and UISTACKADJUST, not UIF
# mode: all
# expect: rax == 0 and uihandler == handler and uistackadjust == 128 and uif == 0 and uirr == 0
    xor esi, esi
    call register

# test: FORWARD_PF sets forwarding_active[14], where the kernel forwards
# expect: rax == 0 and forwarding_active == 1 << 14
# CHECK: active vector=14 on
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    call register

# test: without FORWARD_PF forwarding stays off
# expect: rax == 0 and forwarding_active == 0
# CHECK-NOT: active
    xor esi, esi
    call register

# test: FORWARD_PF is EINVAL where the kernel does not forward
# mode: kernel, uffd
# expect: rax == -EINVAL and uihandler == 0 and forwarding_enabled == 0
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    call register

# test: the WAITING flags are taken
# param: bits = 0x1000, 0x2000, 0x3000
# expect: rax == 0
    mov esi, bits
    call register

# test: other flags are EINVAL
# param: bits = 1, 0x4000, 0x20000, 0x80000000
# expect: rax == -EINVAL and uihandler == 0
    mov esi, bits
    call register

# test: a null handler is EFAULT
# expect: rax == -EFAULT
    mov eax, SYS_uintr_register_handler
    xor edi, edi
    xor esi, esi
    syscall

# test: a second registration is EBUSY and keeps the first
# expect: rax == -EBUSY and uihandler == handler
    xor esi, esi
    call register
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + spin]
    syscall

# test: unregistering without a handler is EINVAL
# expect: rax == -EINVAL
    mov eax, SYS_uintr_unregister_handler
    xor edi, edi
    syscall

# test: unregistering with flags is EINVAL and keeps the handler
# expect: rax == -EINVAL and uihandler == handler
    xor esi, esi
    call register
    mov eax, SYS_uintr_unregister_handler
    mov edi, 1
    syscall

# test: unregistering clears the state and switches forwarding off
# expect: rax == 0 and uihandler == 0 and uif == 0 and uistackadjust == 0 and forwarding_active == 0
# CHECK: active vector=14 off
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    call register
    stui
    mov eax, SYS_uintr_unregister_handler
    xor edi, edi
    syscall

# test: after unregistering one can register again
# expect: rax == 0 and uihandler == handler
    xor esi, esi
    call register
    mov eax, SYS_uintr_unregister_handler
    xor edi, edi
    syscall
    xor esi, esi
    call register

# test: a new thread has no handler of its creator
# cpus: 2
# thread: other
# expect: mem64[answer] == -EINVAL
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    call register
    stui
    mov dword ptr [rip + go], 1
1:  pause
    cmp qword ptr [rip + answer], 0
    je 1b
    jmp out
other:
    pause
    cmp dword ptr [rip + go], 0
    je other
    mov eax, SYS_uintr_unregister_handler
    xor edi, edi
    syscall
    mov [rip + answer], rax
    jmp spin
out: nop
.data
answer: .quad 0
go:     .quad 0

# test: forwarding is switched off for the other thread of a core and on again
# thread: spin
# CHECK: active vector=14 on
# CHECK: active vector=14 off thread=2
# CHECK: active vector=14 on thread=1
# expect: forwarding_active == 1 << 14 and uif == 1 and uihandler == handler
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    call register
    stui
    mov eax, SYS_sched_yield
    syscall
    mov eax, SYS_sched_yield
    syscall

# test: UIF is switched with the thread
# thread: other
# expect: mem64[other_uif] == 2 and uif == 1
    stui
1:  mov eax, SYS_sched_yield
    syscall
    cmp qword ptr [rip + other_uif], 0
    je 1b
    jmp out
other:
    xor eax, eax
    testui
    setc al
    add eax, 2
    mov [rip + other_uif], rax
    jmp spin
out: nop
.data
other_uif: .quad 0

# test: a thread that ends switches its forwarding off
# expect: exit == 0 and forwarding_active == 0
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    call register
    mov eax, SYS_exit
    xor edi, edi
    syscall
