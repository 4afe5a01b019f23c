# The cache: which pages are in memory, what a fault does, how pages leave. Mechanisms supply the steps (a table of
# functions), policy.s the order. Functions here and a mechanism's keep rbx, rbp and r12 to r15, and no other register.

# A mechanism: its name, then functions (0: nothing to do)
.equ M_NAME, 0                      # 16 bytes
.equ M_KIND, 16                     # DIRECT, CALLED or SWIZZLED (access.inc)
.equ M_OPEN, 24                     # () -> eax: 0, or another value when the machine does not offer it
.equ M_JOIN, 32                     # (): each thread that will touch pages
.equ M_INSTALL, 40                  # (rdi page, esi: for a store): fill it from [backing] and make it present
.equ M_PROTECT, 48                  # (rdi list, rsi count): when it returns, no thread stores to these pages
.equ M_ALLOW, 56                    # (rdi page): stores get through again
.equ M_RETRY, 64                    # (rdi page): it is present; whatever waits for it may go on
.equ M_DROP, 72                     # (rdi list, rsi count): no thread has the pages any more; their memory is free
.equ M_ADDRESS, 80                  # (rdi page) -> rax where its bytes are, until M_DROP; 0: region + page * 4096
.equ M_MAY_EVICT, 88                # (rdi page) -> eax: nonzero when it may leave now. The lock is held.
.equ M_SYNC, 96                     # (): all stores are in the file. 0: core.s does it
.equ M_GET, 104                     # CALLED: rdi page -> rax address; keeps rdi
.equ M_PUT, 112
.equ M_HANDLERS, 120                # code of a handler thread; 0: the mechanism has none
.equ M_MECHANISM, 128               # bytes

# [state] of a page
.equ RESIDENT, 1
.equ BUSY, 2                        # one thread fills or evicts it or lets stores through; others wait
.equ WRITABLE, 4                    # a store does not fault (where stores are noticed by faults)
.equ SEEN, 8                        # it has been evicted before
.equ HOT, 16                        # of 2Q's second queue
.equ RETURNED, 32                   # BUSY, and in memory again already

.equ MOST_BATCH, 64                 # pages evicted together
.equ SPARE_PAGES, 64                # more than threads that fill pages at a time
.equ EXIT_NOT_OFFERED, 98
.equ EXIT_NO_FILE, 97
.equ EXIT_SHORT_FILE, 96

.text

# cache_open(): allocate for [page_count] pages, open the file, start [mechanism].
cache_open:
    push rbx
    mov eax, SYS_open
    lea rdi, [rip + file_name]
    mov esi, 2                      # O_RDWR
    cmp qword ptr [rip + on_disk], 0
    je 1f
    mov esi, 0x4002                 # and O_DIRECT: past the kernel's cache
1:
    syscall
    test rax, rax
    js no_file
    mov [rip + file], rax
    mov rdi, rax
    xor esi, esi
    mov edx, 2                      # SEEK_END
    mov eax, SYS_lseek
    syscall
    shr rax, 12
    cmp rax, [rip + page_count]
    jb short_file
    mov rax, [rip + page_count]
    cmp qword ptr [rip + quota], 0
    jne 1f
    mov [rip + quota], rax
1:  lea rbx, [rip + page_bytes]     # arrays of one byte a page
2:  mov rsi, [rip + page_count]
    call allocate
    mov [rbx], rax
    add rbx, 8
    lea rax, [rip + page_bytes_end]
    cmp rbx, rax
    jb 2b
    call policy_open
    mov esi, SPARE_PAGES * PAGE
    call allocate
    mov [rip + spare_pages], rax
    mov rbx, [rip + mechanism]
    call [rbx + M_OPEN]
    test eax, eax
    jnz not_offered
    mov rax, [rbx + M_GET]
    mov [rip + cache_get], rax
    mov rax, [rbx + M_PUT]
    mov [rip + cache_put], rax
    pop rbx
    ret
