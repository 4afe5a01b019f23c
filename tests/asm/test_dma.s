# /dev/dma: the test device's driver, and its interrupt forwarded to the thread that asked (xUI): fast path, slow path.

.include "pff.inc"
# map: buf 16K rw
.text
handler:
    push rax
    mov rax, [rsp + 8]
    mov [rip + vector], rax
    mov al, [rip + buf_at]
    inc qword ptr [rip + count]
    pop rax
    add rsp, 8
    uiret
buf_at: .byte 0
open:                               # flags ESI -> `fd`, handler registered with flags R15
    mov eax, SYS_openat
    mov edi, -100
    mov edx, esi
    lea rsi, [rip + path]
    xor r10d, r10d
    syscall
    mov [rip + fd], rax
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + handler]
    mov esi, r15d
    syscall
    ret
dma:                                # request ESI, argument RDX -> RAX
    mov rdi, [rip + fd]
    mov eax, SYS_ioctl
    syscall
    ret
forward:                            # user vector RDX -> RAX
    mov esi, XUI_DMA_FORWARD
    jmp dma
start:
    mov esi, XUI_DMA_START
    lea rdx, [rip + transfer]
    jmp dma
read:
    mov eax, SYS_read
    mov rdi, [rip + fd]
    lea rsi, [rip + answer]
    mov edx, 8
    syscall
    ret
spin: pause
    jmp spin
.data
.balign 8
path:     .asciz "/dev/dma"
.balign 8
transfer: .quad buf + 0x1000, buf, 100, 20000
fd:       .quad -1
answer:   .quad 0
vector:   .quad -1
count:    .quad 0
core1:    .quad 2

# test: a read waits for the transfer, which the kernel's interrupt ends
# expect: rbx == 0 and rax == 8 and mem64[answer] == 1 and mem32[buf + 0x1000] == 0x1234
# CHECK: blocked read
# CHECK: interrupt vector=0x30 (kernel)
# CHECK: woken tid=1
    xor esi, esi
    call open
    mov dword ptr [buf], 0x1234
    call start
    mov rbx, rax
    call read

# test: the data is not there before its time
# expect: mem32[buf + 0x1000] == 0
    xor esi, esi
    call open
    mov dword ptr [buf], 0x1234
    mov dword ptr [buf + 0x1000], 0
    call start

# test: a transfer that makes no sense is refused
# param: to, from, length, delay, errno = (0x10001000, 0x10000000, 0, 0, EINVAL), (0x10001000, 0x10000001, 4096, 0, EINVAL), (0x10000fff, 0x10000000, 2, 0, EINVAL), (0x20000000, 0x10000000, 8, 0, EFAULT), (0x10001000, 16, 8, 0, EFAULT), (0x10001000, 0x10000000, 8, 1 << 41, EINVAL)
# expect: rax == -errno
    xor esi, esi
    call open
    mov rax, to
    mov [rip + transfer], rax
    mov rax, from
    mov [rip + transfer + 8], rax
    mov qword ptr [rip + transfer + 16], length
    mov rax, delay
    mov [rip + transfer + 24], rax
    call start

# test: one transfer at a time
# expect: rax == -EBUSY
    xor esi, esi
    call open
    call start
    call start

# test: a read without room, or that must not sleep, or of another request
# expect: rbx == -EINVAL and r12 == -EAGAIN and rax == -ENOTTY
    mov esi, O_NONBLOCK
    call open
    call start
    mov eax, SYS_read
    mov rdi, [rip + fd]
    lea rsi, [rip + answer]
    mov edx, 7
    syscall
    mov rbx, rax
    call read
    mov r12, rax
    mov esi, 0x5804
    call dma

# test: forwarding wants a handler, a vector below 64, and a device that is free
# expect: rbx == -EINVAL and r12 == -ENOSPC and r13 == 0 and rax == -EBUSY
    xor esi, esi
    call open
    mov eax, SYS_uintr_unregister_handler
    xor edi, edi
    syscall
    mov edx, 1
    call forward
    mov rbx, rax
    xor esi, esi
    call open
    mov edx, 64
    call forward
    mov r12, rax
    mov edx, 63
    call forward
    mov r13, rax
    mov edx, 1
    call forward

