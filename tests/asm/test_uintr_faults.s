# A user interrupt and a thread that sleeps in a page fault of an ordinary userfaultfd, or starves in one.

.include "pff.inc"
.include "calls.inc"

# mode: uffd
# cpus: 2
# map: buf 16K rw
# uffd: buf missing
# thread: sender
.text
register:                           # handler, flags ESI; and vector 7 as entry 0
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + handler]
    syscall
    mov eax, SYS_uintr_register_self
    mov edi, 7
    xor esi, esi
    syscall
    mov dword ptr [rip + go], 1
    ret
handler:                            # brings the page in, so that the access succeeds when it is made again
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    inc qword ptr [rip + count]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zero]
    call ioctl
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret
sender:
    cmp dword ptr [rip + go], 0
    je sender
    mov ecx, 20000
1:  loop 1b
    xor eax, eax
    senduipi rax
    mov eax, SYS_exit
    syscall
.data
.balign 8
zero:  .quad buf, 4096, 0, 0
count: .quad 0
go:    .quad 0

# test: with a WAITING flag it ends the sleep; the handler runs before the access is made again
# param: waiting = 0x1000, 0x2000, 0x3000
# expect: rax == 0 and mem64[count] == 1 and frame.rip == touch and frame.vector == 7
# count: uffd_messages == 1 and wakes == 1
# CHECK: message address=buf
# CHECK: blocked page
# CHECK: senduipi entry=0
# CHECK: interrupt vector=0xeb (kernel)
# CHECK: woken tid=1
# CHECK: abandoned interrupted
# CHECK: handler rip=handler
# CHECK: uiret
# CHECK-NOT: refused
    mov esi, waiting
    call register
    stui
touch: mov rax, [buf]

# test: where BLKD is reserved the sender's #GP ends it
# cpu: upid-reserved
# expect: rax == 0 and mem64[count] == 1
# CHECK: blocked page
# CHECK: woken tid=1
    mov esi, 0x2000
    call register
    stui
    mov rax, [buf]

# test: without a WAITING flag, or with UIF=0, it waits for the page
# param: waiting, enable = (0, "stui"), (0x1000, "clui"), (0x2000, "clui")
# deadlock: userfaultfd 3 to bring in 0x10000000
    mov esi, waiting
    call register
    {enable}
    mov rax, [buf]

# test: the kernel-bypass timer ends it too
# param: waiting = 0x1000, 0x2000
# expect: rax == 0 and mem64[count] == 1 and frame.vector == 9
# CHECK: blocked page
# CHECK: timer kb expired 9
    mov esi, waiting
    call register
    mov dword ptr [rip + go], 0
    mov eax, SYS_xui_kb_timer
    mov edi, 9
    mov esi, 1
    syscall
    mov eax, 5000
    settimer rax
    stui
    mov rax, [buf]

# test: a handler whose own stack is such a page is entered once it is there
# expect: mem64[count] == 1 and frame.at == buf + 4096 - 32
# CHECK: senduipi entry=0
# CHECK: push-failed
# CHECK: blocked page
# CHECK: installed address=buf
# CHECK: handler rip=handler
# thread: filler
    mov esi, 0x1000
    call register
    mov eax, SYS_uintr_alt_stack
    mov edi, buf + 4096
    xor edx, edx
    syscall
    stui
1:  pause
    cmp qword ptr [rip + count], 0
    je 1b
    jmp out
filler:
    sub rsp, 8
    mov rdi, [rip + uffd]
    lea rsi, [rip + message]
    mov edx, 32
    mov eax, SYS_read
    syscall
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zero]
    call ioctl
1:  pause
    jmp 1b
out: nop
.data
message: .quad 0, 0, 0, 0
