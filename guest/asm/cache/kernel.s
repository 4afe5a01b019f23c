# kernel: the file is mapped, and the operating system does all of it: faults, eviction (by the machine's quota), and
# noticing stores.
.text
kernel_open:
    mov rsi, [rip + page_count]
    shl rsi, 12
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_SHARED
    mov r8, [rip + file]
    call map
    mov [rip + region], rax
    xor eax, eax
    ret

kernel_sync:
    mov eax, SYS_msync
    mov rdi, [rip + region]
    mov rsi, [rip + page_count]
    shl rsi, 12
    mov edx, 4                      # MS_SYNC
    syscall
    test rax, rax
    jnz ioctl_failed
    ret

.data
kernel_mechanism:
    .ascii "kernel\0\0\0\0\0\0\0\0\0\0"
    .quad DIRECT, kernel_open, 0, 0, 0, 0, 0, 0, 0, 0, kernel_sync, 0, 0, 0
