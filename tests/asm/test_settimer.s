# The kernel-bypass timer: SETTIMER and SETTIMERP arm it from ring 3, its expiry is a user interrupt (xUI).

# state: kb_timer_enabled=1 kb_timer_vector=21 uif=1 uihandler=got

# test: a one-shot timer interrupts once, when its cycles have passed
# expect: rbx == 1 and rdx - rsi >= 500 and rdx - rsi < 3000
# CHECK: timer kb armed 500
# CHECK-NEXT: timer kb expired 21
# CHECK-NEXT: frame size=32 vector=21
    mov eax, 500
    rdtsc
    mov rsi, rax
    mov eax, 500
    settimer rax
    mov ecx, 20000
again: dec ecx
    jnz again
    jmp out
got: inc rbx
    rdtsc
    mov rdx, rax
    add rsp, 8
    uiret
out: nop

# test: a periodic timer interrupts again and again, on the beat
# expect: rbx == 5 and uif == 1
# count: uirets == 5
    mov r8d, 4000
    settimerp r8
again: cmp ebx, 5
    jne again
    xor r8d, r8d
    settimer r8
    jmp out
got: inc ebx
    add rsp, 8
    uiret
out: nop

# test: 0 disarms it
# expect: rbx == 0
    mov eax, 100
    settimerp rax
    xor eax, eax
    settimerp rax
    mov ecx, 5000
again: dec ecx
    jnz again
    jmp out
got: inc rbx
    uiret
out: nop

# test: arming it again replaces the deadline
# expect: rbx == 1
    mov eax, 100000
    settimer rax
    mov eax, 50
    settimer rax
    mov ecx, 1000
again: dec ecx
    jnz again
    jmp out
got: inc rbx
    add rsp, 8
    uiret
out: nop

# test: with UIF=0 the expiry stays pending
# state: uif=0
# expect: uirr == 1 << 21 and rbx == 0
    mov eax, 50
    settimer rax
    mov ecx, 1000
again: dec ecx
    jnz again
    jmp out
got: inc rbx
out: nop

# test: a periodic timer whose interrupts are not taken is one pending interrupt
# expect: rbx == 1 and uirr == 0
    clui
    mov eax, 100
    settimerp rax
    mov ecx, 20000
again: dec ecx
    jnz again
    xor eax, eax
    settimer rax
    stui
    nop
    jmp out
got: inc rbx
    add rsp, 8
    uiret
out: nop

# test: the interrupted loop goes on with all its registers
# regs: rax=3 rdx=4 rsi=5 rdi=6 rbp=7 r8=2000 r9=9 r10=10 r11=11 r12=12 r13=13 r14=14 r15=15
# expect: rax == 3 and rdx == 4 and rsi == 5 and rdi == 6 and rbp == 7 and r9 == 9 and r10 == 10 and r11 == 11
# expect: r12 == 12 and r13 == 13 and r14 == 14 and r15 == 15 and rcx == 0 and rbx > 5
    settimerp r8
    mov ecx, 30000
again: dec ecx
    jnz again
    xor r8d, r8d
    settimer r8
    jmp out
got: inc rbx
    add rsp, 8
    uiret
out: nop

# test: a REP instruction is interrupted between two iterations, and goes on
# map: buf 64K rw
# expect: rbx >= 1 and mem64[buf + 0xfff8] == 0x77 and rcx == 0
# at got#1: mem64[rsp + 8] == copying and rcx > 0 and rcx < 0x2000
    mov rdi, buf
    mov ecx, 0x2000
    rep stosq                       # the pages are there from now on
    mov eax, 0x77
    mov rdi, buf
    mov ecx, 0x2000
    mov r8d, 300
    settimer r8
copying: rep stosq
    jmp out
got: inc rbx
    add rsp, 8
    uiret
out: nop

# test: where the kernel has not enabled it SETTIMER is #UD
# state: kb_timer_enabled=0
# param: insn = "settimer rax", "settimerp r15"
# fault: #UD at here
here: {insn}
got: nop

# test: any register, with or without REX.W
# param: rex = 0x40, 0x48
# param: extension = 0xe0, 0xe8
# expect: rip == test.begin + 5 and rflags == 0x202
    .byte 0xf3, rex, 0x0f, 0xc7, extension
got:

# test: SETTIMER clears RF
# param: instruction = "settimer", "settimerp"
# regs: rflags=0x10202
# at got: rflags == 0x202
    {instruction} rax
got: nop

# test: the timer's interrupt comes with RFLAGS.IF=0, too
# regs: rflags=0x2
# expect: frame.vector == 21 and frame.rflags & 0x200 == 0
    mov eax, 500
    settimer rax
    mov ecx, 20000
again: dec ecx
    jnz again
    ud2
got: nop
