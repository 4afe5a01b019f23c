# uffd (UMap): threads read messages, several at a time, and answer each by an ioctl that wakes the faulting thread.
.equ MESSAGE, 32                    # bytes
.equ MESSAGES, 16                   # read at a time

.text
uffd_open:
    xor edi, edi
    jmp uffd_pages_open

uffd_handler:
    sub rsp, MESSAGE * MESSAGES
1:  mov eax, SYS_read
    mov rdi, [rip + uffd]
    mov rsi, rsp
    mov edx, MESSAGE * MESSAGES
    syscall
    test rax, rax
    js ioctl_failed
    mov rbx, rsp
    lea r12, [rsp + rax]
2:  mov rdi, [rbx + 16]             # address
    sub rdi, [rip + region]
    shr rdi, 12
    mov esi, [rbx + 8]
    and esi, UFFD_PAGEFAULT_FLAG_WRITE | UFFD_PAGEFAULT_FLAG_WP
    call cache_fill
    add rbx, MESSAGE
    cmp rbx, r12
    jb 2b
    jmp 1b

.data
uffd_mechanism:
    .ascii "uffd\0\0\0\0\0\0\0\0\0\0\0\0"
    .quad DIRECT, uffd_open, 0, uffd_install, uffd_protect, uffd_allow, uffd_retry, uffd_drop, 0, 0, 0, 0, 0, uffd_handler
