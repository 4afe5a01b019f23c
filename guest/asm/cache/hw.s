# hw: the core's own unit fills missing pages as a directive says, and no code runs. It tells nobody: the library learns from
# records which pages came in, when the unit declines because the quota is used up, and then throws some out. Pages leave by
# PAGEDROP. Stores are noticed as elsewhere, by write protection; these faults are forwarded. A core's ring has [ring_frames]
# frames at first; with none the unit declines each fault, and the rest is pff.
.equ HW_RING, 1024                  # room in a core's rings: by so many may it evict more than it fills, or the other way
.equ HW_SMALL, 64                   # smaller rings have room for their frames only, and are not refilled in the background
.equ HW_LOW, 16                     # below that, the kernel gives more in the background
.equ HW_REFILL, 32
.equ HW_QUOTA, 8                    # reasons for declining
.equ HW_EMPTY, 9
.equ HW_RECORDS, 64                 # read at a time
.equ HW_FILLED, 1                   # bit of a record

.text
hw_open:
    xor edi, edi
    call uffd_pages_open
    test eax, eax
    jnz 9f
    bt qword ptr [rip + api + 8], FEATURE_DIRECTED
    setnc al
    jnc 9f
    mov rdi, [rip + ring_frames]
    xor esi, esi
    xor edx, edx
    cmp rdi, HW_SMALL
    jb 1f
    mov eax, HW_RING
    cmp rdi, rax
    cmovb rdi, rax
    mov esi, HW_LOW
    mov edx, HW_REFILL
1:  mov rcx, [rip + thread_count]   # the core behind those of the threads refills
    call hw_rings
    test rax, rax
    jnz ioctl_failed
    mov edi, UFFDIO_DONATE_EACH
    mov rsi, [rip + ring_frames]
    cmp rsi, [rip + page_count]
    cmova rsi, [rip + page_count]
    call hw_donate
    test rax, rax
    jnz ioctl_failed
    mov rax, [rip + region]
    mov [rip + hw_directive], rax
    mov rax, [rip + registration + 8]
    mov [rip + hw_directive + 8], rax
    mov rax, [rip + stores]         # UFFDIO_DIRECT_WP
    mov [rip + hw_directive + 24], eax
    mov rax, [rip + backing]
    mov [rip + hw_directive + 32], rax
    mov rax, [rip + quota]
    cmp qword ptr [rip + ring_frames], 0
    jne 2f
    lea rax, [rip + uffd_install]
    mov [rip + hw_mechanism + M_INSTALL], rax
    lea rax, [rip + uffd_drop]
    mov [rip + hw_mechanism + M_DROP], rax
    xor eax, eax                    # the library alone keeps the quota
2:  mov [rip + hw_directive + 48], rax
    mov esi, UFFDIO_DIRECT
    lea rdx, [rip + hw_directive]
    call uffd_ioctl
    test rax, rax
    jnz ioctl_failed
    ret
9:  mov eax, 1
    ret

# RSP points at the extended frame, as in pff.s
hw_join:
    lea rdi, [rip + pff_fault]
    lea rax, [rip + hw_fault]
    cmp qword ptr [rip + ring_frames], 0
    cmovne rdi, rax
    jmp forward_faults

hw_fault:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    mov rdi, [rsp + 9 * 8 + 32]
    mov esi, [rsp + 9 * 8 + 40]
    call hw_forwarded
    jmp pff_return

# hw_forwarded(rdi address, esi error code): a store to a protected page, or a page that the unit did not bring in
hw_forwarded:
    push rbx
    push r12
    sub rdi, [rip + region]
    shr rdi, 12
    cmp rdi, [rip + page_count]
    jae ioctl_failed                # not the cache's
    mov r12, rdi
    mov rbx, rsi
    call lock_cache
    call hw_learn
    test bl, 1                      # P
    jnz 3f
    shr ebx, 16
    cmp bl, HW_QUOTA
    je 1f
    call unlock_cache
    mov edi, UFFDIO_DONATE_EACH     # no frame: new ones, and old ones that no TLB knows any more
    mov esi, HW_REFILL
    call hw_donate
    test rdx, rdx
    jnz 9f
    call lock_cache                 # there are none: one of the cache's pages leaves, and its frame is this core's
    cmp qword ptr [rip + resident], 0
    je 2f
    call make_room
    jmp 2f
