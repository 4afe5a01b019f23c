# SENDUIPI as the SDM has it: UITT and UPID lie in the guest's own memory, and nothing is registered with the kernel.

# map: tables 8K rw
# state: uittaddr=tables uittsz=3 uitt_enabled=1 upidaddr=tables+4096 uinv=0xec uihandler=got uif=1
.text
# Entry RDI := valid, vector RSI, the UPID at tables + 4096; which has NV 0xec and core 0's id
entry:
    shl rdi, 4
    shl rsi, 8
    or rsi, 1
    mov [tables + rdi], rsi
    mov qword ptr [tables + rdi + 8], tables + 4096
    mov dword ptr [tables + 4096], 0xec0000
    ret

# test: a user interrupt to oneself arrives before the next instruction
# expect: frame.vector == 9 and frame.rip == behind and uirr == 0 and uif == 0
# expect: mem64[tables + 4096] == 0xec0000 and mem64[tables + 4096 + 8] == 0
# CHECK: senduipi entry=2 vector=9 notify=1
# CHECK-NEXT: ipi core=0 vector=0xec
# CHECK-NEXT: interrupt vector=0xec (notify)
# CHECK-NEXT: notified pir=0x200
# CHECK-NEXT: frame size=32 vector=9
# CHECK-NEXT: handler rip=got
    mov edi, 2
    mov esi, 9
    call entry
    mov eax, 2
    senduipi rax
behind: ud2
got: nop

# test: each user vector arrives as itself
# param: v = 0..63
# expect: frame.vector == v
    xor edi, edi
    mov esi, v
    call entry
    xor eax, eax
    senduipi rax
    ud2
got: nop

# test: any 64-bit register may hold the index
# param: reg = "rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
# expect: frame.vector == 1
    mov edi, 3
    mov esi, 1
    call entry
    mov {reg}, 3
    senduipi {reg}
    ud2
got: nop

# test: REX counts directly before the opcode only: the operand is RAX
# param: prefixes = "0x41, 0xf3", "0xf3, 0x41, 0x66", "0xf3, 0x41, 0x48"
# expect: frame.vector == 1
    mov edi, 3
    mov esi, 1
    call entry
    mov eax, 3
    mov r8d, 2
    .byte {prefixes}, 0x0f, 0xc7, 0xf0
    ud2
got: nop

# test: with UIF=0 it stays pending until STUI
# state: uif=0
# expect: frame.rip == behind and frame.vector == 5
# at before: uirr == 1 << 5 and uif == 0
    xor edi, edi
    mov esi, 5
    call entry
    xor eax, eax
    senduipi rax
    nop
before: stui
behind: ud2
got: nop

# test: with ON set nothing is sent, and PIR collects
# expect: mem64[tables + 4096] == 0xec0001 and mem64[tables + 4096 + 8] == 1<<3 | 1<<60 and uirr == 0
# count: ipi_sent == 0
    xor edi, edi
    mov esi, 3
    call entry
    mov edi, 1
    mov esi, 60
    call entry
    or byte ptr [tables + 4096], 1
    xor eax, eax
    senduipi rax
    inc eax
    senduipi rax
    jmp got
got: nop

# test: with SN set nothing is sent and ON stays clear
# expect: mem64[tables + 4096] == 0xec0002 and mem64[tables + 4096 + 8] == 1<<3
# count: ipi_sent == 0
    xor edi, edi
    mov esi, 3
    call entry
    or byte ptr [tables + 4096], 2
    xor eax, eax
    senduipi rax
got: nop

# test: it changes no register and no flag
# param: before = 0x202, 0xad7
# regs: rflags=before rax=0 rbx=2 rcx=3 rdx=4 rbp=7 r8=8 r9=9 r10=10 r11=11 r12=12 r13=13 r14=14 r15=15
# state: uif=0
# at sent: rflags == before
# expect: rax == 0 and rbx == 2 and rcx == 3 and rdx == 4 and rbp == 7 and r8 == 8 and r9 == 9 and r10 == 10
# expect: r11 == 11 and r12 == 12 and r13 == 13 and r14 == 14 and r15 == 15 and rip == sent
    pushfq
    xor edi, edi
    xor esi, esi
    call entry
    popfq
    senduipi rax
sent:
got:

# test: without the enable bit it is #UD
# state: uitt_enabled=0
# fault: #UD at here
    xor eax, eax
here: senduipi rax
got: nop

# test: without CR4.UINTR it is #UD
# state: cr4_uintr=0
# fault: #UD at here
    xor eax, eax
here: senduipi rax
got: nop

