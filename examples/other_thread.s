# One page fault, handled by another thread:  pffemu run --mode uffd examples/other_thread.s
# The load at `touch` faults; a thread that waits in read() gets the message, installs a page of zeros, and the load runs
# again. Exits with the low byte of the fault address that the thread read (0x2a = 42). own_handler.s is the same without it.

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

    mov eax, SYS_clone              # the other thread, on a stack in .data
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    lea rsi, [rip + stack + 4096]
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test rax, rax
    jz helper

touch:
    movzx eax, byte ptr [rbx + 42]

    mov eax, SYS_exit_group
    mov edi, [rip + seen]
    syscall

helper:
    mov eax, SYS_read
    mov rdi, [rip + uffd]
    lea rsi, [rip + message]
    mov edx, 32
    syscall
    mov rax, [rip + message + 16]   # uffd_msg.arg.pagefault.address
    mov [rip + seen], al
    and rax, -4096
    mov [rip + zeropage], rax
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zeropage]
    mov eax, SYS_ioctl
    syscall
    jmp helper

.data
api:      .quad UFFD_API, UFFD_FEATURE_EXACT_ADDRESS, 0
range:    .quad 0, 4096, UFFDIO_REGISTER_MODE_MISSING, 0
zeropage: .quad 0, 4096, 0, 0
message:  .quad 0, 0, 0, 0
uffd:     .quad 0
seen:     .quad 0
.align 16
stack:    .zero 4096
