# A handler that returns without the page, again and again, ends the run with a message that names the fault.

.include "pff.inc"

# map: buf 16K rw
# map: closed 4K -
# uffd: buf missing
.text
handler:
    inc qword ptr [rip + tries]
    cmp qword ptr [rip + tries], 4000
    je enough
back:
    add rsp, 8
    uiret
enough:
    cmp qword ptr [rip + helps], 0
    je back
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + page]
    syscall
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    jmp back
on_signal:
    inc qword ptr [rip + tries]
    cmp qword ptr [rip + tries], 4200
    je 1f
    ret
1:  mov eax, SYS_exit_group
    mov edi, 7
    syscall
.data
tries: .quad 0
helps: .quad 0
page:  .quad buf, 4096, 0, 0

# test: of a forwarded fault
# forward: on
# deadlock: fault 4096 never ends: its handler returns without the page
touch: mov rax, [buf + 8]

# test: a program that counts its signals ends by itself
# mode: kernel
# signal: SIGSEGV on_signal
# expect: exit == 7
    mov al, [closed]

# test: in a thread beside others
# cpus: 2
# forward: on
# thread: bystander
# deadlock: thread 1 at touch
touch: mov rax, [buf + 8]
bystander:
    pause
    jmp bystander

# test: a page that comes at last is in time
# forward: on
# expect: mem64[tries] == 4000 and rax == 0
    mov qword ptr [rip + helps], 1
    mov rax, [buf + 8]
