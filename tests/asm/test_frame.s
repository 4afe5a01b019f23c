# The frame of a forwarded page fault, vector word first (arch/frames.py: vector | RIP | RFLAGS | RSP | address | error code).

.include "pff.inc"
.equ ADDRESS_AT, 32
.equ VECTOR_BYTES, 8
.include "zeropage.inc"

# map: buf 64K rw
# uffd: buf missing
# forward: on

# test: the frame is 48 bytes with vector 14 at its bottom
# expect: frame.size == 48 and frame.vector == 14
    mov al, [buf]

# test: the six words lie in order from the handler's RSP upwards
# regs: rbp=rsp rbx=buf+0x1238
# at handler: mem64[rsp] == 14 and mem64[rsp + 8] == touch and mem64[rsp + 24] == rbp
# at handler: mem64[rsp + 32] == buf + 0x1238 and mem64[rsp + 40] == W | U and frame.at == rsp
# expect: mem32[buf + 0x1238] == 0x5a
touch: mov dword ptr [rbx], 0x5a

# test: the frame keeps RFLAGS as they were at the fault
# regs: rflags=0xad7
# expect: frame.rflags == 0xad7 and rflags == 0xad7
    mov al, [buf]

# test: RIP of the frame is the faulting instruction
# expect: frame.rip == touch and rip == test.end
    nop
touch: mov al, [buf]

# test: the handler runs with UIF clear and UIRET sets it
# at handler: uif == 0
# expect: uif == 1
    mov al, [buf]

# test: UIRR is not involved
# state: uirr=0
# expect: uirr == 0 and frame.vector == 14
    mov al, [buf]

# test: the vector word is the user vector mapped to vector 14
# param: v = 0, 1, 33, 63
# state: user_vector=v
# expect: frame.vector == v and uirr == 0
    mov al, [buf]

# test: TF of the interrupted code is not set in the handler
# at handler: flags not has TF and flags not has RF
# expect: frame.rflags == 0x10202
# regs: rflags=0x10202
    mov al, [buf]

# test: the address is all of CR2
# param: offset = 0, 1, 7, 0xabc, 0xfff
# expect: frame.address == buf + 0x3000 + offset and frame.error == U
    mov al, [buf + 0x3000 + offset]

# test: mask-address clears the low 12 bits of the frame's address
# cpu: mask-address
# param: offset = 0, 1, 7, 0xabc, 0xfff
# expect: frame.address == buf + 0x3000 and frame.error == U
    mov al, [buf + 0x3000 + offset]

# test: the frame lies on a 16-byte boundary below the red zone, whatever RSP was
# param: low = 0..15
# map: stack 8K rw
# regs: rsp=stack+4096+low
# at handler: rsp == ((stack + 4096 + low - 128) & -16) - 48 and rsp % 16 == 0
# expect: frame.rsp == stack + 4096 + low and rsp == stack + 4096 + low
    mov al, [buf]

# test: a leaf function's red zone stays as it was
# map: stack 8K rw
# regs: rsp=stack+4096+8
# expect: mem64[stack + 4096] == 0x5a5a and mem64[stack + 4104 - 128] == 0x5a5a and mem64[stack + 4104 - 64] == 0x5a5a
    mov eax, 0x5a5a
    lea rdi, [rsp - 128]
    mov ecx, 16
    rep stosq
    mov al, [buf]

# test: UISTACKADJUST is 128 after registration
# expect: uistackadjust == 128 and uihandler == handler
    nop

# test: with UISTACKADJUST=0 the frame lies directly below RSP
# map: stack 8K rw
# regs: rsp=stack+4096
# state: uistackadjust=0
# expect: frame.at == stack + 4096 - 48
    mov al, [buf]

# test: an odd UISTACKADJUST moves the handler to its own stack
# map: stack 8K rw
# state: uistackadjust=stack+4096+1
# regs: rbp=rsp
# expect: frame.at == stack + 4096 - 48 and frame.rsp == rbp and rsp == rbp
    mov al, [buf]

# test: loads fault without W
# param: access = "mov rax, [rbx]", "add rax, [rbx]", "cmp [rbx], al", "test [rbx], eax", "push qword ptr [rbx]", "lodsb", "movzx eax, word ptr [rbx]", "movdqu xmm0, [rbx]", "bt dword ptr [rbx], 3"
# regs: rbx=buf+0x2040 rsi=buf+0x2040
# at handler#1: frame.error == U and frame.address == buf + 0x2040 and frame.rip == touch
# expect: frames[0].error == U
touch: {access}

