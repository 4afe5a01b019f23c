# swizzle (LeanStore): a page's reference is its address while it is in memory, so that a hit costs a test of a bit. The
# references stand in one array here. A page that leaves has its reference changed first; then the evictor waits until
# every thread that held a page has let go: the threads only count (access.inc), and membarrier makes them all visible.
.equ MEMBARRIER_CMD_PRIVATE_EXPEDITED, 8
.equ MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 16

.text
swizzle_open:
    call frames_open
    mov rsi, [rip + page_count]
    shl rsi, 3
    call allocate
    mov [rip + swips], rax
    xor ecx, ecx
1:  lea rdx, [rcx + rcx + 1]        # out of memory: the page's number, and the lowest bit
    mov [rax + rcx * 8], rdx
    inc rcx
    cmp rcx, [rip + page_count]
    jb 1b
    mov edi, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED
membarrier:
    mov eax, SYS_membarrier
    xor esi, esi
    xor edx, edx
    syscall
    ret

# swizzle_miss(rdi page) -> rax address. It does not count as holding a page meanwhile.
swizzle_miss:
    inc qword ptr [r15 + THREAD_USES]
    call timed_fill
    inc qword ptr [r15 + THREAD_USES]
    mov rcx, [rip + swips]
    mov rax, [rcx + rdi * 8]
    test al, 1
    jnz swizzle_miss
    ret

swizzle_install:
    push rdi
    call frame_fill
    shl rax, 12
    add rax, [rip + frames]
    pop rdi
    mov rcx, [rip + swips]
    mov [rcx + rdi * 8], rax
    ret

swizzle_protect:
    mov rcx, [rip + swips]
1:  dec rsi
    mov rax, [rdi + rsi * 8]
    lea rdx, [rax + rax + 1]
    mov [rcx + rax * 8], rdx
    test rsi, rsi
    jnz 1b
    mov edi, MEMBARRIER_CMD_PRIVATE_EXPEDITED
    call membarrier
    lea r8, [rip + thread_blocks]
    mov rdx, [rip + thread_count]
2:  mov r9, [r8 + THREAD_USES]
    test r9b, 1
    jz 4f
3:  call relax
    cmp r9, [r8 + THREAD_USES]
    je 3b
4:  add r8, THREAD_BLOCK
    dec rdx
    jnz 2b
    ret

.data
swizzle_mechanism:
    .ascii "swizzle\0\0\0\0\0\0\0\0\0"
    .quad SWIZZLED, swizzle_open, 0, swizzle_install, swizzle_protect, 0, 0, frames_drop, frame_address, 0, 0, 0, 0, 0
swips:  .quad 0
