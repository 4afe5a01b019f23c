# Many userfaultfd regions: register every second page of a mapping, each as a region of its own, then touch each once.
#   region_sweep REGIONS
# Three gettid(): before the registrations, behind them, and behind the accesses. Exits with 0 when every page reads as zero.

.text
.globl _start
_start:
    mov rsi, [rsp + 16]
    call parse_number
    mov r12, rax                    # r12 regions
    mov rsi, r12
    shl rsi, 13
    mov [rip + registration + 8], rsi # as the whole region, until the handler is registered
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    mov r8, -1
    call map
    mov [rip + region], rax
    mov rbx, rax                    # rbx mapping
    call open_userfaultfd
    test eax, eax
    jz ioctl_failed
    call forward_own_faults
    test rax, rax
    jnz ioctl_failed
    mov eax, SYS_gettid
    syscall
    xor r13d, r13d
1:  mov rax, r13
    shl rax, 13
    add rax, rbx
    mov [rip + one_region], rax
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + one_region]
    syscall
    test rax, rax
    jnz ioctl_failed
    inc r13
    cmp r13, r12
    jb 1b
    mov eax, SYS_gettid
    syscall
    xor r13d, r13d
    xor r14d, r14d
2:  mov rax, r13
    shl rax, 13
    or r14, [rbx + rax]
    inc r13
    cmp r13, r12
    jb 2b
    mov eax, SYS_gettid
    syscall
    xor edi, edi
    test r14, r14
    setnz dil
    mov eax, SYS_exit_group
    syscall

.include "paging.s"

.data
one_region: .quad 0, PAGE, UFFDIO_REGISTER_MODE_MISSING, 0
