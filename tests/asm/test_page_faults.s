# Ordinary page faults: CR2, the error code, and what the kernel does about them.

.include "pff.inc"
# map: buf 16K rw
# map: frozen 8K r
# map: none 4K ---

# test: a load of unmapped memory is #PF with U and its exact address
# param: offset = 0, 1, 0x7ff, 0xfff
# fault: #PF(U) address=0x20000 + offset at here
    mov ebx, 0x20000
here: mov al, [rbx + offset]

# test: a store to unmapped memory is #PF with W and U
# param: insn = "mov [rbx], al", "mov qword ptr [rbx], 5", "stosb", "inc byte ptr [rbx]", "xchg [rbx], al"
# regs: rbx=0x20008 rdi=0x20008
# fault: #PF(W|U) address=0x20008 at here
here: {insn}

# test: a jump to unmapped memory is #PF with U and I at the target
# fault: #PF(U|I) address=0x20010
# expect: rip == 0x20010
    mov eax, 0x20010
    jmp rax

# test: code that runs off a page's end faults at the next page
# map: code 4K rwx
# fault: #PF(U|I) address=code+4096
    mov dword ptr [code + 4092], 0x90909090
    mov eax, code + 4092
    jmp rax

# test: a page that is written may not be executed
# fault: #PF(P|U|I) address=buf
    mov byte ptr [buf], 0xc3
    mov eax, buf
    jmp rax

# test: a store to a read-only mapping is SIGSEGV, with P once the page is there
# param: touch, code = ("nop", "W|U"), ("mov al, [frozen]", "P|W|U")
# fault: #PF({code}) address=frozen+8 at here
    {touch}
here: mov [frozen + 8], al

# test: a store to the program's own code is #PF with P, W and U
# fault: #PF(P|W|U) address=here at here
here: mov byte ptr [rip + here], 5

# test: a load from a mapping without rights is SIGSEGV
# raises: SIGSEGV addr=none at here
# CHECK-NOT: minor
here: mov al, [none]

# test: an address that is not canonical is #GP(0), or #SS(0) never for data
# param: at = 0x800000000000, 0x8000000000000000, 0xffff7fffffffffff
# fault: #GP at here
    mov rbx, at
here: mov al, [rbx]

# test: kernel addresses are #PF for ring 3
# fault: #PF(U) address=0xffff800000000000 at here
    mov rbx, 0xffff800000000000
here: mov al, [rbx]

# test: the null page stays unmapped
# param: at = 0, 8, 0xffff
# raises: SIGSEGV addr=at at here
here: mov al, [at]

# test: the first load of anonymous memory maps the zero page, the first store a page of its own
# CHECK: refused address=buf error=U
# CHECK: minor zero address=buf
# CHECK: refused address=buf error=P|W|U
# CHECK: minor copy address=buf
# CHECK-NOT: refused
# expect: rax == 0 and mem8[buf] == 7
    mov al, [buf]
    mov byte ptr [buf], 7
    mov byte ptr [buf + 1], 8

# test: a first store needs one fault
# count: faults == 1 and minor_fault == 1
# expect: mem8[buf] == 7 and mem64[buf + 8] == 0
    mov byte ptr [buf], 7
    mov al, [buf]

# test: two pages read as zero do not share what is written to one
# expect: mem8[buf] == 7 and mem8[buf + 4096] == 0
    mov al, [buf]
    mov al, [buf + 4096]
    mov byte ptr [buf], 7

# test: a page that another core knows as zero shows that core what is written to it
# cpus: 2
# thread: reader
# expect: mem64[seen] == 7
1:  pause
    cmp qword ptr [rip + ready], 0
    je 1b
    mov byte ptr [buf], 7
    mov qword ptr [rip + written], 1
2:  pause
    cmp qword ptr [rip + seen], -1
    je 2b
    jmp out
reader:
    movzx eax, byte ptr [buf]
    mov qword ptr [rip + ready], 1
3:  pause
    cmp qword ptr [rip + written], 0
    je 3b
    movzx eax, byte ptr [buf]
    mov [rip + seen], rax
