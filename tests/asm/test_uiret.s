# UIRET: what it pops, what it restores, and what stops it (SDM vol. 2, UIRET).

.include "pff.inc"

# test: UIRET pops RIP, RFLAGS and RSP
# expect: rsp == 0x12345 and flags has CF and flags has ZF
    push 0x12345
    push 0x243
    lea rax, [rip + out]
    push rax
    uiret
    ud2
out: nop

# test: UIRET sets UIF whatever it was
# param: given = 0..1
# state: uif=given
# expect: uif == 1
# CHECK: uiret rip=out uif=1
    push rsp
    push 0x202
    lea rax, [rip + out]
    push rax
    uiret
out: nop

# test: plain UIRET sets UIF even when bit 1 of the popped flags is clear
# expect: uif == 1
    push rsp
    push 0
    lea rax, [rip + out]
    push rax
    uiret
out: nop

# test: flexible UIRET takes UIF from bit 1 of the popped flags
# cpu: flexible-uiret
# param: bit = 0..1
# param: given = 0..1
# state: uif=given
# expect: uif == bit and rflags == 0x202
    push rsp
    push bit * 2
    lea rax, [rip + out]
    push rax
    uiret
out: nop

# test: CPUID announces flexible UIRET only where it is
# cpu: flexible-uiret
# expect: edx == 1 << 17
    mov eax, 7
    mov ecx, 1
    cpuid

# test: CPUID does not announce flexible UIRET by default
# expect: edx == 0
    mov eax, 7
    mov ecx, 1
    cpuid

# test: CPUID announces UINTR, and nothing else in its register
# expect: edx == 1 << 5
    mov eax, 7
    xor ecx, ecx
    cpuid

# test: each flag of UIRET's mask is restored alone
# param: bit = 0, 2, 4, 6, 7, 10, 11, 14, 18, 21
# expect: mem64[flags_after] == 0x202 | 1 << bit
    push rsp
    mov eax, 1
    shl rax, bit
    push rax
    lea rax, [rip + out]
    push rax
    uiret
out:
    pop rax
    pushfq
    pop qword ptr [rip + flags_after]
.data
flags_after: .quad 0

# test: each flag of UIRET's mask is cleared alone
# param: bit = 0, 2, 4, 6, 7, 10, 11
# regs: rflags=0xed7
# expect: rflags == 0xed7 & ~(1 << bit)
    push rsp
    mov rax, 0xed7
    btr rax, bit
    push rax
    lea rax, [rip + out]
    push rax
    uiret
out: nop

# test: UIRET leaves flags outside its mask as they are
# param: bit = 9, 12, 13, 17, 19, 20
# expect: rflags == 0x202
    push rsp
    mov eax, 1
    shl rax, bit
    push rax
    lea rax, [rip + out]
    push rax
    uiret
out: nop

# test: UIRET restores TF, and the next instruction traps
# raises: SIGTRAP
    push rsp
    push 0x302
    lea rax, [rip + out]
    push rax
    uiret
out: nop
    nop

# test: UIRET to a RIP that is not canonical is #GP(0) and changes nothing
# param: bits = 0x800000000000, 0x8000000000000000, 0xffff7fffffffffff
# state: uif=0
# fault: #GP(0) at here
# expect: uif == 0 and rsp == mem64[saved] and rflags & 1 == 0
    push 0x12345
    push 0x203
    mov rax, bits
    push rax
    mov [rip + saved], rsp
    test eax, 0
here: uiret
.data
saved: .quad 0

# test: UIRET to a kernel address returns, and the fetch faults
# fault: #PF(U|I) address=0xffff800000000000
# expect: uif == 1
    push rsp
    push 0x202
    mov rax, 0xffff800000000000
    push rax
    uiret

# test: UIRET with an unmapped stack is #PF at the frame
# state: uif=0
# fault: #PF(U) address=0x20000 at here
# expect: uif == 0 and rsp == 0x20000
    mov esp, 0x20000
here: uiret

# test: UIRET whose frame crosses into an unmapped page faults there
# map: low 4K rw
# fault: #PF(U) address=low+4096 at here
# expect: rsp == low + 4096 - 16 and uif == 0
    mov rax, low + 4096 - 16
    mov [rax], rax
    mov rsp, rax
here: uiret

# test: UIRET with a stack that is not canonical is #SS
# state: uif=0
# fault: #SS(0) at here
# expect: uif == 0
    mov rsp, 0x800000000000
here: uiret

# test: UIRET pops a frame that lies across two pages
# map: low 8K rw
# expect: rsp == 0x777 and uif == 1
    lea rcx, [rip + out]
    mov rax, low + 4096 - 8
    mov [rax], rcx
    mov qword ptr [rax + 8], 0x202
    mov qword ptr [rax + 16], 0x777
    mov rsp, rax
    uiret
    ud2