# test: fast path: the interrupt goes to the handler, and no kernel sees it
# expect: mem64[count] == 1 and mem64[vector] == 9 and mem32[buf + 0x1000] == 0x77 and rbx == 0
# CHECK: active vector=48 on
# CHECK: syscall ioctl
# CHECK: interrupt vector=0x30 (forward)
# CHECK-NEXT: frame size=32 vector=9
# CHECK-NEXT: handler rip=handler
# CHECK-NOT: (kernel)
    xor esi, esi
    call open
    mov edx, 9
    call forward
    stui
    mov dword ptr [buf], 0x77
    call start
    mov rbx, rax
1:  pause
    cmp qword ptr [rip + count], 0
    je 1b

# test: slow path: while another thread runs the kernel keeps it, and the thread gets it when it is back
# thread: spin
# expect: mem64[count] == 1 and mem64[vector] == 9 and tid == 1
# CHECK: active vector=48 off
# CHECK: interrupt vector=0x30 (kernel) thread=2
# CHECK: active vector=48 on
# CHECK: frame size=32 vector=9
    xor esi, esi
    call open
    mov edx, 9
    call forward
    stui
    mov qword ptr [rip + transfer + 24], 3000
    call start
    mov eax, SYS_sched_yield
    syscall
    nop

# test: slow path: a thread that sleeps in a call that user interrupts end is woken
# param: number = SYS_uintr_wait, SYS_poll
# expect: rax == -EINTR and mem64[count] == 1
# CHECK: blocked
# CHECK: interrupt vector=0x30 (kernel)
# CHECK: woken tid=1
# CHECK: frame size=32 vector=9
    xor esi, esi
    mov r15d, UINTR_HANDLER_FLAG_WAITING_RECEIVER
    call open
    mov edx, 9
    call forward
    stui
    call start
    mov eax, number
    mov edi, 1000000
    xor esi, esi
    cmp eax, SYS_poll
    jne 1f
    xor edi, edi
    mov edx, -1
1:  syscall

# test: the device follows its thread to another core
# cpus: 2
# expect: mem64[count] == 1
# CHECK: mmio dma_device write offset=0x28 size=8 value=0x1
# CHECK: interrupt vector=0x30 (forward) thread=1
    xor esi, esi
    call open
    mov edx, 9
    call forward
    stui
    mov eax, SYS_sched_setaffinity
    xor edi, edi
    mov esi, 8
    lea rdx, [rip + core1]
    syscall
    call start
1:  pause
    cmp qword ptr [rip + count], 0
    je 1b

# test: an interrupt that is on its way to the old core is sent after the thread
# cpus: 2
# expect: mem64[count] == 1 and mem64[vector] == 9
# CHECK: interrupt vector=0x30 (kernel)
# CHECK: ipi core=1 vector=0xec
# CHECK: notified pir=0x200
    xor esi, esi
    call open
    mov edx, 9
    call forward
    stui
    call start
    mov eax, SYS_sched_setaffinity
    xor edi, edi
    mov esi, 8
    lea rdx, [rip + core1]
    syscall
1:  pause
    cmp qword ptr [rip + count], 0
    je 1b

# test: taken back, the interrupt is the kernel's again
# expect: rbx == 0 and rax == 8 and mem64[count] == 0
# CHECK: interrupt vector=0x30 (kernel)
    xor esi, esi
    call open
    mov edx, 9
    call forward
    stui
    mov esi, XUI_DMA_UNFORWARD
    call dma
    mov rbx, rax
    call start
    call read

# test: only the thread with the binding can take it back
# expect: rax == -EINVAL
    xor esi, esi
    call open
    mov esi, XUI_DMA_UNFORWARD
    call dma

# test: unregistering the handler takes the forwarding with it
# expect: forwarding_enabled == 1 << 14 and forwarding_active == 0
    xor esi, esi
    call open
    mov edx, 9
    call forward
    mov eax, SYS_uintr_unregister_handler
    xor edi, edi
    syscall
