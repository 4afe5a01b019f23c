# policy: the kernel copies pages in from the file's, and keeps the quota, as the program has told it once.
.text
kernel_policy_open:
    mov rax, [rip + stores]
    mov [rip + kernel_policy_stores], rax
    mov qword ptr [rip + stores], 0 # they need not be noticed
    xor edi, edi
    call uffd_pages_open
    mov rcx, [rip + kernel_policy_stores]
    mov [rip + stores], rcx
    test eax, eax
    jnz 1f
    bt qword ptr [rip + api + 8], FEATURE_POLICY
    setnc al
    jnc 1f
    mov rax, [rip + registration]
    mov [rip + policy_of_region], rax
    mov rax, [rip + registration + 8]
    mov [rip + policy_of_region + 8], rax
    mov rax, [rip + policy]
    xor ecx, ecx
    cmp rax, POLICY_FIFO
    setne cl                        # all others: CLOCK
    mov [rip + policy_of_region + 20], ecx
    mov rax, [rip + backing]
    mov [rip + policy_of_region + 24], rax
    mov rax, [rip + quota]
    mov [rip + policy_of_region + 32], rax
    mov eax, UFFDIO_POLICY_COPY
    jmp kernel_policy_ioctl
1:  ret

kernel_policy_sync:
    mov eax, UFFDIO_POLICY_SYNC
# eax: POLICY_*
kernel_policy_ioctl:
    mov [rip + policy_of_region + 16], eax
    mov esi, UFFDIO_POLICY
    lea rdx, [rip + policy_of_region]
    call uffd_ioctl
    test rax, rax
    jnz ioctl_failed
    ret

.data
kernel_policy_stores: .quad 0
kernel_policy_mechanism:
    .ascii "kernel-policy\0\0\0"
    .quad DIRECT, kernel_policy_open, 0, 0, 0, 0, 0, 0, 0, 0, kernel_policy_sync, 0, 0, 0
