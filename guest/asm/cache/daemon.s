# daemon (USM): faulting threads tell a daemon over shared memory and wait in the kernel for its answer, a page of its pool; it
# polls, and enters the kernel only to evict. Here it is a thread, as it could be of any process that shares these pages.
# What was stored to, the kernel says when a page is unmapped.

.text
daemon_open:
    mov rax, [rip + stores]
    mov [rip + daemon_stores], rax
    mov qword ptr [rip + stores], 0 # they need not be noticed
    mov dword ptr [rip + region_flags], MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE
    xor edi, edi
    call uffd_pages_open
    mov rcx, [rip + daemon_stores]
    mov [rip + stores], rcx
    test eax, eax
    jnz 9f
    bt qword ptr [rip + api + 8], FEATURE_DAEMON
    setnc al
    jnc 9f
    call frame_lists
    mov eax, SYS_memfd_create
    lea rdi, [rip + pool_name]
    xor esi, esi
    syscall
    mov [rip + channel + 8], rax
    mov rdi, rax
    mov rsi, [rip + quota]
    shl rsi, 12
    mov eax, SYS_ftruncate
    syscall
    test rax, rax
    jnz ioctl_failed
    mov rsi, [rip + quota]
    shl rsi, 12
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_SHARED | MAP_POPULATE
    mov r8, [rip + channel + 8]
    call map
    mov [rip + frames], rax
    mov esi, PAGE
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    call map
    mov [rip + channel], rax
    lea rdi, [rip + daemon_messages]
    xor esi, esi
    call start_thread
    xor eax, eax
    ret
9:  mov eax, 1
    ret

# each thread that will fault: not before the daemon polls
daemon_join:
    cmp qword ptr [rip + daemon_ready], 0
    jne 1f
    call relax
    jmp daemon_join
1:  ret

# A thread that was answered with a page that another thread has got first waits for messages' answer: it is to ask the
# daemon again.
daemon_messages:
    sub rsp, MESSAGE
1:  mov eax, SYS_read
    mov rdi, [rip + uffd]
    mov rsi, rsp
    mov edx, MESSAGE
    syscall
    cmp rax, MESSAGE
    jne ioctl_failed
    mov rdi, [rsp + 16]             # address
    sub rdi, [rip + region]
    shr rdi, 12
    call uffd_retry
    jmp 1b

daemon_thread:
    mov esi, UFFDIO_DAEMON
    lea rdx, [rip + channel]
    call uffd_ioctl
    test rax, rax
    jnz ioctl_failed
    mov r12, [rip + channel]        # r12 ring
    mov r15, -1                     # r15 the slots behind the last one
    mov qword ptr [rip + daemon_ready], 1
1:  mov rax, [r12]
    test rax, rax
    jnz 2f
    pause
    jmp 1b
2:  mov rdx, rax
    and rdx, r15                    # in turn: threads that ask again at once must not keep the others waiting
    cmovz rdx, rax
    bsf rcx, rdx
    mov r15, -2
    shl r15, cl
    mov ebx, 1
    shl rbx, cl                     # rbx the slot's bit
    mov rax, rbx
    not rax
    lock and [r12], rax
    mov r13, rcx
    shl r13, SLOT_SHIFT
    add r13, r12                    # r13 slot
    mov rdi, [r13 + SLOT_ADDRESS]
    sub rdi, [rip + region]
    shr rdi, 12
    mov r14, rdi
    xor esi, esi
    call cache_fill
    mov rcx, [rip + frame_of]
    mov eax, [rcx + r14 * 4]
    mov [r13 + SLOT_PAGE], rax
    or [rip + daemon_answered], rbx
    mov dword ptr [r13], SLOT_ANSWERED
    jmp 1b

daemon_install:
    jmp frame_fill

# daemon_may_evict(rdi page): not one whose thread has not taken the answer yet
daemon_may_evict:
    mov rdx, rdi
    shl rdx, 12
    add rdx, [rip + region]
    mov r8, [rip + daemon_answered]
    mov r9, [rip + channel]
1:  bsf rcx, r8
    jz 3f
    btr r8, rcx
    mov rax, rcx
    shl rax, SLOT_SHIFT
    cmp dword ptr [r9 + rax], SLOT_ANSWERED
    je 2f
    btr qword ptr [rip + daemon_answered], rcx
    jmp 1b
2:  cmp [r9 + rax + SLOT_ADDRESS], rdx
    jne 1b
    xor eax, eax
    ret
3:  mov eax, 1
    ret

# daemon_protect(rdi list, rsi count): they are unmapped, and it is known which ones were stored to
daemon_protect:
    push rbx
    push r12
    sub rsp, MOST_BATCH * 8 + 16
    mov rbx, rdi
    mov r12, rsi
    lea rax, [rsp + 16]
    mov [rsp], rax
    mov [rsp + 8], rsi
1:  dec rsi
    mov rcx, [rdi + rsi * 8]
    shl rcx, 12
    add rcx, [rip + region]
    mov [rax + rsi * 8], rcx
    test rsi, rsi
    jnz 1b
    mov esi, UFFDIO_EVICT
    mov rdx, rsp
    call uffd_ioctl
    cmp rax, r12
    jne ioctl_failed
    mov rdx, [rip + dirty]
2:  dec r12
    mov rax, [rsp + 16 + r12 * 8]
    and eax, 1
    mov rcx, [rbx + r12 * 8]
    mov [rdx + rcx], al
    test r12, r12
    jnz 2b
    add rsp, MOST_BATCH * 8 + 16
    pop r12
    pop rbx
    ret

# daemon_sync(): what was stored to is known only of pages that leave, so all leave
daemon_sync:
    call lock_cache
1:  cmp qword ptr [rip + resident], 0
    je unlock_cache
    call make_room
    jmp 1b

.data
daemon_mechanism:
    .ascii "daemon\0\0\0\0\0\0\0\0\0\0"
    .quad DIRECT, daemon_open, daemon_join, daemon_install, daemon_protect, 0, 0, frames_drop, frame_address
    .quad daemon_may_evict, daemon_sync, 0, 0, daemon_thread
daemon_stores: .quad 0
daemon_ready: .quad 0
daemon_answered: .quad 0            # bits of slots that were answered, and perhaps not taken yet
