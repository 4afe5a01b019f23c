# exmap: pages come and go by calls, a batch by one, and never by faults. Every access looks the page's state up and counts
# itself in, so that the page stays; put lets go.
.equ EXMAP_INTERFACES, MOST_THREADS

.text
exmap_open:
    mov eax, SYS_open
    lea rdi, [rip + exmap_path]
    mov esi, 2                      # O_RDWR
    syscall
    test rax, rax
    js 9f
    mov [rip + exmap_fd], rax
    mov rax, [rip + quota]
    mov [rip + exmap_setup + 8], rax
    mov esi, EXMAP_SETUP
    lea rdx, [rip + exmap_setup]
    call exmap_ioctl
    test rax, rax
    jnz 9f
    mov rsi, [rip + page_count]
    shl rsi, 12
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_SHARED
    mov r8, [rip + exmap_fd]
    call map
    mov [rip + region], rax
    mov rsi, [rip + page_count]
    shl rsi, 2
    call allocate
    mov [rip + exmap_users], rax
    mov esi, MOST_MISSES * 4
    call allocate
    mov [rip + miss_cycles], rax
    call load_file
    xor eax, eax
    ret
9:  mov eax, 1
    ret

# exmap_ioctl(esi request, rdx argument) -> rax
exmap_ioctl:
    mov eax, SYS_ioctl
    mov rdi, [rip + exmap_fd]
    syscall
    ret

# exmap_act(edi opcode, rsi vectors, rdx count) -> rax: pages
exmap_act:
    sub rsp, 16
    mov eax, EXMAP_INTERFACES - 1
    test r15, r15
    jz 1f                           # the evictor thread
    and rax, [r15 + THREAD_NUMBER]
1:  mov [rsp], ax
    mov [rsp + 2], dx
    mov [rsp + 4], edi
    mov [rsp + 8], rsi
    mov esi, EXMAP_ACTION
    mov rdx, rsp
    call exmap_ioctl
    add rsp, 16
    ret

# exmap_get(rdi page) -> rax address
exmap_get:
    mov rcx, [rip + exmap_users]
    lea rcx, [rcx + rdi * 4]
    mov [r15 + THREAD_HELD], rcx
    lock inc dword ptr [rcx]
    mov rdx, [rip + state]
    mov al, [rdx + rdi]
    and al, RESIDENT | BUSY
    cmp al, RESIDENT
    jne 1f
    mov rcx, [rip + accessed]
    mov byte ptr [rcx + rdi], 1
    mov rax, rdi
    shl rax, 12
    add rax, [rip + region]
    ret
1:  lock dec dword ptr [rcx]
    call timed_fill
    jmp exmap_get

exmap_put:
    mov rcx, [r15 + THREAD_HELD]
    lock dec dword ptr [rcx]
    ret

# exmap_may_evict(rdi page): BUSY keeps new users out; with none inside, the page may leave
exmap_may_evict:
    mov rdx, [rip + state]
    lock or byte ptr [rdx + rdi], BUSY
    mov rcx, [rip + exmap_users]
    xor eax, eax
    cmp dword ptr [rcx + rdi * 4], 0
    jne 1f
    inc eax
    ret
1:  lock and byte ptr [rdx + rdi], 255 - BUSY
    ret

exmap_install:
    push rdi
    mov rax, 1 << EXMAP_LENGTH_SHIFT
    or rax, rdi
    push rax
    mov edi, EXMAP_ALLOC
    mov rsi, rsp
    mov edx, 1
    call exmap_act
    cmp rax, 1
    jne ioctl_failed
    pop rax
    pop rdi
    mov rsi, rdi
    shl rsi, 12
    add rsi, [rip + region]
    push rsi
    call page_source
    pop rdi
    cmp rax, rdi
    je 1f                           # read from disk to its place
    mov rsi, rax
    jmp copy_page
1:  ret

exmap_drop:
    sub rsp, MOST_BATCH * 8
    xor ecx, ecx
    mov rdx, 1 << EXMAP_LENGTH_SHIFT
1:  mov rax, [rdi + rcx * 8]
    or rax, rdx
    mov [rsp + rcx * 8], rax
    inc rcx
    cmp rcx, rsi
    jb 1b
    mov edi, EXMAP_FREE
    mov rdx, rsi
    mov rsi, rsp
    call exmap_act
    add rsp, MOST_BATCH * 8
    test rax, rax
    js ioctl_failed
    ret

.data
exmap_mechanism:
    .ascii "exmap\0\0\0\0\0\0\0\0\0\0\0"
    .quad CALLED, exmap_open, 0, exmap_install, 0, 0, 0, exmap_drop, 0, exmap_may_evict, 0
    .quad exmap_get, exmap_put, 0
exmap_path: .asciz "/dev/exmap"
.balign 8
exmap_fd: .quad 0
exmap_setup: .long -1, EXMAP_INTERFACES
    .quad 0, 0
exmap_users: .quad 0                # threads that hold the page, by page: 4 bytes each
