# A daemon answers faults over shared memory (kernel_model/uffd/daemon.py). Here it is a thread of the same process.

.include "pff.inc"
.include "calls.inc"

# mode: daemon
# cpus: 2
# map: ring 4K rw shared
# map: buf 16K rw shared
# map: own 16K rw
# uffd: buf missing
# uffd: own missing
.text
# serve(): this thread is the daemon, with a pool of four pages mapped at r13; page i begins with i + 1
serve:
    mov eax, SYS_memfd_create
    lea rdi, [rip + name]
    xor esi, esi
    syscall
    mov [rip + channel + 8], eax
    mov edi, eax
    mov esi, 16384
    mov eax, SYS_ftruncate
    syscall
    mov eax, SYS_mmap
    xor edi, edi
    mov esi, 16384
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_SHARED
    mov r8d, [rip + channel + 8]
    xor r9d, r9d
    syscall
    mov r13, rax
    mov byte ptr [r13], 1
    mov byte ptr [r13 + 4096], 2
    mov byte ptr [r13 + 8192], 3
    mov byte ptr [r13 + 12288], 4
register:
    mov esi, UFFDIO_DAEMON
    lea rdx, [rip + channel]
    jmp ioctl
# answer_all(): with the pool page of the same number as the faulting page
answer_all:
    mov r12, ring
    mov dword ptr [rip + ready], 1
1:  mov rax, [r12]
    test rax, rax
    jnz 2f
    pause
    jmp 1b
2:  bsf rcx, rax
    mov eax, 1
    shl rax, cl
    xor [r12], rax
    shl rcx, 6
    add rcx, r12
    mov rax, [rcx + 4]
    mov [rip + is_store], eax
    mov rax, [rcx + 8]
    shr rax, 12
    and eax, 3
    mov [rcx + 16], rax
    mov eax, [rip + verdict]
    mov [rcx], eax
    jmp 1b
wait_for_daemon:
    pause
    cmp dword ptr [rip + ready], 0
    je wait_for_daemon
    ret
daemon:
    call serve
    jmp answer_all
.data
.balign 8
channel: .quad ring, 0
ready:    .long 0
is_store: .long 9
verdict:  .long 2                   # the request is answered
name:     .asciz "pool"
.balign 8
eviction: .quad pages, 2
pages:    .quad buf, buf + 4096

# test: a load finds the pool's page: the thread is never woken, and nothing is read or switched
# thread: daemon
# expect: al == 3 and mem32[is_store] == 0
# count: uffd_messages == 0 and wakes == 0 and handler_threads == 0
# CHECK: refused address=buf+0x2000
# CHECK-NOT: blocked
# CHECK: minor pool address=buf+0x2000
# CHECK-NEXT: resumed
    call wait_for_daemon
    mov al, [buf + 8192]

# test: a store reaches the pool's page itself, and the daemon is told that it was one
# thread: daemon
# expect: mem32[is_store] == 1 and mem8[buf + 4096] == 9 and bl == 9
    call wait_for_daemon
    mov byte ptr [buf + 4096], 9
    mov eax, SYS_mmap
    xor edi, edi
    mov esi, 16384
    mov edx, PROT_READ
    mov r10d, MAP_SHARED
    mov r8d, [rip + channel + 8]
    xor r9d, r9d
    syscall
    mov bl, [rax + 4096]

# test: private memory gets a copy
# thread: daemon
# expect: mem8[own + 4096] == 9 and bl == 2
    call wait_for_daemon
    mov byte ptr [own + 4096], 9
    mov eax, SYS_mmap
    xor edi, edi
    mov esi, 16384
    mov edx, PROT_READ
    mov r10d, MAP_SHARED
    mov r8d, [rip + channel + 8]
    xor r9d, r9d
    syscall
    mov bl, [rax + 4096]

# test: evicted pages come in again, and a page that was stored to says so
# thread: daemon
# expect: rbx == 2 and mem64[pages] == buf and mem64[pages + 8] == buf + 4097 and al == 1 and cl == 9
# CHECK: evicted address=buf dirty=0
# CHECK-NEXT: evicted address=buf+0x1000 dirty=1
# CHECK: minor pool address=buf
# CHECK: minor pool address=buf+0x1000
    call wait_for_daemon
    mov al, [buf]
    mov byte ptr [buf + 4096], 9
    mov esi, UFFDIO_EVICT
    lea rdx, [rip + eviction]
    call ioctl
    mov rbx, rax
    mov al, [buf]
    mov cl, [buf + 4096]

# test: a request that the daemon refuses is a message
# thread: daemon
# budget: 30000
# budget-used-up
# count: uffd_messages == 1
    call wait_for_daemon
    mov dword ptr [rip + verdict], 7
    mov al, [buf]

# test: an answer that names no page of the pool is none
# thread: stubborn
# budget: 30000
# budget-used-up
# count: uffd_messages == 1
    call wait_for_daemon
    mov al, [buf]
stubborn:
    call serve
    mov eax, SYS_ftruncate
    mov edi, [rip + channel + 8]
    xor esi, esi
    syscall
    jmp answer_all

# test: a daemon that does not answer is given up, and the fault is a message
# thread: idler
# deadlock: userfaultfd
    call wait_for_daemon
    mov al, [buf]
idler:
    call serve
    mov dword ptr [rip + ready], 1
    mov eax, SYS_pause
    syscall

# test: a daemon that ends leaves messages
# thread: mortal
# deadlock: userfaultfd
    call wait_for_daemon
    mov ecx, 100000
1:  dec ecx
    jnz 1b
    mov al, [buf]
mortal:
    call serve
    mov dword ptr [rip + ready], 1
    mov eax, SYS_exit
    syscall

# test: a signal ends the thread's wait
# thread: idler
# signal: SIGALRM on_alarm
# expect: exit == 5
    call wait_for_daemon
    mov eax, SYS_setitimer
    xor edi, edi
    lea rsi, [rip + timer]
    xor edx, edx
    syscall
    mov al, [buf]
    jmp 2f
on_alarm:
    mov eax, SYS_exit_group
    mov edi, 5
    syscall
idler:
    call serve
    mov dword ptr [rip + ready], 1
    mov eax, SYS_pause
    syscall
2:  nop
.data
timer: .quad 0, 0, 0, 50

# test: what is not possible is refused
# param: place = 0x10200000, 0x10000001, 0x30000000
# expect: rax == -EINVAL
    mov qword ptr [rip + channel], place
    call serve

# test: the pool is a memfd
# expect: rax == -EINVAL and rbx == -EBADF
    mov dword ptr [rip + channel + 8], 77
    call register
    mov rbx, rax
    mov rax, [rip + uffd]
    mov [rip + channel + 8], eax
    call register

# test: there is one daemon
# thread: daemon
# expect: rax == -EBUSY
    call wait_for_daemon
    call register

# test: without a daemon there are messages
# deadlock: userfaultfd
    mov al, [buf]

# test: other mechanisms do not know the ioctls
# mode: uffd, policy
# param: request = UFFDIO_DAEMON, UFFDIO_EVICT
# expect: rax == -EINVAL
    mov esi, request
    lea rdx, [rip + channel]
    call ioctl
