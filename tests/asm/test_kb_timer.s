# xui_kb_timer: the kernel-bypass timer belongs to a thread, which arms it from ring 3 with SETTIMER.

.include "pff.inc"
.include "receiver.inc"
.text
enable:                             # user vector EDI
    mov eax, SYS_xui_kb_timer
    mov esi, XUI_KB_TIMER_ENABLE
    syscall
    ret
disable:
    mov eax, SYS_xui_kb_timer
    xor edi, edi
    xor esi, esi
    syscall
    ret

# test: without the kernel's leave SETTIMER is #UD
# fault: #UD at here
    xor esi, esi
    call register
    mov eax, 1000
here: settimer rax

# test: without a handler, or with other flags, it is EINVAL
# param: registered, v, timer_flags, errno = (0, 0, 1, EINVAL), (1, 0, 2, EINVAL), (1, 64, 1, ENOSPC), (1, 63, 1, 0), (1, 0, 0, 0)
# expect: rax == -errno
    xor esi, esi
    mov eax, registered
    test eax, eax
    jz 1f
    call register
1:  mov eax, SYS_xui_kb_timer
    mov edi, v
    mov esi, timer_flags
    syscall

# test: a one-shot timer fires once, with its vector, and no kernel
# expect: mem64[count] == 1 and mem64[vector] == 33
# CHECK-NOT: interrupt
# CHECK: handler rip=handler
    xor esi, esi
    call register
    mov edi, 33
    call enable
    stui
    mov eax, 3000
    settimer rax
    mov ecx, 20000
1:  loop 1b

# test: a periodic timer goes on, until it is set to 0
# expect: rbx >= 8 and rbx <= 10 and mem64[count] == rbx
    xor esi, esi
    call register
    mov edi, 1
    call enable
    stui
    mov eax, 5000
    settimerp rax
    mov ecx, 50000
1:  loop 1b
    xor eax, eax
    settimer rax
    mov rbx, [rip + count]
    mov ecx, 20000
2:  loop 2b

# test: taking the leave back disarms
# fault: #UD at here
# at here: mem64[count] == 0
    xor esi, esi
    call register
    mov edi, 1
    call enable
    stui
    mov eax, 5000
    settimerp rax
    call disable
    mov ecx, 20000
1:  loop 1b
here: settimer rax

# test: unregistering the handler takes the timer with it
# fault: #UD at here
    xor esi, esi
    call register
    mov edi, 1
    call enable
    mov eax, SYS_uintr_unregister_handler
    xor edi, edi
    syscall
here: settimer rax

# test: another thread has none
# thread: other
# fault: #UD at here
    xor esi, esi
    call register
    mov edi, 1
    call enable
1:  mov eax, SYS_sched_yield
    syscall
    jmp 1b
other:
    mov eax, 100
here: settimer rax

# test: what runs out while the thread is away is taken when it is back
# thread: spin
# expect: mem64[count] == 1 and tid == 1
    xor esi, esi
    call register
    mov edi, 1
    call enable
    stui
    mov eax, 2000
    settimer rax
    mov eax, SYS_sched_yield
    syscall
    nop

# test: the timer moves to another core with its thread
# cpus: 2
# expect: mem64[count] == 1
    xor esi, esi
    call register
    mov edi, 1
    call enable
    stui
    mov eax, 15000
    settimer rax
    mov eax, SYS_sched_setaffinity
    xor edi, edi
    mov esi, 8
    lea rdx, [rip + core1]
    syscall
    mov ecx, 30000
1:  loop 1b
.data
.balign 8
core1: .quad 2

# test: the timer ends a sleep in uintr_wait, and in others with a WAITING flag
# param: number = SYS_uintr_wait, SYS_poll
# expect: rax == -EINTR and mem64[count] == 1
    mov esi, UINTR_HANDLER_FLAG_WAITING_RECEIVER
    call register
    mov edi, 1
    call enable
    stui
    mov eax, 30000
    settimer rax
    mov eax, number
    cmp eax, SYS_poll
    je 1f
    mov edi, 1000000
    xor esi, esi
    jmp 2f
1:  xor edi, edi
    xor esi, esi
    mov edx, -1
2:  syscall

# test: a sleep that is shorter than the timer just ends
# expect: rax == 0 and mem64[count] == 0
    mov esi, UINTR_HANDLER_FLAG_WAITING_RECEIVER
    call register
    mov edi, 1
    call enable
    stui
    mov eax, 3000000
    settimer rax
    mov eax, SYS_uintr_wait
    mov edi, 10
    xor esi, esi
    syscall
