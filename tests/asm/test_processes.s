# Processes: fork, execve and wait from assembly, and what they do to user interrupts and forwarding.

.include "pff.inc"
# map: buf 16K rw

.text
wait:                               # the status of any child, in EBX
    mov eax, SYS_wait4
    mov rdi, -1
    lea rsi, [rip + status]
    xor edx, edx
    xor r10d, r10d
    syscall
    mov ebx, [rip + status]
    ret
leave:                              # exit_group(EDI)
    mov eax, SYS_exit_group
    syscall
.data
.balign 8
status: .quad 0
path:   .asciz "/proc/self/exe"

# test: fork gives the child's number and 0; each side has its own memory
# expect: ebx == 7 << 8 and mem64[buf] == 1 and rbp == 2
# CHECK: created tid=2
# CHECK: ended status=7
    mov qword ptr [buf], 1
    mov eax, SYS_fork
    syscall
    mov ebp, eax
    test eax, eax
    jnz parent
    mov qword ptr [buf], 2
    mov edi, 7
    call leave
parent: call wait

# test: a child that dies of a fault leaves its signal
# expect: ebx == SIGSEGV
# CHECK: killed signal=SIGSEGV
    mov eax, SYS_fork
    syscall
    test eax, eax
    jnz parent
    mov al, [0x1238]
parent: call wait

# test: a forked child has no handler and no forwarding: its copy of a userfaultfd area is ordinary memory
# uffd: buf missing
# forward: on
# expect: ebx == 5 << 8 and uif == 1
# count: forwarded == 0
# CHECK: page-fault address=buf
# CHECK-NEXT: minor zero address=buf
# CHECK-NOT: message
    mov eax, SYS_fork
    syscall
    test eax, eax
    jnz parent
    mov ecx, buf
    movzx edi, byte ptr [rcx]
    add edi, 5
    call leave
parent: call wait
    jmp test.end
handler: ud2

# test: the parent still forwards after a fork
# uffd: buf missing
# forward: on
# expect: frame.rip == touch and ebx == 0
# count: forwarded == 1
    mov eax, SYS_fork
    syscall
    test eax, eax
    jnz parent
    xor edi, edi
    call leave
parent: call wait
    mov ecx, buf
touch: mov al, [rcx]
handler: jmp test.end

# test: waiting without a child is ECHILD
# expect: rax == -ECHILD
    call wait

# test: vfork lends its memory until the child ends
# expect: ebx == 3 << 8 and mem64[buf] == 9
# CHECK: blocked vfork
    mov eax, SYS_vfork
    syscall
    test eax, eax
    jnz parent
    mov qword ptr [buf], 9
    mov edi, 3
    mov eax, SYS_exit_group
    syscall
parent: call wait

# test: execve of what does not exist changes nothing
# expect: rax == -ENOENT and mem64[buf] == 4
    mov qword ptr [buf], 4
    mov eax, SYS_execve
    lea rdi, [rip + path + 14]
    xor esi, esi
    xor edx, edx
    syscall
