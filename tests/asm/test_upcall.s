# Upcalls: the kernel enters the faulting thread's handler, and one ioctl returns (kernel_model/uffd/upcall.py).

.include "pff.inc"

# mode: upcall
# map: buf 16K rw
# uffd: buf missing
# forward: on

.equ FRAME_RIP, 16
.equ FRAME_RSP, 32

.text
handler:
    inc qword ptr [rip + handled]
    mov rax, [rsp]
    mov [rip + address], rax
    and rax, -4096
    mov [rip + page], rax
    mov rax, [rsp + 8]
    mov [rip + error_code], rax
    mov rax, [rsp + FRAME_RIP]
    mov [rip + frame_rip], rax
    mov rax, [rsp + FRAME_RSP]
    sub rax, rsp
    mov [rip + distance], rax
    mov rax, [rip + nested]
    test rax, rax
    jz 1f
    mov rax, [rax]
1:  mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + page]
    mov eax, SYS_ioctl
    syscall
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UPCALL_RETURN
    mov rdx, rsp
    add rdx, [rip + off]
    mov eax, SYS_ioctl
    syscall
    mov [rip + returned], rax
    hlt

.data
.balign 8
handled:    .quad 0
address:    .quad 0
error_code: .quad 0
frame_rip:  .quad 0
distance:   .quad 0
nested:     .quad 0
off:        .quad 0
returned:   .quad 0
page:       .quad 0, 4096, 0, 0

# test: a load finds the page that its own thread's handler brought in, and no register has changed
# expect: rax == 0 and mem64[handled] == 1 and mem64[address] == buf + 8 and mem64[error_code] == 4
# expect: rdi == 11 and rsi == 12 and rdx == 13 and r11 == 14 and rbx == buf and mem64[frame_rip] == touch
# expect: rcx & 0x8d5 == 0x95
    mov rbx, buf
    mov edi, 11
    mov esi, 12
    mov edx, 13
    mov r11d, 14
    mov eax, 1
    cmp eax, 2
touch: mov rax, [rbx + 8]
    pushfq
    pop rcx

# test: a store says so in the error code
# expect: mem64[buf + 4096] == 7 and mem64[error_code] == 6 and mem64[handled] == 1
    mov rbx, buf
    mov qword ptr [rbx + 4096], 7

# test: the frame lies below the red zone, and is aligned as a stack is at a call
# expect: mem64[distance] >= 128 + 96 and mem64[distance] < 128 + 96 + 16 and mem64[rsp - 8] == 5
    mov qword ptr [rsp - 8], 5
    mov rbx, buf
    mov rax, [rbx]

# test: each fault enters the handler anew
# expect: mem64[handled] == 3
    mov rbx, buf
    mov rax, [rbx]
    mov rax, [rbx + 4096]
    mov rax, [rbx + 8192]

# test: a fault of the handler itself is a message, which nothing reads here
# deadlock: userfaultfd
    mov rbx, buf
    lea rax, [rbx + 8192]
    mov [rip + nested], rax
    mov rax, [rbx]

# test: a system call's access to a missing page is a message, too
# deadlock: on behalf of a system call
    mov eax, SYS_write
    mov edi, 1
    mov rsi, buf
    mov edx, 1
    syscall

# test: nothing has been entered, so nothing returns
# expect: rax == -EINVAL
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UPCALL_RETURN
    mov rdx, rsp
    mov eax, SYS_ioctl
    syscall

# test: a frame that cannot be read is EFAULT, and the handler goes on
# raises: SIGSEGV
# expect: mem64[returned] == -EFAULT
    mov rbx, buf
    mov rax, -4096
    mov [rip + off], rax
    shl qword ptr [rip + off], 40
    mov rax, [rbx]

# test: a handler whose address is not canonical is refused
# expect: rax == -EFAULT
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UPCALL
    mov rdx, 1 << 62
    mov eax, SYS_ioctl
    syscall

# test: without a handler there are messages again
# deadlock: userfaultfd
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UPCALL
    xor edx, edx
    mov eax, SYS_ioctl
    syscall
    mov rbx, buf
    mov rax, [rbx]

# test: a stack that cannot take the frame is SIGSEGV
# raises: SIGSEGV
    mov rbx, buf
    mov esp, 4096
    mov rax, [rbx]

# test: other mechanisms do not know the ioctl
# mode: uffd, pff
# forward: off
# expect: rax == -EINVAL
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UPCALL
    xor edx, edx
    mov eax, SYS_ioctl
    syscall
