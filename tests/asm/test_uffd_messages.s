# Ordinary userfaultfd: a fault becomes a message, the thread sleeps, another one answers and wakes it.

.include "pff.inc"
.include "calls.inc"

# mode: uffd
# cpus: 2
# map: buf 32K rw
# map: source 8K rw
# uffd: buf missing
# thread: reader

.text
# One message after the other: copied to `message`, counted, answered with ZEROPAGE when `answer` is set.
reader:
    sub rsp, 8
1:  mov rdi, [rip + uffd]
    lea rsi, [rip + message]
    mov edx, 32
    mov eax, SYS_read
    syscall
    mov [rip + read_result], rax
    cmp rax, 32
    jne 2f
    inc qword ptr [rip + messages]
    mov rax, [rip + message + 16]
    and rax, -4096
    mov [rip + zero], rax
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zero]
    call ioctl
    mov [rip + fill_result], rax
    jmp 1b
2:  mov eax, SYS_exit
    syscall
.data
.balign 8
message:     .quad 0, 0, 0, 0
messages:    .quad 0
read_result: .quad 0
fill_result: .quad -1
zero:        .quad 0, 4096, 0, 0

# test: a load of a missing page is a message, an answer, a wake
# CHECK: refused address=buf error=U rip=touch
# CHECK-NEXT: kernel address=buf
# CHECK-NEXT: page-fault address=buf user=1
# CHECK-NEXT: message address=buf flags=0x0
# CHECK: blocked page
# CHECK: msg-read address=buf
# CHECK: installed address=buf
# CHECK: step UFFDIO_ZEROPAGE put_user
# CHECK: woken tid=1
# CHECK: returned ioctl result=0x0
# CHECK: resumed rip=touch
# expect: rax == 0 and mem64[messages] == 1
# count: uffd_messages == 1 and forwarded == 0 and uirets == 0
touch: mov rax, [buf]

# test: a message is 32 bytes: event 0x12, flags, the page's address
# expect: mem64[read_result] == 32 and mem8[message] == UFFD_EVENT_PAGEFAULT and mem64[message + 8] == 0
# expect: mem64[message + 16] == buf + 4096 and mem64[message + 24] == 0
    mov al, [buf + 4096 + 5]

# test: a write's message has the WRITE flag
# param: access = "mov [rbx], al", "inc dword ptr [rbx]", "push rcx"
# regs: rbx=buf+64 rsp=buf+72
# expect: mem64[message + 8] == UFFD_PAGEFAULT_FLAG_WRITE and mem64[message + 16] == buf
    {access}

# test: each page of a walk is one message and one wake of the faulting thread
# regs: rbx=buf
# expect: mem64[messages] == 8
# count: uffd_messages == 8 and message_read == 8 and page_installed == 8
1:  mov al, [rbx]
    add rbx, 4096
    cmp rbx, buf + 32768
    jb 1b

# test: a second access to a page makes no message
# expect: mem64[messages] == 1
    mov al, [buf]
    mov al, [buf + 9]

# test: a system call that needs a missing page sleeps, and starts again with the page
# CHECK: page-fault address=buf user=0
# CHECK-NEXT: message address=buf flags=0x1
# CHECK: returned clock_gettime result=0x0
# expect: rax == 0 and mem64[messages] == 1 and mem64[buf + 8] != 0
    mov eax, SYS_clock_gettime
    mov edi, CLOCK_MONOTONIC
    mov esi, buf
    syscall

# test: write() of a missing page prints its zeros
# expect: rax == 4 and stdout == "\0\0\0\0"
    mov eax, SYS_write
    mov edi, 1
    mov esi, buf
    mov edx, 4
    syscall

# test: a system call over two missing pages needs two messages
# expect: rax == 8192 and mem64[messages] == 2
    mov eax, SYS_write
    mov edi, 1
    mov esi, buf
    mov edx, 8192
    syscall

# test: COPY from a source that lies in a registered range waits for that page first
# expect: rax == 0 and mem64[messages] == 1 and present[buf + 4096] == 1 and present[buf] == 1
    mov esi, UFFDIO_COPY
    lea rdx, [rip + copy]
    call ioctl
.data
copy: .quad buf, buf + 4096, 4096, 0, 0

# test: registers survive a fault that another thread answers
# regs: rax=1 rbx=2 rcx=3 rdx=4 rsi=5 rdi=6 rbp=7 r8=8 r9=9 r10=10 r11=11 r12=12 r13=13 r14=14 r15=15 rflags=0x2d7
# expect: rax == 1 and rbx == 2 and rcx == 3 and rdx == 4 and rsi == 5 and rdi == 6 and rbp == 7 and r8 == 8
# expect: r9 == 9 and r10 == 10 and r11 == 11 and r12 == 12 and r13 == 13 and r14 == 14 and r15 == 15
# expect: rflags == 0x2d7
    mov byte ptr [buf], 1

# test: UIF does not matter to ordinary userfaultfd
# param: given = 0..1
# state: uif=given
# expect: mem64[messages] == 1 and uif == given
    mov al, [buf]

# test: FORWARD_PF is refused where the kernel does not forward
# expect: rax == -EINVAL
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + reader]
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    syscall

# test: a handler that did not ask for forwarding gets no fault
# mode: pff
# expect: rbp == 0 and mem64[messages] == 1 and uif == 1 and forwarding_active == 0
# CHECK: kernel address=buf (active[14]=0)
# count: forwarded == 0
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + reader]
    xor esi, esi
    syscall
    mov rbp, rax
    stui
    mov al, [buf]

# test: a thread that did not ask for forwarding has its faults answered by the reader
# mode: pff
# count: forwarded == 0 and uffd_messages == 1
# expect: mem64[messages] == 1
    mov al, [buf]