# test: an index above UITTSZ is #GP(0)
# param: index = 4, 0x100000000, -1
# fault: #GP(0) at here
    mov rax, index
here: senduipi rax
got: nop

# test: an entry that is not valid is #GP(0)
# fault: #GP(0) at here
    xor eax, eax
here: senduipi rax
got: nop

# test: each reserved bit of an entry is #GP(0)
# param: bit = 1, 7, 14, 15, 16, 31, 32, 63
# fault: #GP(0) at here
    xor edi, edi
    xor esi, esi
    call entry
    bts qword ptr [tables], bit
    xor eax, eax
here: senduipi rax
got: nop

# test: each reserved bit of a UPID is #GP(0)
# param: bit = 2, 3, 6, 8, 15, 24, 31
# fault: #GP(0) at here
# expect: mem64[tables + 4096 + 8] == 0
    xor edi, edi
    xor esi, esi
    call entry
    bts qword ptr [tables + 4096], bit
    xor eax, eax
here: senduipi rax
got: nop

# test: Linux's BLKD bit is none of them
# state: uif=0
# expect: mem64[tables + 4096] & 0x80 and uirr == 1
    xor edi, edi
    xor esi, esi
    call entry
    or byte ptr [tables + 4096], 0x80
    xor eax, eax
    senduipi rax
    nop
got: nop

# test: on a core that takes BLKD for reserved it is #GP(0)
# cpu: upid-reserved
# fault: #GP(0) at here
    xor edi, edi
    xor esi, esi
    call entry
    or byte ptr [tables + 4096], 0x80
    xor eax, eax
here: senduipi rax
got: nop

# test: a UPID that is not 64-byte aligned is #GP(0)
# param: offset = 1, 8, 16, 32
# fault: #GP(0) at here
    xor edi, edi
    xor esi, esi
    call entry
    add qword ptr [tables + 8], offset
    xor eax, eax
here: senduipi rax
got: nop

# test: LOCK makes it #UD
# fault: #UD at here
    xor eax, eax
here: .byte 0xf0, 0xf3, 0x0f, 0xc7, 0xf0
got: nop

# test: without F3 it is RDRAND, which this CPU lacks
# native: no
# fault: #UD at here
here: .byte 0x0f, 0xc7, 0xf0
got: nop

# test: a memory operand is #UD
# native: no
# fault: #UD at here
    mov rax, tables
here: .byte 0xf3, 0x0f, 0xc7, 0x30
got: nop

# test: the highest of several pending vectors comes first, the next one right after UIRET
# state: uif=0
# expect: mem64[log] == 60 and mem64[log + 8] == 3 and uirr == 0 and uif == 1 and rcx == 2
    xor edi, edi
    mov esi, 3
    call entry
    mov edi, 1
    mov esi, 60
    call entry
    xor eax, eax
    xor ecx, ecx
    senduipi rax
    inc eax
    senduipi rax
    stui
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
log: .quad 0, 0

# test: TPR holds the notification back
# state: tpr=0xe0
# expect: uirr == 0 and irr == 1 << 0xec
# count: frame_pushed == 0
    xor edi, edi
    xor esi, esi
    call entry
    xor eax, eax
    senduipi rax
    nop
got: nop

# test: single-stepped over SENDUIPI the debug trap comes before the user interrupt
# raises: SIGTRAP
# expect: rip == behind and irr == 1 << 0xec
# count: frame_pushed == 0 and notification_processed == 0
    xor edi, edi
    xor esi, esi
    call entry
    push 0x302
    popfq
    senduipi rax
behind: nop
got: nop

# test: SENDUIPI clears RF before its interrupt comes
# expect: frame.vector == 9 and frame.rip == behind and frame.rflags & 0x10000 == 0
    xor edi, edi
    mov esi, 9
    call entry
    xor ecx, ecx
    push rsp
    push 0x10202
    lea rax, [rip + send]
    push rax
    uiret
send: senduipi rcx
behind: ud2
got: nop

# test: SENDUIPI that traps keeps RF
# state: uitt_enabled=0
# regs: rflags=0x10202
# raises: SIGILL at send
# expect: rflags == 0x10202
send: senduipi rcx
got: nop

# test: a UPID whose address is not canonical is #GP of the notification, not a page fault
# state: upidaddr=0x800000000000
# regs: rcx=0
# fault: #GP(0) at behind
# CHECK: interrupt vector=0xec (notify)
# CHECK-NOT: page-fault
    xor edi, edi
    mov esi, 9
    call entry
    senduipi rcx
behind: nop
got: nop
