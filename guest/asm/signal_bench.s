# mprotect and SIGSEGV: touch every page of a region without rights; a signal handler grants them, page by page.
#   signal_bench PAGES
# The measured part lies between two gettid(). Writes the number of signals to fd 4 (8 bytes), and exits with 0.

.text
.globl _start
_start:
    mov rbp, rsp
    mov rsi, [rbp + 16]
    call parse_number
    mov r12, rax                    # r12 pages
    mov rsi, r12
    shl rsi, 12
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    call map
    mov rbx, rax                    # rbx region
    mov eax, SYS_mprotect
    mov rdi, rbx
    mov rsi, r12
    shl rsi, 12
    mov edx, PROT_READ
    syscall
    mov eax, SYS_rt_sigaction
    mov edi, SIGSEGV
    lea rsi, [rip + segv_action]
    xor edx, edx
    mov r10d, 8
    syscall
    test rax, rax
    jnz ioctl_failed
    mov eax, SYS_gettid
    syscall
    xor r13d, r13d                  # r13 page
1:  mov rax, r13
    shl rax, 12
    mov [rbx + rax], r13            # the measured write
    inc r13
    cmp r13, r12
    jb 1b
    mov eax, SYS_gettid
    syscall
    mov eax, SYS_write
    mov edi, 4
    lea rsi, [rip + signals]
    mov edx, 8
    syscall
    mov eax, SYS_exit_group
    xor edi, edi
    syscall

segv_handler:
    inc qword ptr [rip + signals]
    mov rdi, [rsi + SIGINFO_ADDRESS]
    and rdi, -PAGE
    mov eax, SYS_mprotect
    mov esi, PAGE
    mov edx, PROT_READ | PROT_WRITE
    syscall
    ret

.data
signals: .quad 0

.include "paging.s"

segv_action: .quad segv_handler, SA_SIGINFO | SA_RESTORER, sigbus_return, 0
