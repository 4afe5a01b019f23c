# Frames of a cache in user space: [quota] pages of ordinary memory, and for each page in memory its frame.
.equ MOST_MISSES, 1 << 18            # that are noted

.text

# frames_open(): the frames, all free
frames_open:
    call load_file
    mov rsi, [rip + quota]
    shl rsi, 12
    call allocate
    mov [rip + frames], rax
# frame_lists(): all without [frames]
frame_lists:
    mov rsi, [rip + quota]
    shl rsi, 2
    call allocate
    mov [rip + free_frames], rax
    mov rcx, [rip + quota]
    mov [rip + free_count], rcx
1:  dec rcx
    mov [rax + rcx * 4], ecx
    jnz 1b
    mov rsi, [rip + page_count]
    shl rsi, 2
    call allocate
    mov [rip + frame_of], rax
    mov esi, MOST_MISSES * 4
    call allocate
    mov [rip + miss_cycles], rax
    ret

lock_frames:
    mov eax, 1
    xchg [rip + frames_lock], eax
    test eax, eax
    jz 1f
    call relax
    jmp lock_frames
1:  ret

# frame_fill(rdi page) -> rax its frame's number, filled from the file. Clobbers rcx, rdx, rsi, rdi.
frame_fill:
    call lock_frames
    mov rax, [rip + free_count]
    dec rax
    mov [rip + free_count], rax
    mov rcx, [rip + free_frames]
    mov edx, [rcx + rax * 4]
    mov dword ptr [rip + frames_lock], 0
    mov rcx, [rip + frame_of]
    mov [rcx + rdi * 4], edx
    push rdx
    mov rsi, rdx
    shl rsi, 12
    add rsi, [rip + frames]
    push rsi
    call page_source
    pop rdi
    cmp rax, rdi
    je 1f                           # read from disk to its place
    mov rsi, rax
    call copy_page
1:  pop rax
    ret

# frames_drop(rdi list, rsi count): their frames are free
frames_drop:
    call lock_frames
    mov r8, [rip + free_count]
    mov r9, [rip + free_frames]
    mov r10, [rip + frame_of]
1:  dec rsi
    mov rax, [rdi + rsi * 8]
    mov eax, [r10 + rax * 4]
    mov [r9 + r8 * 4], eax
    inc r8
    test rsi, rsi
    jnz 1b
    mov [rip + free_count], r8
    mov dword ptr [rip + frames_lock], 0
    ret

# frame_address(rdi page) -> rax
frame_address:
    mov rcx, [rip + frame_of]
    mov eax, [rcx + rdi * 4]
    shl rax, 12
    add rax, [rip + frames]
    ret

# timed_fill(rdi page): a miss. No fault tells how long it takes, so the thread notes it: fd 6 gets the list.
timed_fill:
    push rdi
    rdtsc
    shl rdx, 32
    or rax, rdx
    push rax
    mov rdi, [rsp + 8]
    xor esi, esi
    call cache_fill
    rdtsc
    shl rdx, 32
    or rax, rdx
    pop rcx
    sub rax, rcx
    mov ecx, 1
    lock xadd [rip + misses], rcx
    mov rdx, [rip + miss_cycles]
    cmp rcx, MOST_MISSES
    jae 1f
    mov [rdx + rcx * 4], eax
1:  pop rdi
    ret

.data
misses: .quad 0
miss_cycles: .quad 0                # 4 bytes each
frames: .quad 0
free_frames: .quad 0                # numbers, 4 bytes each
free_count: .quad 0
frame_of: .quad 0                   # by page: 4 bytes each
.balign 64
frames_lock: .quad 0
