# Bit 58 of a page-table entry tells the MMU that userfaultfd answers its faults: in mode pff-pte for all registered memory,
# in mode pff for what did not fit the region table.

.include "pff.inc"
.include "calls.inc"
.equ ADDRESS_AT, 32
.equ CODE_AT, 40

# mode: pff-pte
# map: filler 4K rw
# map: buf 16K rw
# uffd: filler missing wp
# uffd: buf missing wp
# forward: on
.text
handler:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    inc qword ptr [rip + handled]
    mov rax, [rsp + 48 + CODE_AT]
    mov [rip + code], rax
    mov rdi, [rsp + 48 + ADDRESS_AT]
    and rdi, -4096
    mov [rip + page], rdi
    mov esi, UFFDIO_ZEROPAGE
    test al, 1
    jz 1f
    mov esi, UFFDIO_WRITEPROTECT
1:  lea rdx, [rip + page]
    call ioctl
    mov [rip + answer], rax
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret
protect:
    mov esi, UFFDIO_WRITEPROTECT
    lea rdx, [rip + range]
    jmp ioctl
.data
.balign 8
page:    .quad 0, 4096, 0, 0
handled: .quad 0
code:    .quad 0
answer:  .quad -1
range:   .quad buf, 4096, 1

# test: all registered memory is found by the bit, and the table stays empty
# expect: rax == 0 and uffd_regions == 0 and mem64[handled] == 1 and mem64[code] == 4
# count: forwarded == 1 and uffd_messages == 0
    mov rax, [buf + 8]

# test: a store to a write-protected page is forwarded, by the bit or by the table
# mode: pff, pff-pte
# expect: mem8[buf] == 7 and mem64[handled] == 2 and mem64[code] == 7 and mem64[answer] == 0
# count: forwarded == 2 and uffd_messages == 0
    mov al, [buf]
    call protect
    mov byte ptr [buf], 7

# test: what does not fit the table is forwarded by the bit
# mode: pff
# regions: 1
# expect: mem8[buf] == 7 and mem64[handled] == 2 and mem64[code] == 7 and uffd_regions == 1
# count: forwarded == 2 and uffd_messages == 0
    mov al, [buf]
    call protect
    mov byte ptr [buf], 7

# test: the bit goes with the protection: the kernel copies the zero page, and the handler does not run again
# expect: mem8[buf] == 7 and mem64[handled] == 1
# count: forwarded == 1 and uffd_messages == 0
    mov al, [buf]
    call protect
    mov qword ptr [rip + range + 16], 0
    call protect
    mov byte ptr [buf], 7

# test: unregistered memory has no bit
# expect: al == 0 and mem64[handled] == 0
# count: forwarded == 0
    mov esi, UFFDIO_UNREGISTER
    lea rdx, [rip + range]
    call ioctl
    mov al, [buf]

# test: a child of fork has no bit: its faults are its kernel's
# expect: mem64[handled] == 1 and exit == 5
# count: forwarded == 1
    mov al, [buf]
    call protect
    mov eax, SYS_fork
    syscall
    test rax, rax
    jz 1f
    mov eax, SYS_wait4
    mov edi, -1
    xor esi, esi
    xor edx, edx
    xor r10d, r10d
    syscall
    mov eax, SYS_exit_group
    mov edi, 5
    syscall
1:  mov byte ptr [buf], 1
    mov byte ptr [buf + 4096], 1
    mov eax, SYS_exit_group
    xor edi, edi
    syscall
