# Signals: the frame, the way back, masks, default actions, faults inside handlers, and how they meet user interrupts.

.include "pff.inc"
.include "signals.inc"
# map: buf 16K rw

.text
ending: nop                         # a handler that shows that it ran, and goes on behind the fault
skip:                               # RBX (saved) := signal; RIP += length of `mov al, [...]`
    inc dword ptr [rip + calls]
    mov [rip + seen], rdi
    add qword ptr [rdx + UC_RIP], 7
    ret
count:
    inc dword ptr [rip + calls]
    mov [rip + seen], rdi
    ret
record:                             # keep siginfo and ucontext for the block's claims
    inc dword ptr [rip + calls]
    mov [rip + at_info], rsi
    mov [rip + at_context], rdx
    mov eax, [rsi + 8]
    mov [rip + code], rax
    mov rax, [rsi + 16]
    mov [rip + address], rax
    mov rax, [rdx + UC_TRAPNO]
    mov [rip + trapno], rax
    mov rax, [rdx + UC_ERR]
    mov [rip + error], rax
    mov rax, [rdx + UC_CR2]
    mov [rip + fault], rax
    mov rax, [rip + next]
    mov [rdx + UC_RIP], rax
    ret
raise:                              # send EDI to this thread
    mov esi, edi
    mov edi, 1
    mov eax, SYS_tkill
    syscall
    ret
handle:                             # rt_sigaction(EDI, RSI)
    xor edx, edx
    mov r10d, 8
    mov eax, SYS_rt_sigaction
    syscall
    ret
block:                              # rt_sigprocmask(EDI, mask of signal ESI, old)
    lea ecx, [esi - 1]
    mov eax, 1
    shl rax, cl
    mov [rip + set], rax
    lea rsi, [rip + set]
    lea rdx, [rip + old]
    mov r10d, 8
    mov eax, SYS_rt_sigprocmask
    syscall
    ret
.data
.balign 8
calls:      .quad 0
seen:       .quad 0
at_info:    .quad 0
at_context: .quad 0
code:       .quad 0
address:    .quad 0
trapno:     .quad 0
error:      .quad 0
fault:      .quad 0
next:       .quad test.end
set:        .quad 0
old:        .quad 0
stack:      .quad buf, 0, 8192
span:       .quad 0, 1000000
info:       .zero 128

# test: a fault without a handler ends the process
# raises: SIGSEGV code=SEGV_MAPERR addr=0x1238 at here
here: mov al, [0x1238]

# test: a write to read-only memory is SEGV_ACCERR
# map: ro 4K r at 0x30000000
# raises: SIGSEGV code=SEGV_ACCERR addr=ro + 8 at here
here: mov [ro + 8], al

# test: exceptions become Linux's signals and codes
# param: instruction, name, what = ("div cl", "SIGFPE", "FPE_INTDIV"), ("ud2", "SIGILL", "ILL_ILLOPN"), ("hlt", "SIGSEGV", "SI_KERNEL")
# raises: {name} code={what} at here
    xor ecx, ecx
here: {instruction}

# test: int3 is SIGTRAP from the kernel, behind the instruction
# raises: SIGTRAP code=SI_KERNEL at behind
    int3
behind: nop

# test: a single step is SIGTRAP with TRAP_TRACE
# raises: SIGTRAP code=TRAP_TRACE
    pushfq
    or qword ptr [rsp], 0x100
    popfq
    nop
    nop

# test: an address that is not canonical is SIGSEGV from the kernel, without an address
# signal: SIGSEGV record
# expect: mem64[code] == SI_KERNEL and mem64[address] == 0 and mem64[trapno] == 13
    mov rax, 1 << 63
    mov al, [rax]

# test: a handler gets the number, siginfo and ucontext, and its fault again as long as it changes nothing
# signal: SIGSEGV skip
# expect: mem32[calls] == 1 and mem64[seen] == SIGSEGV
# CHECK: refused address=0x1238
# CHECK: sent SIGSEGV code=1 to=1
# CHECK-NEXT: delivered SIGSEGV code=1 rip=skip
# CHECK: sigreturn rip=test.end
here: mov al, [0x1238]

