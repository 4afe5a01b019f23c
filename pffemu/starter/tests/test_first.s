.include "pff.inc"

# map: buf 16K rw
# uffd: buf missing
# forward: on

.text
handler:                            # +0 vector, +8 rip, +16 rflags, +24 rsp, +32 address, +40 error code
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov rax, [rsp + 48 + 32]
    and rax, -4096
    mov [rip + zero], rax
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zero]
    mov eax, SYS_ioctl
    syscall
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret
.data
zero: .quad 0, 4096, 0, 0

# test: a load of a missing page comes back as zero, without a thread that is woken
# expect: rax == 0 and frame.address == buf + 8
# count: forwarded == 1 and wakes == 0
    mov rbx, buf
    mov rax, [rbx + 8]
