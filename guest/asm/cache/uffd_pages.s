# What the mechanisms over userfaultfd share: a region of anonymous memory, pages copied in, stores noticed by write
# protection, pages dropped by one process_madvise for all of a set.
.text

# uffd_pages_open(rdi features of UFFDIO_API) -> eax: 0, or another value without userfaultfd or these features
uffd_pages_open:
    cmp qword ptr [rip + stores], 0
    je 1f
    or rdi, 1                       # UFFD_FEATURE_PAGEFAULT_FLAG_WP
1:  mov [rip + api + 8], rdi
    mov eax, SYS_userfaultfd
    mov edi, O_CLOEXEC
    syscall
    test rax, rax
    js 9f
    mov [rip + uffd], rax
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    call uffd_ioctl
    test rax, rax
    jnz 9f
    call load_file
    mov rsi, [rip + page_count]
    shl rsi, 12
    mov [rip + registration + 8], rsi
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, [rip + region_flags]
    mov r8, -1
    call map
    mov [rip + region], rax
    mov [rip + registration], rax
    mov rax, [rip + stores]
    add eax, eax
    or eax, UFFDIO_REGISTER_MODE_MISSING
    mov [rip + registration + 16], rax
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + registration]
    call uffd_ioctl
    test rax, rax
    jnz 9f
    mov eax, SYS_getpid
    syscall
    mov rdi, rax
    xor esi, esi
    mov eax, SYS_pidfd_open
    syscall
    test rax, rax
    js ioctl_failed
    mov [rip + own_pidfd], rax
    xor eax, eax
    ret
9:  mov eax, 1
    ret

# uffd_ioctl(esi request, rdx argument) -> rax
uffd_ioctl:
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    syscall
    ret

uffd_install:
    sub rsp, 40
    xor eax, eax
    test esi, esi
    jnz 1f
    mov rax, [rip + stores]
    add rax, rax                    # UFFDIO_COPY_MODE_WP
1:  mov [rsp + 24], rax
    mov rax, rdi
    shl rax, 12
    add rax, [rip + region]
    mov [rsp], rax
    call page_at_hand
    mov [rsp + 8], rax
    mov qword ptr [rsp + 16], PAGE
    mov esi, UFFDIO_COPY
    mov rdx, rsp
    call uffd_ioctl
    add rsp, 40
    test rax, rax
    jnz ioctl_failed
    ret

uffd_protect:
    lea rdx, [rip + 1f]
    jmp for_runs
1:  mov edx, UFFDIO_WRITEPROTECT_MODE_WP
    jmp uffd_stores
uffd_allow:
    mov esi, 1
    xor edx, edx
# uffd_stores(rdi page, rsi count, edx mode of UFFDIO_WRITEPROTECT)
uffd_stores:
    sub rsp, 24
    shl rdi, 12
    add rdi, [rip + region]
    shl rsi, 12
    mov [rsp], rdi
    mov [rsp + 8], rsi
    mov [rsp + 16], rdx
    mov esi, UFFDIO_WRITEPROTECT
    mov rdx, rsp
    call uffd_ioctl
    add rsp, 24
    test rax, rax
    jnz ioctl_failed
    ret

uffd_retry:
    sub rsp, 16
    shl rdi, 12
    add rdi, [rip + region]
    mov [rsp], rdi
    mov qword ptr [rsp + 8], PAGE
    mov esi, UFFDIO_WAKE
    mov rdx, rsp
    call uffd_ioctl
    add rsp, 16
    ret

uffd_drop:
    cmp rsi, 1
    jne 1f
    mov rdi, [rdi]
    shl rdi, 12
    add rdi, [rip + region]
    mov esi, PAGE
    mov edx, MADV_DONTNEED
    mov eax, SYS_madvise
    syscall
    test rax, rax
    jnz ioctl_failed
    ret
1:  sub rsp, MOST_BATCH * 16        # struct iovec
    xor ecx, ecx
2:  mov rax, [rdi + rcx * 8]
    shl rax, 12
    add rax, [rip + region]
    mov rdx, rcx
    shl rdx, 4
    mov [rsp + rdx], rax
    mov qword ptr [rsp + rdx + 8], PAGE
    inc rcx
    cmp rcx, rsi
    jb 2b
    mov rdx, rsi
    mov rsi, rsp
    mov rdi, [rip + own_pidfd]
    mov r10d, MADV_DONTNEED
    xor r8d, r8d
    mov eax, SYS_process_madvise
    syscall
    add rsp, MOST_BATCH * 16
    test rax, rax
    js ioctl_failed
    ret

# own_fault(rdi address, esi error code): this thread's own
own_fault:
    sub rdi, [rip + region]
    shr rdi, 12
    cmp rdi, [rip + page_count]
    jae ioctl_failed                # not the cache's
    and esi, 2                      # a store
    jmp cache_fill

.data
own_pidfd: .quad 0
region_flags: .long MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, 0