short_file:
    mov edi, EXIT_SHORT_FILE
    jmp 1f
no_file:
    mov edi, EXIT_NO_FILE
    jmp 1f
not_offered:
    mov edi, EXIT_NOT_OFFERED
1:  mov eax, SYS_exit_group
    syscall

# allocate(rsi bytes) -> rax: zeroed memory that does not fault
allocate:
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    jmp map

# load_file(): unless it stays on disk, [backing] is a copy of the whole file, in memory that does not fault
load_file:
    cmp qword ptr [rip + on_disk], 0
    jne 1f
    mov rsi, [rip + page_count]
    shl rsi, 12
    push rsi
    call allocate
    mov [rip + backing], rax
    mov rsi, rax
    pop rdx
    mov rdi, [rip + file]
    xor r10d, r10d
    mov eax, SYS_pread64
    syscall
1:  ret

# save_file(): after all pages have left
save_file:
    mov rsi, [rip + backing]
    test rsi, rsi
    jz 1f
    cmp qword ptr [rip + stores], 0
    je 1f
    mov rdx, [rip + page_count]
    shl rdx, 12
    mov rdi, [rip + file]
    xor r10d, r10d
    mov eax, SYS_pwrite64
    syscall
1:  ret

# page_source(rdi page, rsi a page of memory) -> rax where the file's page is: in memory, or read from disk to rsi
page_source:
    shl rdi, 12
    mov rax, [rip + backing]
    add rax, rdi
    cmp qword ptr [rip + on_disk], 0
    je 1f
    push rsi
    mov r10, rdi
    mov rdi, [rip + file]
    mov edx, PAGE
    mov eax, SYS_pread64
    syscall
    cmp rax, PAGE
    pop rax
    jne ioctl_failed
1:  ret

# page_at_hand(rdi page) -> rax where the file's page is, for a while: in memory, or read to one of a few spare pages
page_at_hand:
    mov rsi, [rip + spare_pages]
    mov eax, 1
    lock xadd [rip + next_spare], eax
    and eax, SPARE_PAGES - 1
    shl rax, 12
    add rsi, rax
    jmp page_source

# copy_page(rsi from, rdi to)
copy_page:
    mov ecx, PAGE
    rep movsb
    ret

# relax(): a thread waits for another one. It gives up its core, which is also where the clocks of pffemu's cores meet: a
# core that only spins would run ahead of the other's stores. Clobbers rax, rcx, r11.
relax:
    mov eax, SYS_sched_yield
    syscall
    ret

lock_cache:
1:  mov eax, 1
    xchg [rip + cache_lock], eax
    test eax, eax
    jnz 2f
    ret
2:  call relax
    cmp dword ptr [rip + cache_lock], 0
    jne 2b
    jmp 1b

unlock_cache:
    mov dword ptr [rip + cache_lock], 0
    ret

# wait_for_change(rbx a BUSY page's state): until it may be different. The disk takes long, so the thread sleeps.
wait_for_change:
    mov edx, [rip + changes]
    call relax
    test byte ptr [rbx], BUSY
    jz 1f
    lock inc dword ptr [rip + change_waiters]
    mov eax, SYS_futex
    lea rdi, [rip + changes]
    mov esi, FUTEX_WAIT | FUTEX_PRIVATE_FLAG
    xor r10d, r10d
    syscall
    lock dec dword ptr [rip + change_waiters]
1:  ret

# page_changed(): a page is no longer BUSY
page_changed:
    lock inc dword ptr [rip + changes]
    cmp dword ptr [rip + change_waiters], 0
    je 1f
    mov eax, SYS_futex
    lea rdi, [rip + changes]
    mov esi, FUTEX_WAKE | FUTEX_PRIVATE_FLAG
    mov edx, 64
    syscall
1:  ret

