# UFFDIO_WAKE, DONTWAKE, several sleepers, features of messages.

.include "pff.inc"

# mode: uffd
# cpus: 3
# map: buf 16K rw
# map: source 4K rw
# thread: toucher

.text
# Touches `buf` once told to, then counts itself.
toucher:
    pause
    cmp dword ptr [rip + go], 0
    je toucher
    mov al, [buf + 8]
    lock inc qword ptr [rip + touched]
1:  pause
    jmp 1b

# open(rdi features, rsi flags): userfaultfd with buf registered, then lets the touchers go.
open:
    mov [rip + api + 8], rdi
    mov edi, esi
    mov eax, SYS_userfaultfd
    syscall
    mov [rip + uffd_fd], rax
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    call on_fd
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + area]
    call on_fd
    mov dword ptr [rip + go], 1
    ret

on_fd:
    mov rdi, [rip + uffd_fd]
    mov eax, SYS_ioctl
    syscall
    ret

read_message:
    mov rdi, [rip + uffd_fd]
    lea rsi, [rip + message]
    mov edx, 96
    mov eax, SYS_read
    syscall
    ret

# Long enough for a woken thread to run.
pause_a_while:
    mov ecx, 30000
1:  pause
    dec ecx
    jnz 1b
    ret

.data
.balign 8
uffd_fd: .quad 0
api:     .quad UFFD_API, 0, 0
area:    .quad 0x10000000, 16384, 1, 0
message: .zero 96
touched: .quad 0
go:      .quad 0
zero:    .quad 0x10000000, 4096, 0, 0
range:   .quad 0x10000000, 4096

# test: DONTWAKE leaves the sleeper asleep until WAKE
# param: request = UFFDIO_ZEROPAGE
# expect: rbx == 0 and rbp == 0 and r12 == 1
# CHECK: step UFFDIO_ZEROPAGE put_user
# CHECK-NEXT: step UFFDIO_ZEROPAGE wake
# CHECK-NOT: woken
# CHECK: syscall ioctl
# CHECK-NEXT: woken tid=2
    xor edi, edi
    xor esi, esi
    call open
    call read_message
    mov qword ptr [rip + zero + 16], UFFDIO_ZEROPAGE_MODE_DONTWAKE
    mov esi, request
    lea rdx, [rip + zero]
    call on_fd
    mov rbx, rax
    call pause_a_while
    mov rbp, [rip + touched]
    mov esi, UFFDIO_WAKE
    lea rdx, [rip + range]
    call on_fd
    call pause_a_while
    mov r12, [rip + touched]

# test: COPY with DONTWAKE leaves the sleeper asleep
# expect: rbx == 0 and rbp == 0 and r12 == 1
    xor edi, edi
    xor esi, esi
    call open
    call read_message
    mov esi, UFFDIO_COPY
    lea rdx, [rip + copy]
    call on_fd
    mov rbx, rax
    call pause_a_while
    mov rbp, [rip + touched]
    mov esi, UFFDIO_WAKE
    lea rdx, [rip + range]
    call on_fd
    call pause_a_while
    mov r12, [rip + touched]
.data
copy: .quad buf, source, 4096, 1, 0

# test: COPY wakes the sleeper of its page
# expect: rbx == 0 and rbp == 1
    xor edi, edi
    xor esi, esi
    call open
    call read_message
    mov esi, UFFDIO_COPY
    lea rdx, [rip + copy]
    call on_fd
    mov rbx, rax
    call pause_a_while
    mov rbp, [rip + touched]
.data
copy: .quad buf, source, 4096, 0, 0

# test: filling another page does not wake the sleeper
# expect: rbx == 0 and rbp == 0
# count: wakes == 1
    xor edi, edi
    xor esi, esi
    call open
    call read_message
    mov qword ptr [rip + zero], 0x10001000
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zero]
    call on_fd
    mov rbx, rax
    call pause_a_while
    mov rbp, [rip + touched]

# test: WAKE without a page makes the thread fault again
# expect: rbp == 0
# CHECK: message address=buf
# CHECK: woken tid=2
# CHECK: resumed rip=toucher
# CHECK-NEXT: refused address=buf+0x8
# CHECK: message address=buf
    xor edi, edi
    xor esi, esi
    call open
    call read_message
    mov esi, UFFDIO_WAKE
    lea rdx, [rip + range]
    call on_fd
    call pause_a_while
    mov rbp, [rip + touched]

# test: one fill wakes every thread that waits for the page
# thread: toucher
# expect: rbp == 2
# count: uffd_messages == 2 and page_installed == 1
    xor edi, edi
    xor esi, esi
    call open
    call pause_a_while
    call read_message
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zero]
    call on_fd
    call pause_a_while
    mov rbp, [rip + touched]

# test: read gives all waiting messages that fit, oldest first
# thread: toucher
# expect: rax == 64 and mem8[message] == 0x12 and mem8[message + 32] == 0x12 and mem64[message + 64] == 0
# count: message_read == 2
    xor edi, edi
    xor esi, esi
    call open
    call pause_a_while
    call read_message

# test: a message is read once
# expect: rbx == 32 and rax == -EAGAIN
    xor edi, edi
    mov esi, O_NONBLOCK
    call open
    call pause_a_while
    call read_message
    mov rbx, rax
    call read_message

# test: the THREAD_ID feature puts the faulting thread's id into the message
# param: features, ptid = (0, 0), (0x100, 2)
# expect: mem32[message + 24] == ptid
    mov edi, features
    xor esi, esi
    call open
    call read_message

# test: the EXACT_ADDRESS feature keeps the low bits of the address
# param: features, low = (0, 0), (0x800, 8)
# expect: mem64[message + 16] == buf + low
    mov edi, features
    xor esi, esi
    call open
    call read_message

# test: a poller wakes when a message comes
# expect: rax == 1 and mem16[pollfd + 6] == POLLIN
# CHECK: blocked poll
# CHECK: message address=buf
# CHECK-NEXT: woken tid=1
    xor edi, edi
    mov esi, O_NONBLOCK
    call open
    mov rax, [rip + uffd_fd]
    mov [rip + pollfd], eax
    mov eax, SYS_poll
    lea rdi, [rip + pollfd]
    mov esi, 1
    mov edx, -1
    syscall
.data
pollfd: .long 0
        .word POLLIN, 0

# test: closing the userfaultfd wakes its sleepers, and the kernel brings the page in
# expect: rax == 0 and rbp == 1
# CHECK: syscall close
# CHECK: woken tid=2
# CHECK: minor zero address=buf
    xor edi, edi
    xor esi, esi
    call open
    call read_message
    mov eax, SYS_close
    mov rdi, [rip + uffd_fd]
    syscall
    mov rbx, rax
    call pause_a_while
    mov rbp, [rip + touched]
    mov rax, rbx

# test: USER_MODE_ONLY makes the kernel's own accesses EFAULT
# expect: rax == -EFAULT
# count: uffd_messages == 0
    xor edi, edi
    mov esi, UFFD_USER_MODE_ONLY
    mov dword ptr [rip + go], 0
    call open
    mov dword ptr [rip + go], 0
    mov eax, SYS_write
    mov edi, 1
    mov esi, buf + 4096
    mov edx, 8
    syscall

# test: a sleeper that no thread answers is a deadlock that names the threads and what they wait for
# cpus: 1
# deadlock: thread 2 at toucher
    xor edi, edi
    xor esi, esi
    call open
    mov eax, SYS_exit
    xor edi, edi
    syscall
