# How a guest brings in the pages of its region, under whichever of the three modes the machine runs:
#   kernel   userfaultfd() fails: the kernel's own faults do it
#   uffd     a second thread reads messages and answers each with an ioctl
#   pff      the faulting thread's own user-interrupt handler answers it
# Include it after the code that starts the program.

.include "pff.inc"

.equ PAGE, 4096
.equ HANDLER_STACK, 65536
.equ MODE_KERNEL, 0
.equ MODE_UFFD, 1
.equ MODE_PFF, 2
.equ EXIT_IOCTL_FAILED, 99
# offsets from the handler's RSP after it has pushed its six registers
.equ SAVED, 48
.equ FRAME_ADDRESS, SAVED + 32

.text

# open_userfaultfd() -> rax: MODE_KERNEL, or anything else when there is a userfaultfd
open_userfaultfd:
    mov eax, SYS_userfaultfd
    mov edi, O_CLOEXEC
    syscall
    test rax, rax
    js 1f
    mov [rip + uffd], rax
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    syscall
    test rax, rax
    jnz ioctl_failed
    mov eax, MODE_UFFD
    ret
1:  xor eax, eax
    ret

# handle_faults(rdi region, rsi bytes, rdx backing or 0): register the region and choose who answers.
# -> rax: MODE_UFFD or MODE_PFF
handle_faults:
    mov [rip + region], rdi
    mov [rip + backing], rdx
    mov [rip + registration], rdi
    mov [rip + registration + 8], rsi
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + registration]
    syscall
    test rax, rax
    jnz ioctl_failed
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + page_fault_handler]
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    syscall
    test rax, rax
    jnz start_handler_thread
    stui
    mov eax, MODE_PFF
    ret

start_handler_thread:
    mov eax, SYS_mmap
    xor edi, edi
    mov esi, HANDLER_STACK
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    xor r9d, r9d
    syscall
    lea rsi, [rax + HANDLER_STACK]
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test rax, rax
    jz handler_thread
    mov eax, MODE_UFFD
    ret

# The other thread: one message, one ioctl, for ever.
handler_thread:
    sub rsp, 32
1:  mov eax, SYS_read
    mov rdi, [rip + uffd]
    mov rsi, rsp
    mov edx, 32
    syscall
    cmp rax, 32
    jne ioctl_failed
    mov rdi, [rsp + 16]
    call bring_in
    jmp 1b

# The same thread, in the middle of its own load or store: RSP points at the extended frame.
page_fault_handler:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov rdi, [rsp + FRAME_ADDRESS]
    call bring_in
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret

# bring_in(rdi address): one page of the region, from the backing mapping or zeroed. Clobbers what syscall does,
# rdx, rsi and rdi.
bring_in:
    and rdi, -PAGE
    mov rdx, [rip + backing]
    sub rsp, 40
    mov [rsp], rdi
    mov qword ptr [rsp + 24], 0
    test rdx, rdx
    jz 1f
    sub rdi, [rip + region]
    add rdx, rdi
    mov [rsp + 8], rdx
    mov qword ptr [rsp + 16], PAGE
    mov esi, UFFDIO_COPY
    jmp 2f
1:  mov qword ptr [rsp + 8], PAGE
    mov qword ptr [rsp + 16], 0
    mov esi, UFFDIO_ZEROPAGE
2:  mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov rdx, rsp
    syscall
    add rsp, 40
    test rax, rax
    jnz ioctl_failed
    ret

ioctl_failed:
    mov eax, SYS_exit_group
    mov edi, EXIT_IOCTL_FAILED
    syscall

# parse_number(rsi text) -> rax
parse_number:
    xor eax, eax
1:  movzx ecx, byte ptr [rsi]
    sub ecx, '0'
    cmp ecx, 9
    ja 2f
    lea rax, [rax + rax * 4]
    lea rax, [rcx + rax * 2]
    inc rsi
    jmp 1b
2:  ret

# map(rsi bytes, rdx protection, r10 flags, r8 fd) -> rax; ends the program when there is no memory
map:
    mov eax, SYS_mmap
    xor edi, edi
    xor r9d, r9d
    syscall
    cmp rax, -PAGE
    ja ioctl_failed
    ret

.data
api:
    .quad UFFD_API, 0, 0
registration:
    .quad 0, 0, UFFDIO_REGISTER_MODE_MISSING, 0
uffd:
    .quad 0
region:
    .quad 0
backing:
    .quad 0