# cache_fill(rdi page, esi: for a store): a thread needs the page and does not have it, or may not store to it.
cache_fill:
    push rbx
    push r12
    push r13
    push r14
    mov r12, rdi
    mov r13d, esi
    mov r14, [rip + mechanism]
    mov rbx, [rip + state]
    add rbx, rdi
wait_for_page:
    call lock_cache
    movzx eax, byte ptr [rbx]
    test al, BUSY
    jz 3f
    call unlock_cache
    call wait_for_change
    jmp wait_for_page
3:  test al, RESIDENT
    jnz already_there
    or byte ptr [rbx], BUSY
4:  mov rax, [rip + resident]
    cmp rax, [rip + quota]
    jb 5f
    call make_room
    jmp 4b
5:  inc rax
    mov [rip + resident], rax
    cmp rax, [rip + most_resident]
    cmovb rax, [rip + most_resident]
    mov [rip + most_resident], rax
    inc qword ptr [rip + fills]
    call unlock_cache
    mov rdi, r12
    mov esi, r13d
    call [r14 + M_INSTALL]
    call lock_cache
    mov rdi, r12
    call policy_enter
    mov al, [rbx]
    and al, 255 - BUSY
    or al, RESIDENT
    test r13d, r13d
    jz 6f
    or al, WRITABLE
    mov rcx, [rip + dirty]
    mov byte ptr [rcx + r12], 1
6:  mov [rbx], al
    call unlock_cache
    call page_changed
    call wake_evictor
7:  pop r14
    pop r13
    pop r12
    pop rbx
    ret
already_there:
    test r13d, r13d
    jz 8f
    test al, WRITABLE
    jnz 8f
    mov rdi, r12
    call let_stores_through
    jmp 7b
8:  call unlock_cache
    cmp qword ptr [r14 + M_RETRY], 0
    je 7b
    mov rdi, r12
    call [r14 + M_RETRY]
    jmp 7b

# cache_ahead(rdi page, rsi count): these pages are needed soon. The thread brings them in now, before it would fault; the
# kernel reads ahead.
cache_ahead:
    mov rax, [rip + mechanism]
    cmp qword ptr [rax + M_INSTALL], 0
    je 3f
    push rbx
    push r12
    mov rbx, rdi
    lea r12, [rdi + rsi]
    cmp r12, [rip + page_count]
    cmova r12, [rip + page_count]
1:  mov rax, [rip + state]
    test byte ptr [rax + rbx], RESIDENT
    jnz 2f
    mov rdi, rbx
    xor esi, esi
    call cache_fill
2:  inc rbx
    cmp rbx, r12
    jb 1b
    pop r12
    pop rbx
    ret
3:  mov eax, SYS_madvise
    shl rdi, 12
    add rdi, [rip + region]
    shl rsi, 12
    mov edx, 3                      # MADV_WILLNEED
    syscall
    ret

# let_stores_through(rbx state of a page, rdi the page): the lock is held, and the page in memory. Unlocks.
let_stores_through:
    or byte ptr [rbx], BUSY
    inc qword ptr [rip + write_faults]
    call unlock_cache
    mov rcx, [rip + dirty]
    mov byte ptr [rcx + rdi], 1
    mov rax, [rip + mechanism]
    call [rax + M_ALLOW]
    call lock_cache
    or byte ptr [rbx], WRITABLE
    and byte ptr [rbx], 255 - BUSY
    call unlock_cache
    jmp page_changed

# make_room(): the lock is held, and all pages of the quota are taken: evict [batch] pages, as far as there are any.
make_room:
    push rbx
    push r12
    push r13
    sub rsp, MOST_BATCH * 8
    xor ebx, ebx
1:  call policy_choose
    cmp rax, -1
    je 2f
    mov [rsp + rbx * 8], rax
    mov rcx, [rip + state]
    or byte ptr [rcx + rax], BUSY
    inc rbx
    cmp rbx, [rip + batch]
    jb 1b
