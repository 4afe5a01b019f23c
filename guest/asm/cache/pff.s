# pff: the hardware enters the faulting thread's handler; UIRET returns. pff-pte is the same program on a machine whose MMU
# finds userfaultfd memory by a bit of the page table entry.
.text
pff_open:
    xor edi, edi
    jmp uffd_pages_open

# -> ends the program where the machine does not forward
pff_join:
    lea rdi, [rip + pff_fault]
# forward_faults(rdi handler)
forward_faults:
    mov eax, SYS_uintr_register_handler
    mov esi, UINTR_HANDLER_FLAG_FORWARD_PF
    syscall
    test rax, rax
    jnz not_offered
    stui
    ret

# RSP points at the extended frame: vector, RIP, RFLAGS, RSP, address, error code
pff_fault:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    mov rdi, [rsp + 9 * 8 + 32]
    mov esi, [rsp + 9 * 8 + 40]
    call own_fault
pff_return:
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret

.data
pff_mechanism:
    .ascii "pff\0\0\0\0\0\0\0\0\0\0\0\0\0"
    .quad DIRECT, pff_open, pff_join, uffd_install, uffd_protect, uffd_allow, 0, uffd_drop, 0, 0, 0, 0, 0, 0