# test: si_code, si_addr, trapno, err and cr2 tell what happened
# map: ro 4K r at 0x30000000
# signal: SIGSEGV record
# param: access, where, code_is, error_is = ("mov [ro+8], al", 0x30000008, SEGV_ACCERR, W|U), ("mov al, [16]", 16, SEGV_MAPERR, U), ("push [24]", 24, SEGV_MAPERR, U), ("inc byte ptr [32]", 32, SEGV_MAPERR, W|U)
# expect: mem64[code] == code_is and mem64[address] == where and mem64[fault] == where
# expect: mem64[trapno] == 14 and mem64[error] == error_is
    {access}

# test: a jump into data is a fetch
# signal: SIGSEGV record
# expect: mem64[code] == SEGV_ACCERR and mem64[address] == buf + 16 and mem64[error] == P|U|I
    mov byte ptr [buf], 0
    mov eax, buf + 16
    jmp rax

# test: division by zero: FPE_INTDIV, si_addr is the instruction
# signal: SIGFPE record
# expect: mem64[code] == FPE_INTDIV and mem64[address] == here and mem64[trapno] == 0
    xor ecx, ecx
here: div ecx

# test: an unknown opcode: ILL_ILLOPN at the instruction
# signal: SIGILL record
# expect: mem64[code] == ILL_ILLOPN and mem64[address] == here and mem64[trapno] == 6
here: ud2

# test: the general registers and the flags come back
# signal: SIGUSR1 spoil
# regs: rbx=1 rdx=3 rbp=5 r8=6 r9=7 r10=8 r12=9 r13=10 r14=11 r15=12
# expect: rbx == 1 and rdx == 3 and rbp == 5 and r8 == 6 and r9 == 7 and r10 == 8
# expect: r12 == 9 and r13 == 10 and r14 == 11 and r15 == 12 and rax == 0 and mem64[seen] == SIGUSR1
# expect: flags has DF and flags has CF
    std
    stc
    mov edi, SIGUSR1
    mov esi, edi
    mov edi, 1
    mov eax, SYS_tkill
    syscall
    jmp test.end
spoil:
    mov [rip + seen], rdi
    mov ebx, 99
    mov edx, 99
    mov ebp, 99
    mov r8d, 99
    mov r9d, 99
    mov r10d, 99
    mov r12d, 99
    mov r13d, 99
    mov r14d, 99
    mov r15d, 99
    clc
    ret

# test: DF is clear in a handler
# signal: SIGUSR1 record
# at record: flags not has DF and rax == 0
# expect: mem32[calls] == 1
    std
    mov edi, SIGUSR1
    call raise

# test: SSE registers come back, and a handler starts with them clear
# signal: SIGUSR1 spoil
# regs: xmm0=5 xmm15=(7 << 64) + 6
# at spoil: xmm0 == 0
# expect: xmm0 == 5 and xmm15 == (7 << 64) + 6 and rbx == 0x3f80
    mov dword ptr [buf], 0x3f80
    ldmxcsr [buf]
    mov edi, SIGUSR1
    call raise
    stmxcsr [buf]
    mov ebx, [buf]
    jmp test.end
spoil:
    pcmpeqd xmm0, xmm0
    pcmpeqd xmm15, xmm15
    ret

# test: the x87 stack comes back
# signal: SIGUSR1 spoil
# expect: rax == 10 and rbx == 7
    mov dword ptr [buf], 7
    mov dword ptr [buf + 4], 10
    fild dword ptr [buf]
    fild dword ptr [buf + 4]
    mov edi, SIGUSR1
    call raise
    fistp dword ptr [buf]
    fistp dword ptr [buf + 4]
    mov eax, [buf]
    mov ebx, [buf + 4]
    jmp test.end