out: nop

# test: UIRET reads a frame at any alignment
# param: offset = 0..15
# map: low 4K rw
# expect: rsp == 0x777
    lea rcx, [rip + out]
    mov rax, low + 256 + offset
    mov [rax], rcx
    mov qword ptr [rax + 8], 0x202
    mov qword ptr [rax + 16], 0x777
    mov rsp, rax
    uiret
    ud2
out: nop

# test: UIRET restores an RSP without aligning it
# param: value = 0x7001..0x700f
# expect: rsp == value
    push value
    push 0x202
    lea rax, [rip + out]
    push rax
    uiret
out: nop

# test: UIRET may return to itself's successor with UIF already set
# state: uif=1
# expect: uif == 1 and instructions == 6
    push rsp
    push 0x202
    lea rax, [rip + out]
    push rax
    uiret
out: nop

# test: RF that UIRET loads is no longer set behind the next instruction, and PUSHFQ does not show it
# param: first = "nop", "", "lea rcx, [rcx]", "clui", "stui", "testui", "jmp 1f\n1:", "mov rcx, [rsp]", "push rax\n pop rcx"
# expect: rax & 0x10000 == 0 and rflags & 0x10000 == 0
    push rsp
    push 0x10202
    lea rax, [rip + out]
    push rax
    uiret
out:
    {first}
    pushfq
    pop rax

# test: each instruction of user interrupts clears RF
# param: instruction = "clui", "stui", "testui"
# regs: rflags=0x10202
# expect: rflags & 0x10000 == 0 and instructions == 1
    {instruction}

# test: RF is still set where UIRET has loaded it and nothing has run since
# at out: rflags == 0x10202
# expect: rflags == 0x202
    push rsp
    push 0x10202
    lea rax, [rip + out]
    push rax
    uiret
out: nop

# test: a user interrupt that is pending at UIRET saves the RF that was loaded
# state: uirr=1<<5 uihandler=got
# expect: frame.rflags == 0x10202 and frame.rip == out and rflags == 0x202
    push rsp
    push 0x10202
    lea rax, [rip + out]
    push rax
    uiret
out: ud2
got: nop

# test: UIRET from a misaligned stack is #AC while RFLAGS.AC is set (CR0.AM is 1 under Linux)
# param: off = 1, 4, 7
# map: low 4K rw
# state: uif=0
# regs: rsp=low+2048 rflags=0x40202
# fault: #AC(0) at here
# expect: uif == 0 and rsp == low + 2048 - off
    mov byte ptr [low], 1
    lea rsp, [rsp - off]
here: uiret

# test: #AC is SIGBUS with BUS_ADRALN
# map: low 4K rw
# regs: rsp=low+2049 rflags=0x40202
# raises: SIGBUS code=BUS_ADRALN at here
    mov byte ptr [low], 1
here: uiret

# test: #AC comes before a page fault of the frame
# regs: rsp=0x20001 rflags=0x40202
# fault: #AC(0) at here
here: uiret

# test: #SS comes before #AC
# regs: rsp=0x800000000001 rflags=0x40202
# fault: #SS(0) at here
here: uiret

# test: a frame on its boundary is popped with RFLAGS.AC set, which the popped flags may clear
# expect: rflags == 0x202 and rsp == 0x777
    pushfq
    or dword ptr [rsp], 0x40000
    popfq
    push 0x777
    push 0x202
    lea rax, [rip + out]
    push rax
    uiret
out: nop

# test: the flags that UIRET pops do not decide about its own pops
# map: low 4K rw
# expect: rflags & 0x40000 != 0 and rsp == 0x777
    lea rcx, [rip + out]
    mov rax, low + 256 + 1
    mov [rax], rcx
    mov qword ptr [rax + 8], 0x40202
    mov qword ptr [rax + 16], 0x777
    mov rsp, rax
    uiret
out: nop

# test: a word that reaches over the last canonical address is #SS
# param: low = 0x7ffffffffff9..0x7fffffffffff
# regs: rsp=low
# fault: #SS(0) at here
here: uiret

# test: a word that ends at the last canonical address is popped, or faults for its page
# regs: rsp=0x7ffffffffff8
# fault: #PF(U) address=0x7ffffffffff8 at here
here: uiret

# test: a misaligned frame that is not there is #PF while RFLAGS.AC is clear
# regs: rsp=0x20001
# fault: #PF(U) address=0x20001 at here
here: uiret

# test: of a word that reaches into a missing page the first byte there is the address
# map: low 4K rw
# regs: rsp=low+4096-12
# fault: #PF(U) address=low+4096 at here
    mov byte ptr [low], 1
here: uiret
