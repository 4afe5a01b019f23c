# Directed resolution: the core's own unit fills missing pages as a directive says (docs/hardware-resolution.md).

.include "pff.inc"

# mode: hw
# map: buf 32K rw
# map: src 32K rw
# uffd: buf missing
# forward: on

.text
handler:                                # what the unit declines is forwarded
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    inc qword ptr [rip + handled]
    mov rdi, [rsp + 48 + 32]
    mov [rip + address], rdi
    mov rax, [rsp + 48 + 40]
    mov [rip + error_code], rax
    and rdi, -4096
    mov [rip + page], rdi
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + page]
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

zero_directive:                         # eight pages under ZERO, four frames
    mov edi, 0
    mov esi, 4
    call hw_donate
    mov rdi, buf
    mov esi, 32768
    mov edx, UFFDIO_DIRECT_ZERO
    xor ecx, ecx
    call hw_direct
    mov [rip + directive], rdx
    ret

copy_directive:                         # eight pages under COPY from src, four frames
    mov edi, 0
    mov esi, 4
    call hw_donate
    mov rdi, buf
    mov esi, 32768
    mov edx, UFFDIO_DIRECT_COPY
    mov rcx, src
    call hw_direct
    mov [rip + directive], rdx
    ret

.include "hw.inc"

.data
.balign 8
handled:    .quad 0
address:    .quad 0
error_code: .quad 0
directive:  .quad 0
page:       .quad 0, 4096, 0, 0

# test: ZERO: a load finds zeros without a kernel entry and without a handler
# expect: rax == 0 and mem64[handled] == 0 and rdi == 11 and rbx == buf
# CHECK: refused address=buf+0x8
# CHECK-NEXT: directed check page=buf directive=1
# CHECK-NEXT: directed claim page=buf
# CHECK-NEXT: directed frame page=buf
# CHECK-NEXT: directed fill page=buf
# CHECK-NEXT: directed record page=buf
# CHECK-NEXT: directed publish page=buf
# CHECK-NEXT: resumed rip=touch
    call zero_directive
    test rax, rax
    jnz bad
    mov rbx, buf
    mov edi, 11
touch: mov rax, [rbx + 8]
    jmp out
bad: mov qword ptr [rip + handled], 99
out: nop

# test: a store makes the page dirty, and the next access finds it
# expect: mem64[buf + 16] == 7 and rcx == 7 and mem64[handled] == 0
# count: faults == 1
    call zero_directive
    mov rbx, buf
    mov qword ptr [rbx + 16], 7
    mov rcx, [rbx + 16]

# test: COPY: the page is its source's, in ring 3's own memory
# expect: rax == 0x1111 and rcx == 0x2222 and mem64[handled] == 0
# CHECK: directed source page=buf
    mov rbx, src
    mov qword ptr [rbx + 8], 0x1111
    mov qword ptr [rbx + 4096 * 2], 0x2222
    call copy_directive
    mov rbx, buf
    mov rax, [rbx + 8]
    mov rcx, [rbx + 4096 * 2]

# test: COPY from a page that is missing declines and never nests; the handler of forwarded faults resolves it
# expect: rax == 0 and mem64[handled] == 1 and mem64[address] == buf + 8
# expect: mem64[error_code] == 4 + (1 << 14) + (15 << 16)
# CHECK: declined address=buf+0x8 directive=1 (source not readable by the user)
# CHECK-NEXT: forward address=buf+0x8 (all conditions hold)
    call copy_directive
    mov rbx, buf
    mov rax, [rbx + 8]

# test: an empty frame ring declines
# expect: mem64[handled] == 1 and mem64[error_code] == 6 + (1 << 14) + (9 << 16) and mem64[address] == buf + 4 * 4096
# CHECK: declined address=buf+0x4000 directive=1 (frame ring empty)
    call zero_directive
    mov rbx, buf
    mov ecx, 4
fill: mov byte ptr [rbx], 1
    add rbx, 4096
    dec ecx
    jnz fill
    mov byte ptr [rbx], 1

# test: after UFFDIO_REVOKE the entries are stale: nothing is filled, and faults are forwarded
# expect: rbp == 0 and mem64[handled] == 1 and mem64[error_code] == 4 + (1 << 14) + (3 << 16)
# CHECK: declined address=buf directive=1 (directive not valid)
    call zero_directive
    mov rdi, [rip + directive]
    call hw_revoke
    mov rbp, rax
    mov rbx, buf
    mov rax, [rbx]


# test: PAGEOUT returns a clean page, whose frame serves the next fault
# expect: rbp & 0x41 == 0 and rax == 0 and mem64[handled] == 0
# CHECK: page-returned page=buf directive=1 epoch=2
# CHECK: directed publish page=buf directive=1
# CHECK: directed fill page=buf+0x4000
    call zero_directive
    mov rbx, buf
    mov rax, [rbx]
    mov rcx, rbx
    or rcx, [rip + directive]
    pageout rcx
    pushfq
    pop rbp
    mov rax, [rbx]
    mov rax, [rbx + 4096]
    mov rax, [rbx + 4096 * 2]
    mov rax, [rbx + 4096 * 4]

