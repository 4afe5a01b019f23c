# Delivery of a user interrupt that is pending in UIRR, set from outside: the standard frame (SDM, user-interrupt delivery).

# test: the handler runs instead of the next instruction
# state: uif=1 uirr=1<<5 uihandler=got
# expect: rip == test.end and uif == 0
# CHECK: frame size=32 vector=5 rip=test.begin
# CHECK-NEXT: handler rip=got
    ud2
got: nop

# test: each vector is delivered and its UIRR bit cleared
# param: v = 0..63
# state: uif=1 uirr=1<<v uihandler=got
# expect: frame.vector == v and uirr == 0
    ud2
got: nop

# test: the highest pending vector comes first
# state: uif=1 uirr=1<<63|1<<40|1<<3|1 uihandler=got
# expect: frame.vector == 63 and uirr == 1<<40|1<<3|1
    ud2
got: nop

# test: pending vectors follow each other as UIRET sets UIF
# state: uif=1 uirr=1<<9|1<<4|1<<1 uihandler=got
# expect: mem64[log] == 9 and mem64[log + 8] == 4 and mem64[log + 16] == 1 and mem64[log + 24] == 0
# expect: uirr == 0 and uif == 1 and rcx == 3
# count: uirets == 3
    nop
    jmp out
got:
    pop rax
    lea rdx, [rip + log]
    mov [rdx + rcx * 8], rax
    inc rcx
    uiret
out: nop
.data
log: .quad 0, 0, 0, 0

# test: the frame holds vector, RIP, RFLAGS and RSP from the handler's RSP upwards
# regs: rflags=0x2c7
# state: uif=1 uirr=1<<7 uihandler=got
# at got: mem64[rsp] == 7 and mem64[rsp + 8] == start and mem64[rsp + 16] == 0x2c7 and mem64[rsp + 24] == rbp
# expect: frame.size == 32 and frame.rip == start and frame.rflags == 0x2c7
# regs: rbp=rsp
start: ud2
got: nop

# test: the frame lies on a 16-byte boundary below the adjusted stack, whatever RSP was
# param: low = 0..15
# map: stack 8K rw
# regs: rsp=stack+4096+low
# state: uif=1 uirr=1 uihandler=got uistackadjust=0
# at got: rsp == ((stack + 4096 + low) & -16) - 32
# expect: frame.rsp == stack + 4096 + low
    ud2
got: nop

# test: an even UISTACKADJUST is subtracted from RSP
# param: adjust = 0, 2, 8, 16, 126, 128, 1024
# map: stack 8K rw
# regs: rsp=stack+4096+8
# state: uif=1 uirr=1 uihandler=got uistackadjust=adjust
# at got: rsp == ((stack + 4096 + 8 - adjust) & -16) - 32
# expect: frame.rsp == stack + 4096 + 8
    ud2
got: nop

# test: an odd UISTACKADJUST is loaded into RSP, and its low bits never reach it
# param: low = 1, 3, 9, 15
# map: stack 4K rw
# state: uif=1 uirr=1 uihandler=got uistackadjust=stack+2048+low
# at got: rsp == stack + 2048 - 32 and frame.rsp == rbp
# regs: rbp=rsp
    ud2
got: nop

# test: UIRET after an odd UISTACKADJUST goes back to the interrupted stack
# map: stack 4K rw
# regs: rbp=rsp
# state: uif=1 uirr=1 uihandler=got uistackadjust=stack+2048+1
# expect: rsp == rbp and rax == 5
    mov eax, 5
    jmp out
got: add rsp, 8
    uiret
out: nop

# test: a red zone of 128 bytes stays as it was
# map: stack 8K rw
# regs: rsp=stack+4096
# state: uif=0 uirr=1 uihandler=got uistackadjust=128
# expect: rax == -1 and mem64[stack + 4096 - 8] == -1 and mem64[stack + 4096 - 128] == -1
# count: frame_pushed == 1
    mov rax, -1
    lea rdi, [rsp - 128]
    mov ecx, 16
    rep stosq
    stui
    nop
    jmp out
