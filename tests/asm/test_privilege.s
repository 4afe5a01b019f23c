# Ring 3: what a guest may not do, and the signal it gets.

# test: a privileged instruction is #GP(0) at itself
# param: insn = "hlt", "cli", "sti", "clts", "invd", "wbinvd", "rdmsr", "wrmsr", "swapgs", "lgdt [rsp]", "lidt [rsp]", "lldt ax", "ltr ax", "lmsw ax", "invlpg [rsp]", "mov rax, cr0", "mov cr0, rax", "mov rax, cr2", "mov rax, cr3", "mov cr3, rax", "mov rax, cr4", "mov cr4, rax", "mov rax, cr8", "mov rax, dr0", "mov dr7, rax"
# fault: #GP(0) at here
here: {insn}

# test: a privileged instruction kills with SIGSEGV
# param: insn = "hlt", "cli", "rdmsr"
# raises: SIGSEGV at here
here: {insn}

# test: port instructions are #GP(0)
# param: insn = "in al, 0x60", "out 0x60, al", "in eax, dx", "out dx, eax"
# fault: #GP(0) at here
here: {insn}
    jmp out
out: nop

# test: a port instruction directly before a stop is #GP(0)
# fault: #GP(0) at here
here: out dx, eax

# test: the UINTR MSRs cannot be written from ring 3
# param: msr = 0x985..0x98a
# fault: #GP(0) at here
    mov ecx, msr
here: wrmsr

# test: the APIC's forwarding registers cannot be reached through MSRs from ring 3
# param: msr = 0x860, 0x868, 0x870, 0x871
# fault: #GP(0) at here
    mov ecx, msr
here: rdmsr

# test: device memory is not mapped in user space
# param: at = 0xfee00600, 0x500000000
# fault: #PF(W|U) address=at at here
    mov rax, at
here: mov dword ptr [rax], 1

# test: INT n through a gate that is not for ring 3 is #GP with the gate's selector
# param: n = 0x14, 0x20, 0x80, 0xec, 0xff
# fault: #GP at here
here: int n

# test: INT 0x80 is #GP with error code 0x402
# fault: #GP(0x402) at here
here: int 0x80

# test: INT3 is #BP behind itself and kills with SIGTRAP
# raises: SIGTRAP
# expect: rip == here + 1
here: int3

# test: UD2 and unknown opcodes are #UD and kill with SIGILL
# param: bytes = "0x0f, 0x0b", "0x06", "0x0f, 0x04", "0x0f, 0xff, 0xc0", "0xf3, 0x0f, 0x01, 0xeb"
# raises: SIGILL at here
here: .byte {bytes}

# test: AVX is #UD: this machine has none
# fault: #UD at here
# native: no
here: .byte 0xc5, 0xfc, 0x58, 0xc0

# test: SENDUIPI does not exist yet and is #UD
# fault: #UD at here
here: .byte 0xf3, 0x0f, 0xc7, 0xf0

# test: division by zero is #DE and kills with SIGFPE
# param: insn = "div ecx", "idiv rcx", "div cl"
# fault: #DE at here
here: {insn}

# test: a quotient that does not fit is #DE
# regs: rdx=5 rcx=2
# raises: SIGFPE at here
here: div rcx

# test: RFLAGS.TF traps after the next instruction and kills with SIGTRAP
# raises: SIGTRAP
# expect: rax == 1
    push 0x302
    popfq
    mov eax, 1
    mov eax, 2

# test: POPF cannot clear IF in ring 3
# expect: flags has IF
    push 0x2
    popfq

# test: POPF cannot raise IOPL in ring 3
# expect: rflags & 0x3000 == 0
    push 0x3202
    popfq

# test: the code segment says ring 3
# expect: rax & 3 == 3 and rax == 0x33
    xor eax, eax
    mov ax, cs

# test: the stack segment says ring 3
# expect: rax == 0x2b
    xor eax, eax
    mov ax, ss

# test: CPUID gives the vendor's name
# expect: ebx == 0x756e6547 and edx == 0x49656e69 and ecx == 0x6c65746e
    xor eax, eax
    cpuid

# test: SYSCALL puts RIP in RCX and RFLAGS in R11
# regs: rflags=0x2d7
# expect: rcx == behind and r11 == 0x2d7 and rflags == 0x2d7
    mov eax, 186
    syscall
behind: nop

# test: SYSCALL keeps every other register
# regs: rax=186 rbx=2 rdx=4 rsi=5 rdi=6 rbp=7 r8=8 r9=9 r10=10 r12=12 r13=13 r14=14 r15=15
# expect: rax == 1 and rbx == 2 and rdx == 4 and rsi == 5 and rdi == 6 and rbp == 7 and r8 == 8 and r9 == 9
# expect: r10 == 10 and r12 == 12 and r13 == 13 and r14 == 14 and r15 == 15
    syscall