4:  jmp 4b
out: nop
.data
ready:   .quad 0
written: .quad 0
seen:    .quad -1

# test: a read-modify-write faults once, as a write
# count: faults == 1
# CHECK: refused address=buf error=W|U
# expect: mem32[buf] == 1
    inc dword ptr [buf]

# test: an access over two missing pages faults twice, and its CR2 are its first byte and the second page
# CHECK: refused address=buf+0xffc
# CHECK: refused address=buf+0x1000
# count: faults == 2
# expect: rax == 0
    mov rax, [buf + 0xffc]

# test: a store that crosses into unmapped memory is SIGSEGV at the second page
# raises: SIGSEGV addr=buf+16384 at here
here: mov qword ptr [buf + 16380], -1

# test: a store that crosses into unmapped memory writes nothing
# raises: SIGSEGV addr=buf+16384
# expect: mem32[buf + 16380] == 9
    mov dword ptr [buf + 16380], 9
    mov qword ptr [buf + 16380], -1

# test: a 16-byte store that crosses into unmapped memory writes nothing
# raises: SIGSEGV addr=buf+16384
# expect: mem64[buf + 16376] == 9
# xfail: the engine stores in two halves (docs/quirks.md)
    mov qword ptr [buf + 16376], 9
    movdqu [buf + 16376], xmm0

# test: REP STOSB stops at the exact byte
# raises: SIGSEGV addr=buf+16384
# expect: rcx == 6 and rdi == buf + 16384 and mem8[buf + 16383] == 0x41
    mov al, 0x41
    mov edi, buf + 16374
    mov ecx, 16
    rep stosb

# test: a stack that runs out dies at its guard
# raises: SIGSEGV
# expect: rsp < 0x7fffff800000
# budget: 3000000
here: call here

# test: the stack grows into pages that were never touched
# expect: mem64[rsp - 1048576] == 5
    mov qword ptr [rsp - 1048576], 5

# test: mprotect takes a right away at once
# raises: SIGSEGV addr=buf at here
# expect: rbx == 7
    mov byte ptr [buf], 7
    mov eax, SYS_mprotect
    mov edi, buf
    mov esi, 4096
    mov edx, PROT_READ
    syscall
    movzx ebx, byte ptr [buf]
here: mov byte ptr [buf], 8

# test: mprotect gives a right back
# expect: mem8[buf] == 8 and rax == 0
    mov byte ptr [buf], 7
    mov eax, SYS_mprotect
    mov edi, buf
    mov esi, 4096
    xor edx, edx
    syscall
    mov eax, SYS_mprotect
    mov edx, PROT_READ | PROT_WRITE
    syscall
    inc byte ptr [buf]

# test: a page whose rights were all taken away cannot be read
# raises: SIGSEGV addr=buf at here
    mov byte ptr [buf], 7
    mov eax, SYS_mprotect
    mov edi, buf
    mov esi, 4096
    xor edx, edx
    syscall
here: mov al, [buf]

# test: code that mprotect made executable runs
# expect: rax == 0x5a
    mov dword ptr [buf], 0x00005ab8
    mov word ptr [buf + 4], 0xc300
    mov eax, SYS_mprotect
    mov edi, buf
    mov esi, 4096
    mov edx, PROT_READ | PROT_EXEC
    syscall
    mov ecx, buf
    call rcx

# test: munmap takes a page away at once
# raises: SIGSEGV addr=buf at here
    mov byte ptr [buf], 7
    mov eax, SYS_munmap
    mov edi, buf
    mov esi, 4096
    syscall
here: mov al, [buf]

# test: code that the guest changes runs as changed
# map: code 4K rwx
# expect: rbx == 1 and rax == 2
    mov dword ptr [code], 0x000001b8
    mov word ptr [code + 4], 0xc300
    mov ecx, code
    call rcx
    mov ebx, eax
    mov byte ptr [code + 1], 2
    call rcx

# test: guest RAM that runs out kills with SIGKILL
# ram: 1M
# map: big 16M rw
# raises: SIGKILL
    mov ebx, big
1:  mov byte ptr [rbx], 1
    add rbx, 4096
    jmp 1b