got: add rsp, 8
    uiret
out: nop

# test: without adjustment the red zone is overwritten
# map: stack 8K rw
# regs: rsp=stack+4096
# state: uif=1 uirr=1 uihandler=got uistackadjust=0
# expect: mem64[stack + 4096 - 8] == stack + 4096
    ud2
got: nop

# test: TF and RF are cleared for the handler and kept in the frame
# param: bit = 8, 16
# regs: rflags=0x202|1<<bit
# state: uif=1 uirr=1 uihandler=got
# at got: rflags == 0x202
# expect: frame.rflags == 0x202 | 1 << bit
    ud2
got: nop

# test: the other flags reach the handler as they were
# param: bit = 0, 2, 4, 6, 7, 10, 11, 18, 21
# regs: rflags=0x202|1<<bit
# state: uif=1 uirr=1 uihandler=got
# at got: rflags == 0x202 | 1 << bit
# expect: frame.rflags == 0x202 | 1 << bit
    ud2
got: nop

# test: with UIF=0 the interrupt stays pending
# state: uif=0 uirr=1<<5 uihandler=got
# expect: uirr == 1<<5 and rax == 1
# count: frame_pushed == 0
    mov eax, 1
    jmp out
got: mov eax, 2
out: nop

# test: STUI lets a pending interrupt in
# state: uif=0 uirr=1<<5 uihandler=got
# expect: frame.vector == 5 and frame.rip == behind
    stui
behind: jmp out
got: nop
out: nop

# test: RFLAGS.IF=0 does not hold a user interrupt back, and stays as it is
# regs: rflags=0x2
# state: uif=1 uirr=1<<5 uihandler=got
# at got: rflags == 2
# expect: uirr == 0 and frame.vector == 5 and frame.rip == start and frame.rflags == 2
start: ud2
got: nop

# test: RFLAGS.IF=0 holds the notification back, which is an external interrupt
# regs: rflags=0x2
# state: uif=1 uihandler=got irr=1<<0xec uinv=0xec
# expect: irr == 1<<0xec and uirr == 0
# count: notification_processed == 0 and frame_pushed == 0
    nop
    jmp out
got: ud2
out: nop

# test: with CR4.UINTR=0 the interrupt stays pending
# state: uif=1 uirr=1<<5 uihandler=got cr4_uintr=0
# expect: uirr == 1<<5
# count: frame_pushed == 0
    nop
    jmp out
got: ud2
out: nop

# test: a handler that is not canonical is #GP(0) and nothing changes
# regs: rbp=rsp
# state: uif=1 uirr=1<<5 uihandler=0x800000000000
# fault: #GP(0) at start
# expect: uif == 1 and uirr == 1<<5 and rsp == rbp
start: nop

# test: a stack that cannot take the frame is #PF with W and U, and nothing changes
# regs: rsp=0x20080
# state: uif=1 uirr=1<<5 uihandler=got uistackadjust=0
# fault: #PF(W|U) address=0x20078 at start
# expect: uif == 1 and uirr == 1<<5 and rsp == 0x20080
# CHECK: push-failed
start: nop
got: nop

# test: a read-only stack is #PF with P, W and U
# map: stack 4K r
# regs: rsp=stack+2048
# state: uif=1 uirr=1 uihandler=got uistackadjust=0
# raises: SIGSEGV code=SEGV_ACCERR addr=stack+2048-8
# expect: uif == 1 and uirr == 1
start: nop
got: nop

# test: a stack page that is not there yet is brought in and the delivery repeated
# map: stack 4K rw
# regs: rsp=stack+2048
# state: uif=1 uirr=1<<3 uihandler=got uistackadjust=0
# expect: frame.at == stack + 2048 - 32 and frame.vector == 3 and uirr == 0
# CHECK: push-failed address=stack+0x7f8 error=W|U
# CHECK: minor zero address=stack
# CHECK: frame size=32 vector=3
    ud2
