# STUI, CLUI, TESTUI: what they do to UIF and to nothing else (SDM vol. 2).

# test: STUI sets UIF
# state: uif=0
# expect: uif == 1
    stui

# test: STUI leaves UIF set
# state: uif=1
# expect: uif == 1
    stui

# test: CLUI clears UIF
# state: uif=1
# expect: uif == 0
    clui

# test: CLUI leaves UIF clear
# state: uif=0
# expect: uif == 0
    clui

# test: TESTUI copies UIF to CF
# param: given = 0..1
# state: uif=given
# expect: flags.CF == given and uif == given
    testui

# test: TESTUI clears the other status flags
# param: given = 0..1
# state: uif=given
# regs: rflags=0x8d7
# expect: rflags == 0x202 & ~0x200 | given
# expect: flags not has ZF and flags not has SF and flags not has AF and flags not has OF and flags not has PF
    testui

# test: TESTUI leaves DF and IF alone
# regs: rflags=0x602
# expect: rflags == 0x602
    testui

# test: the flag instructions change no register
# param: insn = "stui", "clui", "testui"
# regs: rax=1 rbx=2 rcx=3 rdx=4 rsi=5 rdi=6 rbp=7 r8=8 r9=9 r10=10 r11=11 r12=12 r13=13 r14=14 r15=15
# expect: rax == 1 and rbx == 2 and rcx == 3 and rdx == 4 and rsi == 5 and rdi == 6 and rbp == 7 and r8 == 8
# expect: r9 == 9 and r10 == 10 and r11 == 11 and r12 == 12 and r13 == 13 and r14 == 14 and r15 == 15
    {insn}

# test: STUI and CLUI change no flag
# param: insn = "stui", "clui"
# param: before = 0x202, 0xad7
# regs: rflags=before
# expect: rflags == before
    {insn}

# test: a flag instruction is four bytes long and counts once
# param: insn = "stui", "clui", "testui"
# expect: rip == insn_at + 4 and instructions == 1
insn_at: {insn}

# test: UIF toggles as often as asked
# at here#1: uif == 1
# at here#2: uif == 0
# expect: uif == 1
    stui
    call seen
    clui
    call seen
    stui
    jmp over
seen:
here: ret
over: nop

# test: a REX prefix is ignored
# param: rex = 0x40..0x4f
# param: last, result = (0xef, 1), (0xee, 0)
# state: uif=1-result
# expect: uif == result and rip == begin + 5
begin: .byte 0xf3, rex, 0x0f, 0x01, last

# test: TESTUI takes a REX prefix, too
# param: rex = 0x40..0x4f
# state: uif=1
# expect: flags has CF and rip == begin + 5
begin: .byte 0xf3, rex, 0x0f, 0x01, 0xed

# test: UIRET takes a REX prefix, too
# native: no
# param: rex = 0x40, 0x48, 0x4f
# expect: uif == 1 and rsp == 0x12340
    push 0x12340
    push 0x202
    lea rax, [rip + out]
    push rax
    .byte 0xf3, rex, 0x0f, 0x01, 0xec
out: nop

# test: without CR4.UINTR every user-interrupt instruction is #UD
# param: insn = "stui", "clui", "testui", "uiret"
# state: cr4_uintr=0
# fault: #UD at insn_at
insn_at: {insn}

# test: the #UD of CR4.UINTR=0 leaves UIF as it was
# param: insn = "stui", "clui", "testui"
# param: given = 0..1
# state: cr4_uintr=0 uif=given
# regs: rflags=0x8d7
# fault: #UD
# expect: uif == given and rflags == 0x8d7 | 0
    {insn}

# test: without the F3 prefix the opcode is not a user-interrupt instruction
# param: last = 0xec..0xef
# fault: #UD at here
here: .byte 0x0f, 0x01, last

# test: 66 or F2 in F3's place makes it another opcode
# param: prefix = 0x66, 0xf2
# param: last = 0xec, 0xee, 0xef
# fault: #UD at here
here: .byte prefix, 0x0f, 0x01, last

# test: prefixes that mean nothing here change nothing; the last of F2 and F3 counts
# param: prefixes = "0x66, 0xf3", "0xf3, 0x66", "0xf3, 0xf3", "0xf2, 0xf3", "0x2e, 0xf3", "0xf3, 0x65, 0x48", "0x67, 0x66, 0xf3, 0x41"
# state: uif=0
# expect: rip == behind and uif == 1
# count: instructions == 1
    .byte {prefixes}, 0x0f, 0x01, 0xef
behind:

# test: with F2 as the last of them, or with LOCK among them, they are none
# param: prefixes = "0xf3, 0xf2", "0xf3, 0x66, 0xf2", "0x66, 0xf0, 0xf3", "0xf3, 0xf0", "0x66"
# fault: #UD at here
here: .byte {prefixes}, 0x0f, 0x01, 0xef

# test: LOCK makes them #UD
# param: last = 0xec..0xef
# fault: #UD at here
here: .byte 0xf0, 0xf3, 0x0f, 0x01, last

# test: STUI at a page's end is fetched over the edge
# expect: uif == 1
    jmp last_bytes
    .skip 4096 - 5 - 2
last_bytes: stui

# test: a new thread starts with UIF clear
# cpus: 2
# thread: other
# state: uif=1
# expect: mem64[seen] == 2
    mov eax, 24
    syscall
    cmp qword ptr [rip + seen], 0
    je test.begin
    jmp out
other: testui
    setc al
    movzx eax, al
    add eax, 2
    mov [rip + seen], rax
forever: jmp forever
out: nop
.data
seen: .quad 0

# test: single-stepped they trap behind themselves, before a pending user interrupt
# param: insn = "stui", "clui", "testui"
# state: uif=0 uirr=1 uihandler=got
# raises: SIGTRAP
# expect: rip == behind and instructions == 3
# count: frame_pushed == 0
    push 0x302
    popfq
    {insn}
behind: nop
got: nop

# test: single-stepped over UIRET the trap is at its target, whatever TF it restores
# param: popped = 0x202, 0x302
# raises: SIGTRAP
# expect: rip == target
    push rsp
    push popped
    lea rax, [rip + target]
    push rax
    push 0x302
    popfq
    uiret
target: nop
