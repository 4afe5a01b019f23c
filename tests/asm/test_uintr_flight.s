# A notification on its way while its receiver leaves the core: the kernel gets it, and nothing is lost.

.include "pff.inc"
.include "receiver.inc"
.data
go:    .quad 0

# test: one that arrives when its receiver sleeps is the kernel's; the receiver finds it when it is back
# cpus: 2
# thread: other
# param: n = 12, 15, 18
# expect: mem64[count] == 1
# CHECK: interrupt vector=0xec (kernel)
    xor esi, esi
    call register
    mov edi, 7
    call self
    stui
    mov dword ptr [rip + go], 1
    mov ecx, 2500 + n * 20
1:  loop 1b
    mov edi, 10
    call wait
    nop
    jmp out
other:
    cmp dword ptr [rip + go], 0
    je other
    xor eax, eax
    senduipi rax
2:  jmp 2b
out: nop
