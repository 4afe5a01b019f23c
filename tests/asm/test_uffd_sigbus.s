# UFFD_FEATURE_SIGBUS: instead of a message and a sleep, a signal.

.include "pff.inc"

# test: with FEATURE_SIGBUS a missing page is SIGBUS without a message
# mode: uffd
# map: buf 16K rw
# raises: SIGBUS addr=buf + 8 at touch
# count: message_queued == 0 and thread_blocked == 0
    mov eax, SYS_userfaultfd
    xor edi, edi
    syscall
    mov rbx, rax
    mov rdi, rbx
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    mov eax, SYS_ioctl
    syscall
    mov rdi, rbx
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + area]
    mov eax, SYS_ioctl
    syscall
touch: mov al, [buf + 8]
.data
api:  .quad UFFD_API, UFFD_FEATURE_SIGBUS, 0
area: .quad buf, 16384, UFFDIO_REGISTER_MODE_MISSING, 0
