# upcall (ExtMem): the kernel enters the faulting thread's handler without a signal's frame; an ioctl returns.
.text
upcall_open:
    xor edi, edi
    call uffd_pages_open
    test eax, eax
    jnz 1f
    bt qword ptr [rip + api + 8], FEATURE_UPCALL
    setnc al
1:  ret

upcall_join:
    mov esi, UFFDIO_UPCALL
    lea rdx, [rip + upcall_fault]
    call uffd_ioctl
    test rax, rax
    jnz ioctl_failed
    ret

# RSP points at the frame: address, error code, registers. It lacks four of those that cache_fill clobbers.
upcall_fault:
    mov rdi, [rsp]
    mov rsi, [rsp + 8]
    push r8
    push r9
    push r10
    call own_fault
    pop r10
    pop r9
    pop r8
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UPCALL_RETURN
    mov rdx, rsp
    syscall
    jmp ioctl_failed

.data
upcall_mechanism:
    .ascii "upcall\0\0\0\0\0\0\0\0\0\0"
    .quad DIRECT, upcall_open, upcall_join, uffd_install, uffd_protect, uffd_allow, 0, uffd_drop, 0, 0, 0, 0, 0, 0
