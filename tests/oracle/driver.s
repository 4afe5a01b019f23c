# The driver of the oracle. driver.py gives the numbers in capitals, and puts code where a line begins with @.

.include "pff.inc"
.text
_start:
    lea rbx, [rip + calls]
1:  mov eax, [rbx + 8]
    mov rdi, [rbx + 16]
    mov rsi, [rbx + 24]
    mov rdx, [rbx + 32]
    mov r10, [rbx + 40]
    mov r8, [rbx + 48]
    mov r9, [rbx + 56]
    syscall
    cmp rax, -4096
    jb 2f
    cmp qword ptr [rbx], MAY_FAIL
    je 2f
    cmp qword ptr [rbx], OR_STOP
    je start_cases
    mov edi, 98
    jmp leave
2:  add rbx, 64
    lea rax, [rip + calls_end]
    cmp rbx, rax
    jb 1b
    stui
start_cases:
    lea rsp, [rip + stack_top]
    movabs r15, CASES
    mov rax, [r15]
    mov [rip + left], rax
    mov rax, [r15 + 8]
    mov [rip + chunk], rax
    add r15, 16
    mov [rip + case], r15
    lea r14, [rip + results]
    mov [rip + result], r14
    jmp next

leave:
    mov eax, SYS_exit_group
    syscall

# ---- one case
next:
    cmp qword ptr [rip + left], 0
    je finish
    mov r15, [rip + case]
    mov r14, [rip + result]
    test byte ptr [r15 + 8], REFILL
    jz 1f
    mov rdi, [r15 + 32]
    mov esi, 2 * PAGE
    mov edx, MADV_DONTNEED
    mov eax, SYS_madvise
    syscall
1:  mov rdi, [r15 + 16]
@SET_MEMORY
    xor eax, eax
    mov [r14], rax
    mov [r14 + 8], rax
    mov [r14 + 16], rax
    mov [r14 + 24], rax
    mov rax, [r15]
    mov [rip + target], rax
    fxrstor [r15 + FX_AT]
    mov byte ptr [rip + in_case], 1
    lea rsp, [r15 + 48]
    popfq
@LOAD_REGISTERS
    mov rsp, [r15 + RSP_AT]
    mov r15, [r15 + R15_AT]
    jmp qword ptr [rip + target]

# ---- the code came to its end
done:
@SAVE_REGISTERS
    lea rsp, [rip + stack_top]
    pushfq
    pop qword ptr [rip + saved + RFLAGS_AT]
    push 2
    popfq
    mov byte ptr [rip + in_case], 0
    mov r14, [rip + result]
    fxsave [r14 + RESULT_FX_AT]
    lea rsi, [rip + saved]
@KEEP_REGISTERS
    jmp collect

# ---- a signal: rdi number, rsi siginfo, rdx ucontext
on_signal:
    push 2
    popfq
    cmp byte ptr [rip + in_case], 0
    je 1f
    mov byte ptr [rip + in_case], 0
    mov r14, [rip + result]
    mov [r14], rdi
    movsxd rax, dword ptr [rsi + 8]
    mov [r14 + 8], rax
    mov rax, [rsi + 16]
    mov [r14 + 16], rax
@KEEP_SIGNAL_REGISTERS
    mov rsi, [rdx + 224]
@KEEP_FX
    lea rsp, [rip + stack_top]
    jmp collect
1:  cmp edi, SIGVTALRM
    je 2f
    mov edi, 97
    jmp leave
2:  ret

back_from_signal:
    mov eax, SYS_rt_sigreturn
    syscall

collect:
@KEEP_SEGMENTS
    mov r15, [rip + case]
    mov rsi, [r15 + 24]
    test rsi, rsi
    jz 1f
@KEEP_MEMORY
1:  test byte ptr [r15 + 8], RESET_SEGMENTS
    jnz 2f
    cmp qword ptr [r14 + 32], 0     # ds, es, fs, gs
    je 1f
