# UserFault (KrakOS): TESTUF, CLUF, STUF, UFRET, their delivery and their prctl (hw/user_fault.py).

.include "pff.inc"
.include "calls.inc"
.equ CODE_AT, 56
.equ ADDRESS_AT, 64
.equ RIP_AT, 72
.equ RSP_AT, 88

# mode: userfault
# map: buf 16K rw
# map: plain 16K rw
# uffd: buf missing wp
# forward: on
.text
# answers faults of buf by an ioctl; those of other memory it passes on: it makes the access itself, with UFF=0
handler:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    pushfq
    inc qword ptr [rip + handled]
    mov rax, [rip + once]
    shl rax, 1
    mov [rip + once], rax
    cmp rax, 4
    jne 1f
    hlt
1:  testuf
    setc byte ptr [rip + uff_in_handler]
    mov rax, rsp
    and eax, 15
    mov [rip + alignment], rax
    mov rax, [rsp + CODE_AT]
    mov [rip + code], rax
    mov rax, [rsp + RIP_AT]
    mov [rip + frame_rip], rax
    mov rax, [rsp + RSP_AT]
    mov [rip + frame_rsp], rax
    mov rdi, [rsp + ADDRESS_AT]
    mov [rip + address], rdi
    mov rax, rdi
    sub rax, buf
    cmp rax, 16384
    jae 2f
    and rdi, -4096
    mov [rip + page], rdi
    mov esi, UFFDIO_ZEROPAGE
    test byte ptr [rsp + CODE_AT], 1
    jz 1f
    mov esi, UFFDIO_WRITEPROTECT
1:  lea rdx, [rip + page]
    call ioctl
    test byte ptr [rsp + CODE_AT], 1
    jz 3f
    mov rdi, [rip + address]
    lock or byte ptr [rdi], 0
    jmp 3f
2:  mov al, [rdi]
3:  popfq
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 16
    ufret
.data
.balign 8
page:      .quad 0, 4096, 0, 0
handled:   .quad 0
once:      .quad 0                  # not 0: the second fault from now on ends the test
code:      .quad 99
address:   .quad 0
frame_rip: .quad 0
frame_rsp: .quad 0
alignment: .quad 0
uff_in_handler: .quad 1
range:     .quad buf, 4096, 1

# test: the four instructions have their published encodings
# expect: mem32[insns] == 0xe9010ff3 and mem32[insns + 4] == 0xea010ff3 and mem32[insns + 8] == 0xeb010ff3
# expect: mem32[insns + 12] == 0xfa010ff3
    jmp 1f
insns:
    testuf
    cluf
    stuf
    ufret
1:  nop

# test: STUF, CLUF and TESTUF set, clear and read the flag; TESTUF clears the other flags
# expect: al == 1 and bl == 0 and uff == 1 and rcx & 0x8d5 == 1
# CHECK: stuf uff=1
# CHECK: testuf uff=1
# CHECK: cluf uff=0
# CHECK: testuf uff=0
    stuf
    testuf
    setc al
    cluf
    testuf
    setc bl
    stuf
    xor ecx, ecx
    testuf
    pushfq
    pop rcx

# test: a load of a missing page enters the handler with UFF=0, and its frame
# expect: rax == 0 and mem64[handled] == 1 and mem64[code] == 0 and mem64[address] == buf + 8
# expect: mem64[frame_rip] == touch and mem64[frame_rsp] == rsp and mem8[uff_in_handler] == 0 and uff == 1
# count: forwarded == 1 and uirets == 1 and kernel_entries == 1 and uffd_messages == 0
# CHECK: forward address=buf+0x8 (UFF=1)
# CHECK-NEXT: frame size=40 vector=14 rip=touch
# CHECK-NEXT: handler rip=handler
# CHECK: resumed rip=touch
touch: mov rax, [buf + 8]

# test: RSP is aligned to 16 before the five pushes, and nothing is left for a red zone
# param: off = 0, 8
# expect: mem64[alignment] == 0 and mem64[red] == 1 and mem64[frame_rsp] & 15 == off
    mov rax, rsp
    and eax, 15
    mov rbp, rsp
    and rsp, -16
    sub rsp, off
    mov qword ptr [rsp - 16], 77
    mov al, [buf]
    cmp qword ptr [rsp - 16], 77
    setne byte ptr [rip + red]
    mov rsp, rbp
.data
red: .quad 0

