# How a guest brings in the pages of its region, under each mode of the machine:
#   kernel   userfaultfd() fails: the kernel's own faults do it
#   uffd     [handlers] more threads read messages and answer each with an ioctl; [handler_kind]: how they wait for
#            messages, or that the faulting thread answers its own SIGBUS
#   pff      the faulting thread's own user-interrupt handler answers it
#   userfault  so does its own user-fault handler
#   daemon   another process answers over shared memory: it copies into a pool of pages, which the kernel maps
#   policy   the kernel answers by itself, and keeps the [budget], as the guest has told it once
#   hw       the core's own unit fills pages from [hw_frames] frames a core (0: none); the rest as pff. With a [budget]: as pff
#   upcall   the kernel enters the faulting thread's handler, which returns by a call
# With [budget] pages set, no more than those stay: the handler discards others (MADV_DONTNEED) in the order of [policy].
# Include it after the code that starts the program.

.include "pff.inc"

.equ PAGE, 4096
.equ HANDLER_STACK, 65536
.equ MODE_KERNEL, 0
.equ MODE_UFFD, 1
.equ MODE_PFF, 2                    # the faulting thread handles: pff, userfault and upcall
.equ EXIT_IOCTL_FAILED, 99
# [handler_kind]
.equ HANDLER_READ, 0                # blocking read
.equ HANDLER_POLL, 1                # poll, then read
.equ HANDLER_BUSY, 2                # non-blocking read again and again
.equ HANDLER_SIGBUS, 3              # UFFD_FEATURE_SIGBUS: no message, no other thread
# [policy]
.equ POLICY_FIFO, 0
.equ POLICY_CLOCK, 1                # a page that came in again since its last eviction gets a second chance
.equ WAS_EVICTED, 1
.equ REFERENCED, 2
.equ SIGINFO_ADDRESS, 16
.equ FEATURE_SIGBUS, 1 << 7       # UFFD_FEATURE_SIGBUS
.equ FEATURE_DIRECTED, 60
.equ FEATURE_DAEMON, 59
.equ FEATURE_ZEROPAGE_WRITE, 61
.equ FEATURE_POLICY, 62
.equ FEATURE_UPCALL, 63             # UFFD_FEATURE_UPCALL: a bit that UFFDIO_API reports
# offsets from the handler's RSP after it has pushed its six registers
.equ SAVED, 48
.equ USER_FAULT_PRESENT, 1          # bits of the fault code
.equ USER_FAULT_WRITE, 2
.equ FRAME_ADDRESS, SAVED + 32

.text

# open_userfaultfd() -> rax: MODE_KERNEL, or another value when the machine has userfaultfd
open_userfaultfd:
    mov eax, SYS_userfaultfd
    mov edi, O_CLOEXEC
    cmp qword ptr [rip + handler_kind], HANDLER_READ
    je 2f
    mov edi, O_CLOEXEC | O_NONBLOCK
    cmp qword ptr [rip + handler_kind], HANDLER_SIGBUS
    jne 2f
    mov qword ptr [rip + api + 8], FEATURE_SIGBUS
2:  syscall
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

# handle_faults(rdi region, rsi bytes, rdx backing or 0): register the region and choose how its faults are answered.
# -> rax: MODE_UFFD or MODE_PFF
handle_faults:
    mov [rip + region], rdi
    mov [rip + backing], rdx
    mov [rip + registration], rdi
    mov [rip + registration + 8], rsi
    cmp qword ptr [rip + budget], 0
    je 1f
    call make_ring
1:  bt qword ptr [rip + api + 8], FEATURE_DAEMON
    jnc 2f
    test qword ptr [rip + registration + 16], UFFDIO_REGISTER_MODE_MINOR
    jnz 2f                          # a daemon answers for missing pages
    call share_region
2:  mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + registration]
    syscall
    test rax, rax
    jnz ioctl_failed
    cmp qword ptr [rip + ring_page], 0
    jne start_daemon
    bt qword ptr [rip + api + 8], FEATURE_ZEROPAGE_WRITE
    jnc 1f
    cmp dword ptr [rip + without_copy], UFFDIO_ZEROPAGE
    jne 1f
    bts qword ptr [rip + mode_without_copy], 63 # UFFDIO_ZEROPAGE_MODE_WRITE
1:  bt qword ptr [rip + api + 8], FEATURE_POLICY
    jc set_policy
    bt qword ptr [rip + api + 8], FEATURE_DIRECTED
    jnc 2f
    call direct_region
2:
    call forward_own_faults
    test rax, rax
    jnz 1f
    mov eax, MODE_PFF
    ret
1:  cmp qword ptr [rip + handler_kind], HANDLER_SIGBUS
    jne start_handler_thread
    mov eax, SYS_rt_sigaction
    mov edi, SIGBUS
    lea rsi, [rip + sigbus_action]
    xor edx, edx
    mov r10d, 8
    syscall
    test rax, rax
    jnz ioctl_failed
    mov eax, MODE_UFFD
    ret