spoil:
    fldpi
    fldpi
    fldpi
    ret

# test: the context holds the floating-point registers where FXRSTOR finds them
# signal: SIGUSR1 look
# regs: xmm3=0x1234
# expect: rbx == 0x1234 and r12 == 0 and xmm3 == 0x5678
    mov edi, SIGUSR1
    call raise
    jmp test.end
look:
    mov rax, [rdx + UC_FPSTATE]
    mov ecx, eax
    and ecx, 63
    mov [rdx + 40 + 8 * 4], rcx        # R12
    mov rcx, [rax + 160 + 16 * 3]
    mov [rdx + UC_RBX], rcx
    mov qword ptr [rax + 160 + 16 * 3], 0x5678
    ret

# test: the red zone survives, and the stack is aligned as at a call
# signal: SIGSEGV skip
# at skip: rsp % 16 == 8 and rsp < buf + 16384 - 128
# expect: mem64[buf + 16384 - 8] == 1 and mem64[buf + 16384 - 128] == 2
    mov rsp, buf + 16384
    mov qword ptr [rsp - 8], 1
    mov qword ptr [rsp - 128], 2
    mov al, [0x1238]

# test: the signal is blocked while its handler runs, and nests with SA_NODEFER
# param: flag, deepest = ("", 1), ("SA_NODEFER", 2)
# signal: SIGUSR1 nest {flag}
# expect: mem32[calls] == 2 and mem32[calls + 4] == deepest
    mov edi, SIGUSR1
    call raise
    jmp test.end
nest:
    inc dword ptr [rip + calls]
    inc dword ptr [rip + seen]
    mov eax, [rip + seen]
    cmp eax, [rip + calls + 4]
    jle 1f
    mov [rip + calls + 4], eax
1:  cmp dword ptr [rip + calls], 2
    je 2f
    mov edi, SIGUSR1
    call raise
2:  dec dword ptr [rip + seen]
    ret

# test: SA_RESETHAND gives one call, then the default
# signal: SIGUSR1 count SA_RESETHAND
# raises: SIGUSR1 code=SI_TKILL
    mov edi, SIGUSR1
    call raise
    mov edi, SIGUSR1
    call raise

# test: a fault in the handler of the same fault ends the process
# signal: SIGSEGV again
# raises: SIGSEGV code=SEGV_MAPERR addr=0x2000 at again
    mov al, [0x1238]
again: mov al, [0x2000]

# test: a fault while it is blocked ends the process
# signal: SIGSEGV skip
# raises: SIGSEGV addr=0x1238 at here
    mov edi, SIG_BLOCK
    mov esi, SIGSEGV
    call block
here: mov al, [0x1238]

# test: ignoring a fault does not help
# raises: SIGSEGV addr=0x1238 at here
    mov qword ptr [buf], SIG_IGN
    mov edi, SIGSEGV
    mov esi, buf
    call handle
here: mov al, [0x1238]

# test: another fault in a handler is handled on top of it
# signal: SIGSEGV outer
# signal: SIGFPE inner
# expect: mem32[calls] == 1 and mem64[seen] == SIGFPE and r12 == 0x77
    mov al, [0x1238]
    jmp test.end
outer:
    mov qword ptr [rdx + 40 + 8 * 4], 0x77
    add qword ptr [rdx + UC_RIP], 7
    xor ecx, ecx
    div ecx
    ret
inner:
    inc dword ptr [rip + calls]
    mov [rip + seen], rdi
    add qword ptr [rdx + UC_RIP], 2
    ret

# test: a stack that cannot take the frame is SIGSEGV, and that cannot be handled there either
# signal: SIGUSR1 count
# signal: SIGSEGV count
# raises: SIGSEGV code=SI_KERNEL
    mov edi, 1
    mov esi, SIGUSR1
    mov eax, SYS_tkill
    mov rsp, 0x2000
    syscall

