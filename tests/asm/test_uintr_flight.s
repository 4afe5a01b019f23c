# A notification on its way while its receiver leaves the core: the kernel gets it, and nothing is lost.

.include "pff.inc"
.text
handler:
    inc qword ptr [rip + count]
    add rsp, 8
    uiret
.data
.balign 8
count: .quad 0
go:    .quad 0

# test: one that arrives when its receiver sleeps is the kernel's; the receiver finds it when it is back
# cpus: 2
# thread: other
# param: n = 12, 15, 18
# expect: mem64[count] == 1
# CHECK: interrupt vector=0xec (kernel)
    mov eax, SYS_uintr_register_handler
    lea rdi, [rip + handler]
    xor esi, esi
    syscall
    mov eax, SYS_uintr_register_self
    mov edi, 7
    xor esi, esi
    syscall
    stui
    mov dword ptr [rip + go], 1
    mov ecx, 2500 + n * 20
1:  loop 1b
    mov eax, SYS_uintr_wait
    mov edi, 10
    xor esi, esi
    syscall
    nop
    jmp out
other:
    cmp dword ptr [rip + go], 0
    je other
    xor eax, eax
    senduipi rax
2:  jmp 2b
out: nop
