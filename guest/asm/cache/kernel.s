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
    cmp qword ptr [rip + scattered], 0
    je 3f
    mov rdi, rax
    mov rsi, [rip + page_count]
    shl rsi, 12
    mov edx, 1                      # MADV_RANDOM
    mov eax, SYS_madvise
    syscall
3:  cmp qword ptr [rip + on_disk], 0
    jne 2f
    mov esi, PAGE * 16
    call allocate
    push rax
    mov rdi, [rip + file]
    xor esi, esi
    xor edx, edx                    # SEEK_SET
    mov eax, SYS_lseek
    syscall
    pop rsi
1:  mov rdi, [rip + file]           # the whole file into the kernel's cache
    mov edx, PAGE * 16
    mov eax, SYS_read
    syscall
    test rax, rax
    jg 1b
2:  xor eax, eax
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
