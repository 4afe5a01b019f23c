# Faults after which the block goes on: the order, the frames' words, the registers, and a last one that kills.
.include "pff.inc"

# test: each fault goes on at its label with all other registers kept, and the last one ends the block
# fault: #DE at here then after
# fault: #UD then next
# fault: #PF(W|U) address=0x20008 at there then last
# fault: #GP(0) at dies
# regs: rbx=3 r15=-1
# count: signal_delivered == 3
    mov esi, 4
here: div ecx
after: ud2
    mov esi, 9
next: mov eax, 5
there: mov [0x20008], eax
    mov esi, 9
last: mov edi, 7
dies: hlt

# test: registers are those of the fault, and the block may come to its end
# fault: #UD at here then after
# regs: rax=1 rdi=2 rdx=3 rcx=4 rsi=5 r11=6
# expect: rax == 1 and rdi == 2 and rdx == 3 and rcx == 4 and rsi == 5 and r11 == 6
here: ud2
after: nop

# test: a broken stack does not keep it from going on
# fault: #PF(W|U) address=0 then after
# expect: rsp == 8
    mov rsp, 8
    push rax
after: nop

# test: a breakpoint and a command for the debugger claim nothing and change nothing
# break: after if rax == 1
# debug: watch there
# expect: rax == 1
# map: there 4K rw
    mov eax, 1
after: nop