# test: sigaltstack takes the frame of SA_ONSTACK, so an overflown stack can be handled
# signal: SIGSEGV on_alternative SA_ONSTACK
# at on_alternative: rsp > buf and rsp < buf + 8192
# expect: mem32[calls] == 1
    lea rdi, [rip + stack]
    xor esi, esi
    mov eax, SYS_sigaltstack
    syscall
    mov rsp, 0x2000
    push rax
on_alternative:
    inc dword ptr [rip + calls]
    jmp test.end

# test: sigaltstack says what is set, and that a handler is on it
# signal: SIGUSR1 look SA_ONSTACK
# expect: mem64[info] == buf and mem64[info + 16] == 8192 and mem32[info + 8] == SS_ONSTACK and rbx == -EPERM
    lea rdi, [rip + stack]
    xor esi, esi
    mov eax, SYS_sigaltstack
    syscall
    mov edi, SIGUSR1
    call raise
    jmp test.end
look:
    mov r12, rdx
    xor edi, edi
    lea rsi, [rip + info]
    mov eax, SYS_sigaltstack
    syscall
    lea rdi, [rip + stack]
    xor esi, esi
    mov eax, SYS_sigaltstack
    syscall
    mov [r12 + UC_RBX], rax
    ret

# test: sigaltstack refuses
# param: flags_given, size, errno = (0, 2047, ENOMEM), (4, 8192, EINVAL)
# expect: rax == -errno
    mov qword ptr [rip + stack + 8], flags_given
    mov qword ptr [rip + stack + 16], size
    lea rdi, [rip + stack]
    xor esi, esi
    mov eax, SYS_sigaltstack
    syscall

# test: a blocked signal waits, is pending, and comes when it is unblocked
# signal: SIGUSR1 count
# expect: rbx == 1 << 9 and r12 == 0 and mem32[calls] == 1 and mem64[old] == 1 << 9
    mov edi, SIG_BLOCK
    mov esi, SIGUSR1
    call block
    mov edi, SIGUSR1
    call raise
    mov edi, SIGUSR1
    call raise                          # the second is lost: it is not a real-time signal
    mov r12d, [rip + calls]
    lea rdi, [rip + info]
    mov esi, 8
    mov eax, SYS_rt_sigpending
    syscall
    mov rbx, [rip + info]
    mov edi, SIG_UNBLOCK
    mov esi, SIGUSR1
    call block

# test: a blocked signal does not come with another one
# signal: SIGUSR1 count
# signal: SIGUSR2 count
# expect: mem32[calls] == 1 and mem64[seen] == SIGUSR2
    xor edi, edi
    mov esi, SIGUSR1
    call block
    mov edi, SIGUSR1
    call raise
    mov edi, SIGUSR2
    call raise

# test: the signals of sa_mask wait until the handler returns
# signal: SIGUSR2 count
# expect: rbx == 0 and mem32[calls] == 1 and mem64[seen] == SIGUSR2
    mov edi, SIGUSR1
    lea rsi, [rip + action]
    call handle
    mov rbx, 7
    mov edi, SIGUSR1
    call raise
    mov rbx, [rip + within]
    jmp out
handler:
    mov edi, SIGUSR2
    call raise
    mov eax, [rip + calls]
    mov [rip + within], rax
    ret
restorer:
    mov eax, SYS_rt_sigreturn
    syscall
.data
.balign 8
action: .quad handler, SA_RESTORER, restorer, 1 << (SIGUSR2 - 1)
within: .quad 5
.text
out: nop

# test: what is ignored by default is dropped when it is unblocked
# param: signo = SIGURG, SIGCHLD, SIGWINCH
# expect: rbx == 1
    xor edi, edi
    mov esi, signo
    call block
    mov edi, signo
    call raise
    mov edi, SIG_UNBLOCK
    mov esi, signo
    call block
    mov ebx, 1

# test: a handler without SA_RESTORER has no way back: SIGSEGV instead
# raises: SIGSEGV
    mov edi, SIGUSR1
    lea rsi, [rip + action]
    call handle
    mov edi, SIGUSR1
    call raise
    jmp out