2:  call unlock_cache
    test rbx, rbx
    jz 5f
    mov rdi, rsp
    mov rsi, rbx
    call evict
    call lock_cache
    mov rcx, [rip + state]
    xor edx, edx
3:  mov rdi, [rsp + rdx * 8]
    mov r9b, [rcx + rdi]
    mov byte ptr [rcx + rdi], SEEN
    inc qword ptr [rip + evictions]
    call policy_leave
    test r9b, RETURNED
    jnz 8f
4:  inc rdx
    cmp rdx, rbx
    jb 3b
    sub [rip + resident], rbx
    call page_changed
    jmp 6f
5:  call relax
    call lock_cache
6:  add rsp, MOST_BATCH * 8
    pop r13
    pop r12
    pop rbx
    ret
8:  or byte ptr [rcx + rdi], RESIDENT   # it is there again (hw)
    inc qword ptr [rip + resident]
    push rcx
    push rdx
    call policy_enter
    pop rdx
    pop rcx
    jmp 4b

# evict(rdi list, rsi count): BUSY pages leave memory; what was stored to them goes to the file.
evict:
    push rbx
    push r12
    push r13
    push r14
    mov rbx, rdi
    mov r12, rsi
    mov r14, [rip + mechanism]
    call stop_stores
    xor r13d, r13d
1:  mov rdi, [rbx + r13 * 8]
    call write_back
    inc r13
    cmp r13, r12
    jb 1b
    mov rdi, rbx
    mov rsi, r12
    call [r14 + M_DROP]
    pop r14
    pop r13
    pop r12
    pop rbx
    ret

# stop_stores(rbx list, r12 count, r14 mechanism): to all of them, or where stores fault, to those that were stored to
stop_stores:
    cmp qword ptr [r14 + M_PROTECT], 0
    je 9f
    mov rdi, rbx
    mov rsi, r12
    cmp qword ptr [r14 + M_ALLOW], 0
    je 3f
    sub rsp, MOST_BATCH * 8
    xor esi, esi
    xor edx, edx
    mov rcx, [rip + dirty]
1:  mov rax, [rbx + rdx * 8]
    cmp byte ptr [rcx + rax], 0
    je 2f
    mov [rsp + rsi * 8], rax
    inc rsi
2:  inc rdx
    cmp rdx, r12
    jb 1b
    mov rdi, rsp
    test rsi, rsi
    jz 4f
    call [r14 + M_PROTECT]
4:  add rsp, MOST_BATCH * 8
9:  ret
3:  jmp [r14 + M_PROTECT]

# write_back(rdi page): to the file's pages, if it was stored to
write_back:
    mov rcx, [rip + dirty]
    cmp byte ptr [rcx + rdi], 0
    je 1f
    mov byte ptr [rcx + rdi], 0
    lock inc qword ptr [rip + writebacks]
    push rdi
    call page_address
    pop rdi
    mov rsi, rax
    shl rdi, 12
    cmp qword ptr [rip + on_disk], 0
    jne 2f
    add rdi, [rip + backing]
    jmp copy_page
1:  ret
2:  mov r10, rdi
    mov rdi, [rip + file]
    mov edx, PAGE
    mov eax, SYS_pwrite64
    syscall
    cmp rax, PAGE
    jne ioctl_failed
    ret

# page_address(rdi page) -> rax
page_address:
    mov rax, [rip + mechanism]
    mov rax, [rax + M_ADDRESS]
    test rax, rax
    jz 1f
    jmp rax
1:  mov rax, rdi
    shl rax, 12
    add rax, [rip + region]
    ret

# cache_sync(): all that was stored is in the file, the pages stay, and the next store to each is noticed again. Other
# threads may read meanwhile, but not store.
cache_sync:
    push rbx
    push r12
    push r13
    push r14
    push rbp
    mov r14, [rip + mechanism]
    cmp qword ptr [r14 + M_SYNC], 0
    je 1f
    call [r14 + M_SYNC]
    jmp 9f
