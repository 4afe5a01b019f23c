# The smallest program:  pffemu run examples/hello.s
.include "pff.inc"

.text
_start:
    mov eax, SYS_write
    mov edi, 1
    lea rsi, [rip + greeting]
    mov edx, GREETING_LENGTH
    syscall
    mov eax, SYS_exit_group
    xor edi, edi
    syscall

.rodata
.equ GREETING_LENGTH, 22
greeting: .ascii "hello from ring three\n"