.data
.balign 8
action: .quad count, 0, test.end, 0
.text
out: nop

# test: real-time signals queue
# signal: SIGUSR1 count
# expect: mem32[calls] == 2
    lea rax, [rip + count]
    mov [rip + info], rax
    mov eax, SA_RESTORER
    mov [rip + info + 8], rax
    lea rax, [rip + test.restorer]
    mov [rip + info + 16], rax
    mov edi, 40
    lea rsi, [rip + info]
    call handle
    mov edi, SIG_BLOCK
    mov esi, 40
    call block
    mov edi, 40
    call raise
    mov edi, 40
    call raise
    mov edi, SIG_UNBLOCK
    mov esi, 40
    call block

# test: SIGKILL and SIGSTOP cannot be blocked
# expect: mem64[old] == 0
    mov edi, SIG_BLOCK
    mov esi, SIGKILL
    call block
    mov edi, SIG_BLOCK
    mov esi, SIGSTOP
    call block

# test: SIGKILL and SIGSTOP cannot be handled
# param: number = 9, 19, 0, 65
# expect: rax == -EINVAL
    mov edi, number
    lea rsi, [rip + info]
    call handle

# test: a signal without a handler takes Linux's default action
# param: name, number = ("SIGTERM", 15), ("SIGUSR1", 10), ("SIGQUIT", 3), ("SIGKILL", 9), ("SIGALRM", 14)
# raises: {name}
    mov edi, number
    call raise

# test: some signals are ignored by default
# param: number = 17, 18, 23, 28
# expect: rax == 0
    mov edi, number
    call raise

# test: sigsuspend waits for a signal its mask lets through, and fails with EINTR
# signal: SIGUSR1 count
# expect: rax == -EINTR and mem32[calls] == 1 and mem64[old] == 1 << 9
    mov edi, SIG_BLOCK
    mov esi, SIGUSR1
    call block
    mov edi, SIGUSR1
    call raise
    mov qword ptr [rip + set], 0
    lea rdi, [rip + set]
    mov esi, 8
    mov eax, SYS_rt_sigsuspend
    syscall
    mov rbx, rax
    mov edi, SIG_BLOCK
    mov esi, SIGUSR1
    call block                          # the old mask is back
    mov rax, rbx

# test: sigtimedwait takes a pending signal without a handler
# signal: SIGUSR1 count
# expect: rax == SIGUSR1 and mem32[calls] == 0 and mem32[info] == SIGUSR1 and mem32[info + 8] == SI_TKILL & 0xffffffff
    mov edi, SIG_BLOCK
    mov esi, SIGUSR1
    call block
    mov edi, SIGUSR1
    call raise
    lea rdi, [rip + set]
    lea rsi, [rip + info]
    xor edx, edx
    mov r10d, 8
    mov eax, SYS_rt_sigtimedwait
    syscall

# test: sigtimedwait gives up
# expect: rax == -EAGAIN
    mov qword ptr [rip + set], 1
    lea rdi, [rip + set]
    xor esi, esi
    lea rdx, [rip + span]
    mov r10d, 8
    mov eax, SYS_rt_sigtimedwait
    syscall

# test: sigreturn without a frame is SIGSEGV
# raises: SIGSEGV code=SI_KERNEL
    mov rsp, 0x2000
    mov eax, SYS_rt_sigreturn
    syscall

# test: pause without a thread to send a signal is a deadlock, and says so
# deadlock: a signal (pause)
    mov eax, SYS_pause
    syscall

# test: a process that stopped itself waits for SIGCONT
# deadlock: SIGCONT (stopped by SIGSTOP)
    mov edi, SIGSTOP
    call raise