# test: stores and read-modify-writes fault with W
# param: access = "mov [rbx], rax", "add [rbx], rax", "inc byte ptr [rbx]", "xchg [rbx], rax", "lock cmpxchg [rbx], rcx", "lock xadd [rbx], eax", "not dword ptr [rbx]", "stosq", "movdqu [rbx], xmm0", "bts dword ptr [rbx], 3", "setc [rbx]", "shl qword ptr [rbx], 1", "pop qword ptr [rbx]"
# regs: rbx=buf+0x2040 rdi=buf+0x2040
# expect: frame.error == W | U and frame.address == buf + 0x2040 and frame.rip == touch
    push rax
touch: {access}

# test: the address follows base, index, scale and displacement
# regs: rbx=buf+0x1000 rcx=0x111
# expect: frame.address == buf + 0x1000 + 4 * 0x111 + 0x20
    mov al, [rbx + rcx * 4 + 0x20]

# test: an access across a page edge reports the first byte of the missing page
# regs: rbx=buf+0x1000-4
# expect: frames[0].address == buf and frame.address == buf + 0x1000 and rax == 0
    mov al, [buf]
    mov rax, [rbx]

# test: an access across an edge with both pages missing faults at the lower one first
# regs: rbx=buf+0x1000-4
# expect: frames[0].address == buf + 0xffc and frames[1].address == buf + 0x1000
    mov rax, [rbx]

# test: a store across an edge is whole after both pages came in
# regs: rbx=buf+0x1000-4 rcx=0x1122334455667788
# expect: mem64[buf + 0xffc] == 0x1122334455667788
# count: forwarded == 2
    mov [rbx], rcx

# test: REP MOVSB goes on where it faulted, one fault a page
# regs: rsi=buf rdi=buf+0x8000 rcx=0x3000
# expect: rcx == 0 and rsi == buf + 0x3000 and rdi == buf + 0xb000
# count: forwarded == 6
    rep movsb

# test: REP STOSB leaves RCX and RDI at the exact byte of the fault
# regs: rdi=buf+0xf00 rcx=0x200 rax=0x77
# expect: frames[0].address == buf + 0xf00 and frames[1].address == buf + 0x1000
# expect: mem8[buf + 0xf00] == 0x77 and mem8[buf + 0x10ff] == 0x77 and mem8[buf + 0x1100] == 0
# at handler#2: rcx == 0x100 and rdi == buf + 0x1000
    rep stosb

# test: PUSH into the region changes nothing before it faults
# regs: rbx=buf+0x2000
# map: stack 8K rw
# state: uistackadjust=stack+4096+1
# at handler: frame.rsp == buf + 0x2000 and frame.address == buf + 0x1ff8 and frame.error == W | U
# expect: rsp == buf + 0x1ff8 and mem64[buf + 0x1ff8] == 9
    mov ecx, 9
    mov rsp, rbx
    push rcx

# test: every register comes back from the handler
# regs: rax=1 rbx=2 rcx=3 rdx=4 rsi=5 rdi=6 rbp=7 r8=8 r9=9 r10=10 r11=11 r12=12 r13=13 r14=14 r15=15
# expect: rax == 1 and rbx == 2 and rcx == 3 and rdx == 4 and rsi == 5 and rdi == 6 and rbp == 7 and r8 == 8
# expect: r9 == 9 and r10 == 10 and r11 == 11 and r12 == 12 and r13 == 13 and r14 == 14 and r15 == 15
    cmp byte ptr [buf], 0

# test: one page is brought in once
# expect: mem64[handled] == 1
# count: forwarded == 1 and uirets == 1 and uffd_messages == 0 and wakes == 0 and context_switches == 0
    mov al, [buf]
    mov al, [buf + 1]
    mov [buf + 2], al

# test: sixteen pages are sixteen forwarded faults
# regs: rbx=buf rcx=16
# count: forwarded == 16 and uirets == 16 and page_installed == 16
# expect: mem64[handled] == 16
next: mov al, [rbx]
    add rbx, 4096
    dec ecx
    jnz next

# test: the whole order of one forwarded fault
# CHECK: refused address=buf+0x5 error=U rip=touch
# CHECK-NEXT: forward address=buf+0x5 (all conditions hold)
# CHECK-NEXT: frame size=48 vector=14 rip=touch
# CHECK-NEXT: {{^}}handler rip=handler
# CHECK-NEXT: syscall ioctl
# CHECK-NEXT: step UFFDIO_ZEROPAGE copy_from_user
# CHECK-NEXT: step UFFDIO_ZEROPAGE validate
# CHECK-NEXT: installed address=buf
# CHECK-NEXT: step UFFDIO_ZEROPAGE mfill
# CHECK-NEXT: step UFFDIO_ZEROPAGE put_user
# CHECK-NEXT: step UFFDIO_ZEROPAGE wake
# CHECK-NEXT: returned ioctl result=0x0
# CHECK-NEXT: uiret rip=touch uif=1
# CHECK-NEXT: resumed rip=touch
# CHECK-NOT: refused
touch: mov al, [buf + 5]
