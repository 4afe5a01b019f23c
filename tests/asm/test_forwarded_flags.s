# RCL and RCR whose page comes in by page fault forwarding: the pushed RFLAGS and the result have the carry of before
# (SDM: a fault leaves the flags as they were before the instruction).
.include "pff.inc"
.equ ADDRESS_AT, 32
.equ VECTOR_BYTES, 8
.include "zeropage.inc"

# map: buf 16K rw
# uffd: buf missing
# forward: on

# test: RCL after CMP brings in the borrow
# expect: mem64[buf] == 1 and frame.rip == touch and frame.rflags & 1 == 1
    mov rbx, buf
    mov eax, 1
    cmp eax, 2
touch: rcl qword ptr [rbx], 1

# test: RCR after ADD brings in the carry
# expect: mem32[buf + 4096] == 0x80000000 and frames[0].rflags & 0x41 == 0x41
    mov rbx, buf + 4096
    mov rax, -1
    add rax, 1
    rcr dword ptr [rbx], 1

# test: without a carry none comes in
# expect: mem64[buf] == 0 and frames[0].rflags & 1 == 0
    mov rbx, buf
    mov eax, 2
    cmp eax, 1
    rcl qword ptr [rbx], 1

# test: ADC was right before, and stays so
# expect: mem64[buf] == 1 and frames[0].rflags & 1 == 1
    mov rbx, buf
    mov eax, 1
    cmp eax, 2
    adc qword ptr [rbx], 0
