# What Linux gives a program to start with (arch/x86/include/asm/fpu/xstate.h: init_fpstate).

# test: SSE exceptions are masked and rounding is to nearest
# expect: eax == 0x1f80
    sub rsp, 8
    stmxcsr dword ptr [rsp]
    mov eax, [rsp]
    add rsp, 8

# test: x87 has 64-bit precision and its exceptions masked
# expect: eax == 0x37f
    sub rsp, 8
    fnstcw word ptr [rsp]
    movzx eax, word ptr [rsp]
    add rsp, 8
