# One page fault, handled by the faulting thread itself:  pffemu run --trace fault.jsonl examples/own_handler.s
# The load at `touch` faults; the handler installs a page of zeros and returns; the load runs again and reads 0.
# Exits with the low byte of the fault address the handler saw (0x2a = 42).

.include "pff.inc"

.text
_start:
    mov eax, SYS_userfaultfd
    mov edi, O_CLOEXEC
    syscall
    mov [rip + uffd], rax
    mov rdi, rax
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    mov eax, SYS_ioctl
    syscall

    mov eax, SYS_mmap               # one page that was never touched
    xor edi, edi
    mov esi, 4096
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS
    mov r8, -1
    xor r9d, r9d
    syscall
    mov rbx, rax

    mov [rip + range], rax
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + range]
    mov eax, SYS_ioctl
    syscall

    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + handler]
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    syscall
    stui

touch:
    movzx eax, byte ptr [rbx + 42]

    mov eax, SYS_exit_group
    mov edi, [rip + seen]
    syscall

handler:                            # +0 vector, +8 rip, +16 rflags, +24 rsp, +32 address, +40 error code
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov rax, [rsp + 48 + 32]
    mov [rip + seen], al
    and rax, -4096
    mov [rip + zeropage], rax
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zeropage]
    mov eax, SYS_ioctl
    syscall
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8                      # the vector
    uiret

.data
api:      .quad UFFD_API, 0, 0
range:    .quad 0, 4096, UFFDIO_REGISTER_MODE_MISSING, 0
zeropage: .quad 0, 4096, 0, 0
uffd:     .quad 0
seen:     .quad 0