# test: a store says so, and so does the next one that the zero page refuses
# expect: mem8[buf] == 7 and mem64[handled] == 2 and mem64[code] == 3
# CHECK: refused address=buf error=W|U
# CHECK: resumed rip=touch
# CHECK: refused address=buf error=P|W|U
# CHECK: minor copy address=buf
touch: mov byte ptr [buf], 7

# test: a store to a write-protected page has the bits of both
# expect: mem8[buf] == 7 and mem64[code] == 3 and mem64[handled] == 2
    mov al, [buf]
    mov esi, UFFDIO_WRITEPROTECT
    lea rdx, [rip + range]
    call ioctl
    mov byte ptr [buf], 7

# test: a fetch has a bit of its own
# raises: SIGSEGV
# expect: mem64[code] == 5 and mem64[address] == plain
# CHECK: refused address=plain error=P|U|I
# CHECK-NEXT: forward address=plain (UFF=1)
    mov al, [plain]
    mov qword ptr [rip + once], 1
    mov rax, plain
    jmp rax

# test: memory that is not userfaultfd's comes to the handler, too, which lets the kernel help
# expect: al == 0 and mem64[handled] == 1 and mem64[address] == plain + 4096
# count: faults == 2 and forwarded == 1 and kernel_entries == 1
# CHECK: forward address=plain+0x1000 (UFF=1)
# CHECK: kernel address=plain+0x1000
# CHECK: minor zero address=plain+0x1000
    mov al, [plain + 4096]

# test: with UFF=0 a fault is a message
# deadlock: userfaultfd
# count: forwarded == 0
    cluf
    mov al, [buf]

# test: a system call's access is none of ring 3
# deadlock: on behalf of a system call
# count: forwarded == 0
    mov eax, SYS_write
    mov edi, 1
    mov rsi, buf
    mov edx, 1
    syscall

# test: a stack that is missing is the kernel's business, and then the frame is pushed
# expect: al == 0 and mem64[handled] == 1
# CHECK: push-failed address=plain+0x3ff8
# CHECK: minor zero address=plain+0x3000
    mov rbp, rsp
    mov rsp, plain + 16384
    mov al, [buf]
    mov rsp, rbp

# test: UFRET to a RIP that is not canonical is #GP
# raises: SIGSEGV
    mov rax, 1 << 62
    push rsp
    pushfq
    push rax
    ufret

# test: another thread has a flag of its own
# thread: other
# expect: uff == 1 and mem64[handled] == 0
# CHECK: kernel address=plain
# count: forwarded == 0
1:  cmp dword ptr [rip + flag], 0
    je 1b
    jmp 2f
other:
    mov al, [plain]
    mov dword ptr [rip + flag], 1
    mov eax, SYS_exit
    syscall
2:  nop
.data
flag: .long 0

# test: the status can be asked for, and disabling makes the instructions #UD
# raises: SIGILL
# expect: rbx == 1 and r12 == 0
    mov eax, SYS_prctl
    mov edi, PR_USER_FAULTS
    mov esi, PR_USER_FAULTS_STATUS
    syscall
    mov rbx, rax
    mov eax, SYS_prctl
    mov esi, PR_USER_FAULTS_DISABLE
    syscall
    mov eax, SYS_prctl
    mov esi, PR_USER_FAULTS_STATUS
    syscall
    mov r12, rax
    stuf

# test: a handler that is not canonical is refused, and the old one stays
# expect: rax == -EFAULT and uff == 1
    mov eax, SYS_prctl
    mov edi, PR_USER_FAULTS
    mov esi, PR_USER_FAULTS_ENABLE
    mov rdx, 1 << 62
    syscall

# test: CPUID tells of it
# expect: rdx & 1 << 6 != 0
    mov eax, 7
    xor ecx, ecx
    cpuid

# test: other machines have none of it
# mode: pff, uffd
# forward: off
# param: what = 0, 1, 2
# expect: rax == -EINVAL and rdx & 1 << 6 == 0
    mov eax, 7
    xor ecx, ecx
    cpuid
    mov r8, rdx
    mov eax, SYS_prctl
    mov edi, PR_USER_FAULTS
    mov esi, what
    xor edx, edx
    syscall
    mov rdx, r8

# test: each of the instructions is #UD without them
# mode: pff
# forward: off
# param: octet = 0xe9, 0xea, 0xeb, 0xfa
# raises: SIGILL
    .byte 0xf3, 0x0f, 0x01, octet
