# userfault: the hardware enters the faulting thread's handler for every page fault of ring 3; UFRET returns. A fault outside
# the cache is the kernel's: the handler makes the access in the thread's place, with UFF=0.
.text
userfault_open:
    xor edi, edi
    jmp uffd_pages_open

# -> ends the program where the machine has no user faults
userfault_join:
    mov eax, SYS_prctl
    mov edi, PR_USER_FAULTS
    mov esi, PR_USER_FAULTS_ENABLE
    lea rdx, [rip + userfault_fault]
    syscall
    test rax, rax
    jnz not_offered
    stuf
    ret

# RSP points at the frame: fault code, address, RIP, RFLAGS, RSP
userfault_fault:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    mov esi, [rsp + 9 * 8]
    mov rdi, [rsp + 9 * 8 + 8]
    mov rax, rdi
    sub rax, [rip + region]
    shr rax, 12
    cmp rax, [rip + page_count]
    jae 2f
    call own_fault
1:  pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 16
    ufret
2:  test esi, USER_FAULT_WRITE
    jnz 3f
    mov al, [rdi]
    jmp 1b
3:  lock or byte ptr [rdi], 0
    jmp 1b

.data
userfault_mechanism:
    .ascii "userfault\0\0\0\0\0\0\0"
    .quad DIRECT, userfault_open, userfault_join, uffd_install, uffd_protect, uffd_allow, 0, uffd_drop, 0, 0, 0, 0, 0, 0
