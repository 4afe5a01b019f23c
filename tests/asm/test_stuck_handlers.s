# A handler that returns without the page ends the run with a message that names the fault, under every mechanism.
# test_stuck_fault.s has forwarded faults.

.include "pff.inc"

# map: buf 16K rw
.text
handler:                            # returns at once
    cmp qword ptr [rip + upcall], 0
    jne 1f
    add rsp, 16                     # fault code and address
    ufret
1:  mov rdi, [rip + fd]
    mov esi, UFFDIO_UPCALL_RETURN
    mov rdx, rsp
    mov eax, SYS_ioctl
    syscall
    hlt

on_signal:
    ret

open:                               # registers buf; rdi has the features
    mov [rip + api + 8], rdi
    mov eax, SYS_userfaultfd
    xor edi, edi
    syscall
    mov [rip + fd], rax
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    call on_fd
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + area]
    call on_fd
    mov dword ptr [rip + go], 1
    ret

on_fd:
    mov rdi, [rip + fd]
    mov eax, SYS_ioctl
    syscall
    ret

waker:                              # reads messages and wakes their threads
    pause
    cmp dword ptr [rip + go], 0
    je waker
1:  mov rdi, [rip + fd]
    lea rsi, [rip + message]
    mov edx, 32
    mov eax, SYS_read
    syscall
    mov esi, UFFDIO_WAKE
    lea rdx, [rip + area]
    call on_fd
    jmp 1b

.data
upcall:  .quad 0
fd:      .quad 0
go:      .quad 0
api:     .quad UFFD_API, 0, 0
area:    .quad 0x10000000, 16384, UFFDIO_REGISTER_MODE_MISSING, 0
message: .zero 32

# test: an upcall
# mode: upcall
# uffd: buf missing
# forward: on
# deadlock: fault 4096 never ends: its handler returns without the page
    mov qword ptr [rip + upcall], 1
    mov rax, [rip + uffd]
    mov [rip + fd], rax
    mov rax, [buf + 8]

# test: a user fault
# mode: userfault
# uffd: buf missing
# forward: on
# deadlock: fault 4096 never ends: its handler returns without the page
    mov rax, [buf + 8]

# test: a signal
# mode: uffd
# signal: SIGBUS on_signal
# deadlock: fault 4096 never ends: its handler returns without the page
    mov edi, UFFD_FEATURE_SIGBUS
    call open
    mov rax, [buf + 8]

# test: a thread that wakes the sleeper and nothing else
# mode: uffd
# cpus: 2
# thread: waker
# deadlock: fault 4096 never ends: its handler returns without the page
    xor edi, edi
    call open
    mov rax, [buf + 8]