# test: PAGEOUT leaves a dirty page; PAGEDROP takes it, and the content is lost
# expect: rbp & 0x41 == 0x41 and r12 == 7 and r13 & 0x41 == 0 and rax == 0
    call zero_directive
    mov rbx, buf
    mov qword ptr [rbx], 7
    mov rcx, rbx
    or rcx, [rip + directive]
    pageout rcx
    pushfq
    pop rbp
    mov r12, [rbx]
    pagedrop rcx
    pushfq
    pop r13
    mov rax, [rbx]

# test: PAGEOUT of a page that is not there, not directed, or another index: CF
# expect: rbp & 0x41 == 1 and r12 & 0x41 == 1 and r13 & 0x41 == 1
    call zero_directive
    mov rbx, buf
    mov rcx, rbx
    or rcx, [rip + directive]
    pageout rcx
    pushfq
    pop rbp
    mov rdx, src
    mov rax, [rdx]
    or rdx, [rip + directive]
    pageout rdx
    pushfq
    pop r12
    mov rax, [rbx]
    inc rcx
    pageout rcx
    pushfq
    pop r13

# test: PAGEOUT is #UD where the address space has no directives
# raises: SIGILL
    mov rcx, buf
    inc rcx
    pageout rcx

# test: PAGEOUT is #GP for an index of 0
# raises: SIGSEGV
    call zero_directive
    mov rcx, buf
    pageout rcx

# test: PAGEOUT is #GP for an address in the kernel's half
# raises: SIGSEGV
    call zero_directive
    mov rcx, 0xffff888000000001
    pageout rcx

# test: munmap takes filled pages and directed entries alike; what is mapped there afterwards has no directive
# expect: rbp == 0 and r12 == buf and rax == 0 and mem64[handled] == 0
# count: directed_step == 6
    call zero_directive
    mov rbx, buf
    mov byte ptr [rbx], 1
    mov eax, SYS_munmap
    mov rdi, rbx
    mov esi, 32768
    syscall
    mov rbp, rax
    mov eax, SYS_mmap
    mov rdi, rbx
    mov esi, 32768
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    mov r12, rax
    mov rax, [rbx]

# test: a page that MADV_DONTNEED drops is filled by the unit again
# expect: mem64[buf] == 0 and rax == 0 and mem64[handled] == 0
# count: directed_step == 12
    call zero_directive
    mov rbx, buf
    mov byte ptr [rbx], 1
    mov eax, SYS_madvise
    mov rdi, rbx
    mov esi, 4096
    mov edx, MADV_DONTNEED
    syscall
    mov rax, [rbx]

# test: mprotect takes its pages out of the directive, and out of what PAGEOUT may return
# expect: mem64[handled] == 1 and rbp & 1 == 1 and rax == 0
    call zero_directive
    mov rbx, buf
    mov rax, [rbx]
    mov eax, SYS_mprotect
    mov rdi, rbx
    mov esi, 8192
    mov edx, PROT_READ
    syscall
    mov rcx, rbx
    or rcx, [rip + directive]
    pageout rcx
    pushfq
    pop rbp
    mov rax, [rbx + 4096]
    mov rcx, [rbx + 8192]

# test: a second directive for the same range is EBUSY
# expect: rax == -EBUSY
    call zero_directive
    mov rdi, buf + 4096
    mov esi, 4096
    mov edx, UFFDIO_DIRECT_ZERO
    call hw_direct

# test: COPY whose source reaches beyond user space is EINVAL
# expect: rax == -EINVAL
    mov rdi, buf
    mov esi, 8192
    mov edx, UFFDIO_DIRECT_COPY
    mov rcx, 0x7fffffffe000
    call hw_direct

# test: a system call's access to a missing page is resolved by the kernel, as the directive says
# expect: rbp == 8 and rcx == 0x1111 and mem64[handled] == 0
# count: uffd_messages == 0
# CHECK: minor copy address=buf
    mov rbx, src
    mov qword ptr [rbx + 8], 0x1111
    call copy_directive
    mov eax, SYS_getrandom
    mov rdi, buf + 64
    mov esi, 8
    xor edx, edx
    syscall
    mov rbp, rax
    mov rbx, buf
    mov rcx, [rbx + 8]

# test: a declined fault that cannot be forwarded is resolved by the kernel, as the directive says
# expect: rax == 0 and mem64[handled] == 0
# count: uffd_messages == 0
# CHECK: declined address=buf+0x4000 directive=1 (frame ring empty)
# CHECK-NEXT: kernel address=buf+0x4000 (UIF=0)
# CHECK: minor zero address=buf+0x4000
    call zero_directive
    mov rbx, buf
    mov ecx, 4
1:  mov byte ptr [rbx], 1
    add rbx, 4096
    dec ecx
    jnz 1b
    clui
    mov rax, [rbx]
    stui