1:  mov rax, [rip + resident]
    cmp rax, [rip + quota]
    jb 2f                           # another thread has made room
    call make_room
2:  call unlock_cache
    jmp 9f
3:  mov rbx, [rip + state]
    add rbx, r12
    mov al, [rbx]
    and al, RESIDENT | BUSY | WRITABLE
    cmp al, RESIDENT
    jne 4f
    mov rdi, r12
    call let_stores_through
    jmp 9f
4:  call unlock_cache
    test byte ptr [rbx], BUSY       # on its way out: then the unit brings it in again
    jz 9f
    call wait_for_change
9:  pop r12
    pop rbx
    ret

# hw_learn(): the lock is held. Pages that the unit brought in are in the library's books from now on.
hw_learn:
    push rbx
    push r12
    sub rsp, HW_RECORDS * 8 + 32
1:  lea rax, [rsp + 32]
    mov [rsp], rax
    mov qword ptr [rsp + 8], HW_RECORDS
    mov esi, UFFDIO_DRAIN
    mov rdx, rsp
    call uffd_ioctl
    test rax, rax
    jnz ioctl_failed
    xor ebx, ebx
2:  cmp rbx, [rsp + 16]
    jae 4f
    mov r12, [rsp + 32 + rbx * 8]
    inc rbx
    test r12b, HW_FILLED
    jz 2b
    sub r12, [rip + region]
    shr r12, 12
    mov rdx, [rip + state]
    add rdx, r12
    inc qword ptr [rip + fills]
    test byte ptr [rdx], BUSY
    jnz 3f
    test byte ptr [rdx], RESIDENT
    jnz 2b
    inc qword ptr [rip + resident]
    mov rdi, r12
    push rdx
    call policy_enter
    pop rdx
    or byte ptr [rdx], RESIDENT
    jmp 2b
3:  or byte ptr [rdx], RETURNED     # it has left and come again before make_room has noted that it left
    jmp 2b
4:  cmp qword ptr [rsp + 16], HW_RECORDS
    je 1b
    mov rax, [rip + resident]       # it still has pages on their way out that have gone: the directive keeps the quota
    cmp rax, [rip + quota]
    cmova rax, [rip + quota]
    cmp rax, [rip + most_resident]
    cmovb rax, [rip + most_resident]
    mov [rip + most_resident], rax
    add rsp, HW_RECORDS * 8 + 32
    pop r12
    pop rbx
    ret

hw_drop:
    push rbx
    push r12
    push r13
    mov rbx, rdi
    mov r12, rsi
1:  dec r12
    mov r13, [rbx + r12 * 8]
    shl r13, 12
    add r13, [rip + region]
    or r13, [rip + hw_directive + 56]
    pagedrop r13
    jnc 2f
    mov edi, UFFDIO_DONATE_EACH     # the ring is full: the kernel flushes TLBs, and makes returned frames fit for use
    xor esi, esi
    call hw_donate
    pagedrop r13
    jnc 2f
    mov rdi, r13                    # both rings are full: the kernel takes the page
    and rdi, -PAGE
    mov esi, PAGE
    mov edx, MADV_DONTNEED
    mov eax, SYS_madvise
    syscall
    test rax, rax
    jnz ioctl_failed
2:  test r12, r12
    jnz 1b
    pop r13
    pop r12
    pop rbx
    ret

.data
hw_mechanism:
    .ascii "hw\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
    .quad DIRECT, hw_open, hw_join, 0, uffd_protect, uffd_allow, 0, hw_drop, 0, 0, 0, 0, 0, 0
hw_directive:                       # struct uffdio_direct
    .quad 0, 0
    .long UFFDIO_DIRECT_COPY, UFFDIO_DIRECT_READ | UFFDIO_DIRECT_WRITE, 0, 0
    .quad 0, PAGE, 0, 0, 0
