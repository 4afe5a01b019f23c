# The other frame: no vector word, RIP at the bottom (later commits of PFF-UINTR's gem5).

.include "pff.inc"
.equ ADDRESS_AT, 24
.equ VECTOR_BYTES, 0
.include "zeropage.inc"

# cpu: frame=rip-first
# map: buf 64K rw
# uffd: buf missing
# forward: on

# test: the frame is 40 bytes with RIP at its bottom
# expect: frame.size == 40 and frame.rip == touch
# at handler: mem64[rsp] == touch
touch: mov al, [buf]

# test: the five words lie in order from the handler's RSP upwards
# regs: rbp=rsp rflags=0x2c7
# at handler: mem64[rsp] == touch and mem64[rsp + 8] == 0x2c7 and mem64[rsp + 16] == rbp
# at handler: mem64[rsp + 24] == buf + 0x1238 and mem64[rsp + 32] == W | U
# expect: rsp == rbp
touch: mov byte ptr [buf + 0x1238], 1

# test: the handler returns without dropping a word
# expect: mem64[handled] == 1 and uif == 1
    mov al, [buf]

# test: the first push is on a 16-byte boundary, so RSP is 8 modulo 16
# param: low = 0..15
# map: stack 8K rw
# regs: rsp=stack+4096+low
# at handler: rsp == ((stack + 4096 + low - 128) & -16) - 40 and rsp % 16 == 8
# expect: rsp == stack + 4096 + low
    mov al, [buf]

# test: mask-address works with this layout, too
# cpu: mask-address
# expect: frame.address == buf + 0x4000 and frame.size == 40
    mov al, [buf + 0x4abc]

# test: a user interrupt still pushes the standard frame
# state: uirr=1<<5 uihandler=got
# expect: frame.size == 32 and frame.vector == 5
    ud2
got: nop

# test: registers and flags come back
# regs: rax=1 rcx=3 rdx=4 rsi=5 rdi=6 r11=11 rflags=0x2d7
# expect: rax == 1 and rcx == 3 and rdx == 4 and rsi == 5 and rdi == 6 and r11 == 11 and rflags == 0x2d7
    mov bl, [buf]

# test: flexible UIRET works with this layout
# cpu: flexible-uiret, frame=rip-first
# expect: uif == 1 and frame.size == 40
    mov al, [buf]

# test: its five words are pushed from the highest address down
# map: stack 8K rw
# regs: rsp=stack+4096+16
# state: uistackadjust=0
# CHECK: push-failed address=stack+0x1008 error=W|U
# CHECK: push-failed address=stack+0xff8 error=W|U
# CHECK: frame size=40
# expect: frames[0].at == stack + 4096 + 16 - 40
    mov al, [buf]

# test: the frame that begins behind the last canonical address is #SS with this layout, too
# regs: rsp=0x800000000010
# state: uistackadjust=0
# fault: #SS(0) at touch
touch: mov al, [buf]