1:  sub rsp, MOST_BATCH * 8
    mov rbx, rsp
    xor ebp, ebp                    # rbp page
2:  xor r12d, r12d
    call lock_cache
    mov rcx, [rip + dirty]
    mov rdx, [rip + state]
3:  cmp rbp, [rip + page_count]
    jae 5f
    cmp byte ptr [rcx + rbp], 0
    je 4f
    test byte ptr [rdx + rbp], BUSY # it is on its way out
    jnz 4f
    test byte ptr [rdx + rbp], RESIDENT
    jz 4f
    or byte ptr [rdx + rbp], BUSY
    mov [rbx + r12 * 8], rbp
    inc r12
4:  inc rbp
    cmp r12, MOST_BATCH
    jb 3b
5:  call unlock_cache
    test r12, r12
    jz 8f
    cmp qword ptr [r14 + M_ALLOW], 0
    je 6f
    call stop_stores
6:  xor r13d, r13d
7:  mov rdi, [rbx + r13 * 8]
    call write_back
    mov rdi, [rbx + r13 * 8]
    mov rcx, [rip + state]
    lock and byte ptr [rcx + rdi], 255 - WRITABLE - BUSY
    inc r13
    cmp r13, r12
    jb 7b
    cmp rbp, [rip + page_count]
    jb 2b
8:  add rsp, MOST_BATCH * 8
9:  pop rbp
    pop r14
    pop r13
    pop r12
    pop rbx
    ret

# The evictor thread, where there is one: it keeps [spare] pages of the quota free.
evictor_thread:
    call lock_cache
    mov rax, [rip + resident]
    add rax, [rip + spare]
    cmp rax, [rip + quota]
    jbe 1f
    call make_room
    call unlock_cache
    jmp evictor_thread
1:  mov dword ptr [rip + evictor_asleep], 1
    call unlock_cache
    mov eax, SYS_futex
    lea rdi, [rip + evictor_asleep]
    mov esi, FUTEX_WAIT | FUTEX_PRIVATE_FLAG
    mov edx, 1
    xor r10d, r10d
    syscall
    jmp evictor_thread

# wake_evictor(): when less than half of [spare] is left
wake_evictor:
    cmp dword ptr [rip + evictor_asleep], 0
    je 1f
    mov rax, [rip + spare]
    shr rax, 1
    add rax, [rip + resident]
    cmp rax, [rip + quota]
    jbe 1f
    xor eax, eax
    xchg [rip + evictor_asleep], eax
    test eax, eax
    jz 1f
    mov eax, SYS_futex
    lea rdi, [rip + evictor_asleep]
    mov esi, FUTEX_WAKE | FUTEX_PRIVATE_FLAG
    mov edx, 1
    syscall
1:  ret

.data
file_name: .asciz "/data/file"
.balign 64
cache_lock: .quad 0
changes: .long 0                    # of pages' states from BUSY
change_waiters: .long 0
.balign 64
evictor_asleep: .quad 0
mechanism: .quad 0
page_count: .quad 0
quota:  .quad 0                     # most resident pages
batch:  .quad 1
spare:  .quad 0                     # pages that the evictor thread keeps free; 0: there is no such thread
file:   .quad 0
cache_get: .quad 0
cache_put: .quad 0
on_disk: .quad 0                    # 1: the file is read and written past the kernel's cache; 0: it is in memory
scattered: .quad 0
stores: .quad 0                     # 1: the workload stores to pages
page_bytes:                         # addresses of arrays of a byte a page
state:  .quad 0
dirty:  .quad 0
accessed: .quad 0
ages:   .quad 0
page_bytes_end:
resident: .quad 0
spare_pages: .quad 0
next_spare: .quad 0
counters:                           # written to fd 5 at the end
fills:  .quad 0
evictions: .quad 0
writebacks: .quad 0
write_faults: .quad 0
most_resident: .quad 0
counters_end:
