# sigsegv (uMMAP-IO): pages of a memfd without rights. The SIGSEGV handler writes the page's bytes to the memfd and grants
# rights (mprotect); a page is without its bytes until it has them, and threads that share it never see half of them.
# Eviction takes the rights away, and the memfd's page (FALLOC_FL_PUNCH_HOLE).
.equ PUNCH_HOLE, 3                  # with FALLOC_FL_KEEP_SIZE
.equ SIGNAL_ERROR_CODE, 192         # of a ucontext: gregs[REG_ERR]

.text
sigsegv_open:
    call load_file
    mov eax, SYS_memfd_create
    lea rdi, [rip + sigsegv_name]
    xor esi, esi
    syscall
    test rax, rax
    js ioctl_failed
    mov [rip + sigsegv_pages], rax
    mov rdi, rax
    mov rsi, [rip + page_count]
    shl rsi, 12
    mov eax, SYS_ftruncate
    syscall
    mov rsi, [rip + page_count]
    shl rsi, 12
    xor edx, edx                    # PROT_NONE
    mov r10d, MAP_SHARED
    mov r8, [rip + sigsegv_pages]
    call map
    mov [rip + region], rax
    mov edi, SIGSEGV

# handle_signal(edi): the faulting thread handles it. -> eax 0
handle_signal:
    mov eax, SYS_rt_sigaction
    lea rsi, [rip + fault_action]
    xor edx, edx
    mov r10d, 8
    syscall
    ret

# rsi siginfo, rdx ucontext
fault_signal:
    mov rdi, [rsi + SIGINFO_ADDRESS]
    mov esi, [rdx + SIGNAL_ERROR_CODE]
    and esi, 2                      # a store
    sub rdi, [rip + region]
    shr rdi, 12
    cmp rdi, [rip + page_count]
    jae ioctl_failed                # not the cache's
    jmp cache_fill

sigsegv_install:
    push rbx
    push r12
    mov rbx, rdi
    mov r12, rsi
    call page_at_hand
    mov rsi, rax
    mov r10, rbx
    shl r10, 12
    mov edx, PAGE
    mov rdi, [rip + sigsegv_pages]
    mov eax, SYS_pwrite64
    syscall
    cmp rax, PAGE
    jne ioctl_failed
    mov rdi, rbx
    mov rsi, r12
    pop r12
    pop rbx
    mov edx, PROT_READ
    test esi, esi
    jz sigsegv_rights
sigsegv_allow:
    mov edx, PROT_READ | PROT_WRITE

# sigsegv_rights(rdi page, edx rights)
sigsegv_rights:
    mov esi, PAGE
    shl rdi, 12
    add rdi, [rip + region]
    mov eax, SYS_mprotect
    syscall
    test rax, rax
    jnz ioctl_failed
    ret

# for_runs(rdi list, rsi count, rdx function): it is called with rdi page, rsi count for each run of consecutive pages
for_runs:
    push rbx
    push r12
    push r13
    mov rbx, rdi
    lea r12, [rdi + rsi * 8]
    mov r13, rdx
1:  mov rdi, [rbx]
    xor esi, esi
2:  inc rsi
    add rbx, 8
    cmp rbx, r12
    jae 3f
    lea rax, [rdi + rsi]
    cmp [rbx], rax
    je 2b
3:  call r13
    cmp rbx, r12
    jb 1b
    pop r13
    pop r12
    pop rbx
    ret

sigsegv_protect:
    lea rdx, [rip + 1f]
    jmp for_runs
1:  mov edx, PROT_READ
sigsegv_run_rights:
    shl rsi, 12
    shl rdi, 12
    add rdi, [rip + region]
    mov eax, SYS_mprotect
    syscall
    test rax, rax
    jnz ioctl_failed
    ret

sigsegv_drop:
    lea rdx, [rip + 1f]
    jmp for_runs
1:  push rdi
    push rsi
    xor edx, edx                    # PROT_NONE
    call sigsegv_run_rights
    pop r10
    pop rdx
    shl r10, 12
    shl rdx, 12
    mov rdi, [rip + sigsegv_pages]
    mov esi, PUNCH_HOLE
    mov eax, SYS_fallocate
    syscall
    test rax, rax
    jnz ioctl_failed
    ret

.data
sigsegv_mechanism:
    .ascii "sigsegv\0\0\0\0\0\0\0\0\0"
    .quad DIRECT, sigsegv_open, 0, sigsegv_install, sigsegv_protect, sigsegv_allow, 0, sigsegv_drop, 0, 0, 0, 0, 0, 0
sigsegv_name: .asciz "pages"
sigsegv_pages: .quad 0
fault_action: .quad fault_signal, SA_SIGINFO | SA_RESTORER, sigbus_return, 0