# frames for the rings of the first [hw_cores] cores, and one directive for the whole region
direct_region:
    cmp qword ptr [rip + budget], 0
    jne 3f
    mov rdi, [rip + hw_frames]
    mov rsi, [rip + hw_low]
    mov rdx, [rip + hw_batch]
    mov rcx, [rip + hw_cores]       # the core behind those of the threads refills
    call hw_rings
    test rax, rax
    jnz ioctl_failed
    push rax                        # core 0 first
1:  mov rdi, [rsp]
    mov rsi, [rip + hw_frames]
    call hw_donate
    test rax, rax
    jnz ioctl_failed
    inc qword ptr [rsp]
    mov rax, [rsp]
    cmp rax, [rip + hw_cores]
    jb 1b
    pop rax
    mov edx, UFFDIO_DIRECT_MAP
    test qword ptr [rip + registration + 16], UFFDIO_REGISTER_MODE_MINOR
    jnz 2f
    mov edx, UFFDIO_DIRECT_ZERO
    cmp qword ptr [rip + backing], 0
    je 2f
    mov edx, UFFDIO_DIRECT_COPY
2:  mov rdi, [rip + registration]
    mov rsi, [rip + registration + 8]
    mov rcx, [rip + backing]
    call hw_direct
    test rax, rax
    jnz ioctl_failed
3:  ret

set_policy:
    mov rax, [rip + registration]
    mov [rip + policy_of_region], rax
    mov rax, [rip + registration + 8]
    mov [rip + policy_of_region + 8], rax
    mov eax, UFFDIO_POLICY_MAP
    test qword ptr [rip + registration + 16], UFFDIO_REGISTER_MODE_MINOR
    jnz 1f
    mov eax, UFFDIO_POLICY_ZERO
    cmp qword ptr [rip + backing], 0
    je 1f
    mov eax, UFFDIO_POLICY_COPY
1:  mov [rip + policy_of_region + 16], eax
    mov rax, [rip + policy]
    mov [rip + policy_of_region + 20], eax
    mov rax, [rip + backing]
    mov [rip + policy_of_region + 24], rax
    mov rax, [rip + budget]
    mov [rip + policy_of_region + 32], rax
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_POLICY
    lea rdx, [rip + policy_of_region]
    syscall
    test rax, rax
    jnz ioctl_failed
    mov eax, MODE_UFFD
    ret

# -> rax: 0: this thread handles its own page faults; otherwise the machine does not offer that
forward_own_faults:
    bt qword ptr [rip + api + 8], FEATURE_UPCALL
    jc upcall_own_faults
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + page_fault_handler]
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    syscall
    test rax, rax
    jnz 1f
    stui
    ret
1:  mov eax, SYS_prctl
    mov edi, PR_USER_FAULTS
    mov esi, PR_USER_FAULTS_ENABLE
    lea rdx, [rip + user_fault_handler]
    syscall
    test rax, rax
    jnz 1f
    stuf
1:  ret

# the resident pages, oldest first, and a byte for each page of the region
make_ring:
    push rsi
    mov rsi, [rip + budget]
    shl rsi, 3
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    call map
    mov [rip + ring], rax
    mov rsi, [rsp]
    shr rsi, 12
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    call map
    mov [rip + history], rax
    pop rsi
    ret

start_handler_thread:
    push qword ptr [rip + handlers]
1:  mov eax, SYS_mmap
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
    mov r9, [rsp]                   # the child's number, too
    syscall
    test rax, rax
    jz 2f
    dec qword ptr [rsp]
    jnz 1b
    add rsp, 8
    mov eax, MODE_UFFD
    ret
2:  mov rdi, [rip + handler_cores]
    test rdi, rdi
    jz handler_thread
    lea rdi, [rdi + r9 - 1]
    call stay_on_core
    jmp handler_thread

# stay_on_core(rdi): this thread runs there from now on, if the machine has it. Clobbers rax, rcx, rdx, rsi, rdi, r11.
stay_on_core:
    mov ecx, edi
    mov eax, 1
    shl rax, cl
    push rax
    mov eax, SYS_sched_setaffinity
    xor edi, edi
    mov esi, 8
    mov rdx, rsp
    syscall
    pop rax
    ret

# A handler thread: one message, one ioctl, in an endless loop.
handler_thread:
    sub rsp, 32
1:  cmp qword ptr [rip + handler_kind], HANDLER_POLL
    jne 2f
    mov eax, [rip + uffd]
    mov [rsp], eax
    mov dword ptr [rsp + 4], POLLIN
    mov eax, SYS_poll
    mov rdi, rsp
    mov esi, 1
    mov edx, -1
    syscall
2:  mov eax, SYS_read
    mov rdi, [rip + uffd]
    mov rsi, rsp
    mov edx, 32
    syscall
    cmp rax, -EAGAIN
    je 1b
    cmp rax, 32
    jne ioctl_failed
    mov rdi, [rsp + 16]
    call bring_in
    jmp 1b

# The faulting thread, by a signal: rsi points at the siginfo.
sigbus_handler:
    mov rdi, [rsi + SIGINFO_ADDRESS]
    call bring_in
    ret

sigbus_return:
    mov eax, SYS_rt_sigreturn
    syscall

