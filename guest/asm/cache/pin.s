# pin: a buffer pool. Every access looks the page up in a hash table and pins its frame, so that it stays; put lets go.
.equ LATCH, 31                      # bit of a bucket: a thread works on its chain
# a frame's descriptor
.equ PIN_PAGE, 0
.equ PIN_NEXT, 4                    # number + 1 of the next frame in the chain; 0: none
.equ PIN_COUNT, 8
.equ PIN_DESCRIPTOR, 16             # bytes

.text
pin_open:
    call frames_open
    mov rsi, [rip + quota]
    shl rsi, 4
    call allocate
    mov [rip + pin_frames], rax
    mov ecx, 1
1:  add rcx, rcx
    cmp rcx, [rip + quota]
    jb 1b
    lea rsi, [rcx * 4]
    dec rcx
    mov [rip + pin_mask], rcx
    call allocate
    mov [rip + pin_buckets], rax
    xor eax, eax
    ret

# pin_bucket(rdi page) -> r8 its bucket, latched. Clobbers rax.
pin_bucket:
    mov r8, GOLDEN
    imul r8, rdi
    shr r8, 32
    and r8, [rip + pin_mask]
    mov rax, [rip + pin_buckets]
    lea r8, [rax + r8 * 4]
1:  lock bts dword ptr [r8], LATCH
    jc 2f
    ret
2:  push rcx
    call relax
    pop rcx
    jmp 1b

# pin_get(rdi page) -> rax address
pin_get:
    call pin_bucket
    mov eax, [r8]
    and eax, 0x7FFFFFFF
    mov rdx, [rip + pin_frames]
1:  jz 3f
    mov ecx, eax
    shl rcx, 4
    lea rcx, [rdx + rcx - PIN_DESCRIPTOR]
    cmp [rcx + PIN_PAGE], edi
    je 2f
    mov eax, [rcx + PIN_NEXT]
    test eax, eax
    jmp 1b
2:  lock inc dword ptr [rcx + PIN_COUNT]
    and dword ptr [r8], 0x7FFFFFFF
    mov [r15 + THREAD_HELD], rcx
    mov rcx, [rip + accessed]
    mov byte ptr [rcx + rdi], 1
    dec eax
    shl rax, 12
    add rax, [rip + frames]
    ret
3:  and dword ptr [r8], 0x7FFFFFFF
    call timed_fill
    jmp pin_get

pin_put:
    mov rcx, [r15 + THREAD_HELD]
    lock dec dword ptr [rcx + PIN_COUNT]
    ret

pin_install:
    push rdi
    call frame_fill
    pop rdi
    mov r9, rax
    call pin_bucket
    mov rcx, r9
    shl rcx, 4
    add rcx, [rip + pin_frames]
    mov [rcx + PIN_PAGE], edi
    mov dword ptr [rcx + PIN_COUNT], 0
    mov eax, [r8]
    and eax, 0x7FFFFFFF
    mov [rcx + PIN_NEXT], eax
    inc r9d
    mov [r8], r9d                   # unlatched
    ret

# pin_may_evict(rdi page): if it is not pinned it leaves its chain, so that no thread finds it any more
pin_may_evict:
    mov rcx, [rip + frame_of]
    mov ecx, [rcx + rdi * 4]
    lea r10d, [rcx + 1]             # r10 number + 1
    shl rcx, 4
    add rcx, [rip + pin_frames]
    call pin_bucket
    cmp dword ptr [rcx + PIN_COUNT], 0
    jne 3f
    mov eax, [rcx + PIN_NEXT]
    mov edx, [r8]
    and edx, 0x7FFFFFFF
    cmp edx, r10d
    jne 1f
    mov [r8], eax                   # unlatched
    mov eax, 1
    ret
1:  mov ecx, edx
    shl rcx, 4
    add rcx, [rip + pin_frames]
    mov edx, [rcx - PIN_DESCRIPTOR + PIN_NEXT]
    cmp edx, r10d
    jne 1b
    mov [rcx - PIN_DESCRIPTOR + PIN_NEXT], eax
    and dword ptr [r8], 0x7FFFFFFF
    mov eax, 1
    ret
3:  and dword ptr [r8], 0x7FFFFFFF
    xor eax, eax
    ret

.data
pin_mechanism:
    .ascii "pin\0\0\0\0\0\0\0\0\0\0\0\0\0"
    .quad CALLED, pin_open, 0, pin_install, 0, 0, 0, frames_drop, frame_address, pin_may_evict, 0
    .quad pin_get, pin_put, 0
pin_frames: .quad 0
pin_buckets: .quad 0
pin_mask: .quad 0