2:  call reset_segments
1:  add r15, CASE_SIZE
    mov [rip + case], r15
    add r14, RESULT_SIZE
    mov [rip + result], r14
    dec qword ptr [rip + left]
    lea rsi, [rip + results]
    mov rdx, r14
    sub rdx, rsi
    mov rax, [rip + chunk]
    imul rax, rax, RESULT_SIZE
    cmp rdx, rax
    jb next
    call flush
    jmp next

finish:
    call flush
    xor edi, edi
    jmp leave

flush:
    lea rsi, [rip + results]
    mov rdx, [rip + result]
    mov [rip + result], rsi
    sub rdx, rsi
1:  jz 2f
    mov edi, 1
    mov eax, SYS_write
    syscall
    test rax, rax
    jle 3f
    add rsi, rax
    sub rdx, rax
    jmp 1b
2:  ret
3:  mov edi, 96
    jmp leave

# Null selectors in DS and ES; FS and GS with their bases.
reset_segments:
    xor eax, eax
    .byte 0x8e, 0xd8
    .byte 0x8e, 0xc0
    .byte 0x8e, 0xe0
    .byte 0x8e, 0xe8
    mov eax, SYS_arch_prctl
    mov edi, ARCH_SET_FS
    mov esi, FS_BASE
    syscall
    mov eax, SYS_arch_prctl
    mov edi, ARCH_SET_GS
    mov esi, GS_BASE
    syscall
    ret

# ---- a forwarded page fault: write its frame down, bring the page in
page_fault:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    push r14
    cmp byte ptr [rip + in_case], 0
    je 1f
    mov r14, [rip + result]
    mov rax, [r14 + 24]
    inc qword ptr [r14 + 24]
    cmp rax, LOG_FRAMES
    jae 1f
    imul rax, rax, 48
    lea rdi, [r14 + rax + RESULT_LOG_AT]
    mov rcx, 0
2:  mov rax, [rsp + 56 + rcx]
    mov [rdi + rcx], rax
    add rcx, 8
    cmp rcx, 48
    jb 2b
1:  mov rdi, [rsp + 56 + 32]
    and rdi, -PAGE
    sub rsp, 40
    mov [rsp], rdi
    lea rax, [rdi + TO_ALIAS]
    mov [rsp + 8], rax
    mov qword ptr [rsp + 16], PAGE
    mov qword ptr [rsp + 24], 0
    mov esi, UFFDIO_COPY
    cmp rdi, COPIED
    jae 1f
    mov qword ptr [rsp + 8], PAGE
    mov qword ptr [rsp + 16], 0
    mov esi, UFFDIO_CONTINUE
1:  mov eax, SYS_ioctl
    mov edi, UFFD
    mov rdx, rsp
    syscall
    add rsp, 40
    test rax, rax
    jz 1f
    mov edi, 95
    jmp leave
1:  pop r14
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret

.data
.balign 16
saved: .zero 192
target: .quad 0
in_case: .quad 0
left: .quad 0
chunk: .quad 0
case: .quad 0
result: .quad 0
name: .asciz "cases"
.balign 8
seconds: .quad 60, 60
nothing: .quad 0, 0
interval: .quad 0, 50000, 0, 50000
signal_stack: .quad signal_stack_start, 0, 65536
action: .quad on_signal, SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER, back_from_signal, 0
filter: .quad 4, filter_program
filter_program:
    .quad BPF_LOAD, BPF_IF_DRIVER
    .quad BPF_ALLOW, BPF_TRAP
uffd_api: .quad UFFD_API, 0, 0
register_continued: .quad CONTINUED, 2 * PAGE, UFFDIO_REGISTER_MODE_MINOR, 0
register_copied: .quad COPIED, 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING, 0
calls:
@CALLS
calls_end: .quad 0
.bss
.balign 16
results: .zero RESULTS_SIZE
stack: .zero 4096
stack_top: .zero 64
signal_stack_start: .zero 65536
forward_stack: .zero 4096
forward_stack_top: .zero 64