# The faulting thread, in the middle of its load or store (pff): RSP points at the extended frame.
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

# The faulting thread (userfault): RSP points at the fault code and the address. Faults of all memory come here, also
# where the kernel has to help: the handler then makes the access in the thread's place, with UFF=0.
user_fault_handler:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov rdi, [rsp + SAVED + 8]
    test byte ptr [rsp + SAVED], USER_FAULT_PRESENT
    jnz 1f                          # the first store to a zero page
    mov rax, rdi
    sub rax, [rip + region]
    cmp rax, [rip + registration + 8]
    jae 1f
    call bring_in
2:  pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 16
    ufret
1:  test byte ptr [rsp + SAVED], USER_FAULT_WRITE
    jnz 3f
    mov al, [rdi]
    jmp 2b
3:  lock or byte ptr [rdi], 0
    jmp 2b

upcall_own_faults:
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UPCALL
    lea rdx, [rip + upcall_handler]
    syscall
    ret

# The faulting thread, entered by the kernel (upcall): RSP points at the frame, which saves all that bring_in clobbers.
upcall_handler:
    mov rdi, [rsp]                  # the address
    call bring_in
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UPCALL_RETURN
    mov rdx, rsp
    syscall
    jmp ioctl_failed

# bring_in(rdi address): one page of the region, from the backing mapping, or by the ioctl in [without_copy]. Clobbers
# the registers of syscall, rdx, rsi and rdi.
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
    mov rsi, [rip + mode_without_copy]
    mov [rsp + 16], rsi
    mov esi, [rip + without_copy]
2:  mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov rdx, rsp
    syscall
    mov rdi, [rsp]
    add rsp, 40
    test rax, rax
    jnz ioctl_failed
    cmp qword ptr [rip + budget], 0
    jne keep_within_budget
    ret

# keep_within_budget(rdi page): after `page` came in, discard another one if there are too many. Clobbers as bring_in.
keep_within_budget:
    push r8
    push rdi
    mov r8, [rip + history]
    sub rdi, [rip + region]
    shr rdi, 12
    test byte ptr [r8 + rdi], WAS_EVICTED
    jz 1f
    or byte ptr [r8 + rdi], REFERENCED
1:  mov rsi, [rip + ring]
    mov rcx, [rip + in_ring]
    cmp rcx, [rip + budget]
    jae 2f
    pop rdi
    mov [rsi + rcx * 8], rdi
    inc rcx
    mov [rip + in_ring], rcx
    pop r8
    ret
2:  mov rcx, [rip + hand]
3:  mov rdi, [rsi + rcx * 8]
    mov rdx, rdi
    sub rdx, [rip + region]
    shr rdx, 12
    cmp qword ptr [rip + policy], POLICY_CLOCK
    jne 4f
    test byte ptr [r8 + rdx], REFERENCED
    jz 4f
    and byte ptr [r8 + rdx], 255 - REFERENCED
    inc rcx
    cmp rcx, [rip + budget]
    jb 3b
    xor ecx, ecx
    jmp 3b
4:  mov byte ptr [r8 + rdx], WAS_EVICTED
    pop rdx
    mov [rsi + rcx * 8], rdx
    inc rcx
    cmp rcx, [rip + budget]
    jb 5f
    xor ecx, ecx
5:  mov [rip + hand], rcx
    mov eax, SYS_madvise
    mov esi, PAGE
    mov edx, MADV_DONTNEED
    syscall
    pop r8
    test rax, rax
    jnz ioctl_failed
    ret

.include "daemon.inc"

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

# map(rsi bytes, rdx protection, r10 flags, r8 fd) -> rax; ends the program when memory is short
map:
    mov eax, SYS_mmap
    xor edi, edi
    xor r9d, r9d
    syscall
    cmp rax, -PAGE
    ja ioctl_failed
    ret

.include "hw.inc"

.data
api:
    .quad UFFD_API, 0, 0
registration:
    .quad 0, 0, UFFDIO_REGISTER_MODE_MISSING, 0
policy_of_region:                   # struct uffdio_policy
    .quad 0, 0, 0, 0, 0
without_copy:
    .quad UFFDIO_ZEROPAGE           # or UFFDIO_CONTINUE, in a region registered for minor faults
uffd:
    .quad 0
mode_without_copy:
    .quad 0
region:
    .quad 0
backing:
    .quad 0
handler_kind:
    .quad HANDLER_READ
handlers:
    .quad 1                         # threads that read messages
hw_frames:
    .quad 1 << 14                   # of each core's ring: more than a small region needs
hw_cores:
    .quad 1                         # cores whose rings get frames
hw_low:
    .quad 0                         # the ring's low-water mark; 0: it is never refilled
hw_batch:
    .quad 0                         # frames of a refill
handler_cores:
    .quad 0                         # the first one's core, the others' follow; 0: cores that the kernel chooses
policy:
    .quad POLICY_FIFO
budget:
    .quad 0
ring:
    .quad 0
history:
    .quad 0
in_ring:
    .quad 0
hand:
    .quad 0
sigbus_action:
    .quad sigbus_handler, SA_SIGINFO | SA_RESTORER, sigbus_return, 0