got: nop

# test: a frame that crosses from a present into a missing page writes nothing before the fault
# map: low 4K rw at 0x20001000
# regs: rsp=low+16 rax=low
# state: uif=0 uirr=1 uihandler=got uistackadjust=0
# raises: SIGSEGV addr=0x20000ff8
# expect: mem64[low] == 7 and mem64[low + 8] == 7 and uirr == 1
    mov qword ptr [rax], 7
    mov qword ptr [rax + 8], 7
    stui
    nop
got: nop

# test: of a frame over two missing pages the upper one faults first
# regs: rsp=0x30001010
# state: uif=1 uirr=1 uihandler=got uistackadjust=0
# raises: SIGSEGV addr=0x30001008 at start
# expect: uirr == 1
start: nop
got: nop

# test: of a frame over two lazy pages the upper one is brought in first, then the lower one
# map: low 8K rw
# regs: rsp=low+4096+16
# state: uif=1 uirr=1 uihandler=got uistackadjust=0
# expect: frame.at == low + 4096 - 16 and frame.rsp == low + 4096 + 16
# CHECK: push-failed address=low+0x1008 error=W|U
# CHECK: minor zero address=low+0x1000
# CHECK: push-failed address=low+0xff8 error=W|U
# CHECK: minor zero address=low
# CHECK: frame size=32
    ud2
got: nop

# test: a frame whose upper page is read-only and whose lower one is missing faults in the upper one
# map: high 4K r at 0x20001000
# regs: rsp=high+16 rax=high
# state: uif=0 uirr=1 uihandler=got uistackadjust=0
# raises: SIGSEGV code=SEGV_ACCERR addr=high+8
    mov rax, [rax]
    stui
    nop
got: nop

# test: a frame that begins behind the last canonical address is #SS
# regs: rsp=0x800000000010
# state: uif=1 uirr=1<<5 uihandler=got uistackadjust=0
# fault: #SS(0) at start
# expect: uif == 1 and uirr == 1<<5
start: nop
got: nop

# test: a frame that ends below the lowest canonical address of the upper half faults before
# regs: rsp=0xffff800000000010
# state: uif=1 uirr=1<<5 uihandler=got uistackadjust=0
# raises: SIGSEGV addr=0xffff800000000008 at start
start: nop
got: nop

# test: a frame around address 0 faults at its lowest words first
# regs: rsp=16
# state: uif=1 uirr=1<<5 uihandler=got uistackadjust=0
# fault: #PF(W|U) address=8 at start
start: nop
got: nop

# test: a frame on an alternative stack is pushed from the highest address, too
# map: low 8K rw
# regs: rbp=rsp
# state: uif=1 uirr=1 uihandler=got uistackadjust=low+4096+16+1
# expect: frame.at == low + 4096 - 16 and frame.rsp == rbp
# CHECK: push-failed address=low+0x1008
# CHECK: push-failed address=low+0xff8
    ud2
got: nop

# test: delivery is never #AC: the frame is aligned, whatever RSP was
# regs: rsp=stack+4096+3 rflags=0x40202
# map: stack 8K rw
# state: uif=1 uirr=1 uihandler=got uistackadjust=0
# expect: frame.at == stack + 4096 - 32 and frame.rflags == 0x40202
    ud2
got: nop

# test: a stack above the canonical half is #SS and nothing changes
# regs: rsp=0x800000001000
# state: uif=1 uirr=1 uihandler=got uistackadjust=0
# fault: #SS at start
# expect: uirr == 1 and uif == 1 and rsp == 0x800000001000
start: nop
got: nop

# test: an interrupt of a loop comes back to it with all registers
# state: uif=0 uirr=1<<2 uihandler=got
# expect: rcx == 0 and rax == 100 and rbx == 1
    mov ecx, 100
again:
    inc rax
    cmp rax, 50
    jne skip
    stui
skip:
    dec rcx
    jnz again
    jmp out
got:
    inc rbx
    add rsp, 8
    uiret
out: nop