# test: a signal from another thread ends a sleep: EINTR, or the call again with SA_RESTART if it has no timeout
# param: flag, timeout, answer = ("", 1, -EINTR), ("SA_RESTART", 1, -EINTR), ("", 0, -EINTR), ("SA_RESTART", 0, 0)
# cpus: 2
# signal: SIGUSR1 count {flag}
# thread: sender
# expect: rax == answer and mem32[calls] == 1
# CHECK: blocked futex
# CHECK: delivered SIGUSR1
    mov qword ptr [rip + span], 0
    mov qword ptr [rip + span + 8], 50000000
    lea rdi, [rip + old]
    mov esi, FUTEX_WAIT
    xor edx, edx
    mov r10d, timeout
    lea rax, [rip + span]
    imul r10, rax
    mov eax, SYS_futex
    syscall
    jmp test.end
sender:
    mov ecx, 1000
1:  dec ecx
    jnz 1b
    mov edi, SIGUSR1
    call raise
    mov ecx, 30000
1:  dec ecx
    jnz 1b
    lea rdi, [rip + old]
    mov esi, FUTEX_WAKE
    mov edx, 1
    mov eax, SYS_futex
    syscall
    mov eax, SYS_exit
    xor edi, edi
    syscall

# test: a fault that waits for userfaultfd is interrupted, and happens again behind the handler
# cpus: 2
# uffd: buf missing
# signal: SIGUSR1 bring
# thread: sender
# expect: al == 0 and mem32[calls] == 1
# CHECK: blocked page
# CHECK: delivered SIGUSR1
# CHECK: sigreturn rip=here
    mov ebx, buf
here: mov al, [rbx]
    jmp test.end
bring:
    inc dword ptr [rip + calls]
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zero_range]
    mov eax, SYS_ioctl
    syscall
    ret
sender:
    mov ecx, 20000
1:  dec ecx
    jnz 1b
    mov edi, SIGUSR1
    call raise
    mov eax, SYS_exit
    xor edi, edi
    syscall
.data
zero_range: .quad buf, 4096, 0, 0

# test: nothing changes UIF: a signal handler has it as it was, and so has the code behind it
# param: flag, uif_is = ("stui", 1), ("clui", 0)
# signal: SIGUSR1 count
# at count: uif == uif_is
# expect: uif == uif_is
    lea rdi, [rip + count]
    xor esi, esi
    mov eax, SYS_uintr_register_handler
    syscall
    {flag}
    mov edi, SIGUSR1
    call raise

# test: a signal handler's UIF change stays
# signal: SIGUSR1 clear
# expect: uif == 0
    lea rdi, [rip + count]
    xor esi, esi
    mov eax, SYS_uintr_register_handler
    syscall
    stui
    mov edi, SIGUSR1
    call raise
    jmp test.end
clear: clui
    ret

# test: a fault in a signal handler is forwarded when UIF=1
# uffd: buf missing
# forward: on
# signal: SIGUSR1 toucher
# expect: mem64[seen] == SIGUSR1 and uif == 1 and frame.rip == touch
# count: forwarded == 1
# CHECK: delivered SIGUSR1
# CHECK: forward address=buf
# CHECK: uiret
# CHECK: sigreturn
    mov edi, SIGUSR1
    call raise
    jmp test.end
toucher:
    mov [rip + seen], rdi
    mov ecx, buf
touch: mov al, [rcx]
    ret
handler:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zero_range]
    mov eax, SYS_ioctl
    syscall
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret
.data
zero_range: .quad buf, 4096, 0, 0

# test: a signal in a user-interrupt handler runs with UIF=0, and leaves it so
# uffd: buf missing
# forward: on
# signal: SIGUSR1 count
# at count: uif == 0
# expect: mem32[calls] == 1 and uif == 1
# CHECK: forward address=buf
# CHECK: delivered SIGUSR1
# CHECK: sigreturn
# CHECK: uiret
    mov ebx, buf
touch: mov al, [rbx]
    jmp test.end
handler:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov edi, SIGUSR1
    call raise
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zero_range]
    mov eax, SYS_ioctl
    syscall
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret
.data
zero_range: .quad buf, 4096, 0, 0
