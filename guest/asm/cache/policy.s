# Which page is evicted: queues of resident pages. [policy] is POLICY_FIFO or POLICY_CLOCK of paging.s, or
#   POLICY_LRU   of the next 16 pages, the one whose accessed bits, aged at each look, are the lowest. Ring 3 cannot read
#                the MMU's accessed bits: the workload sets its own (access.inc, MARKED)
#   POLICY_2Q    (Johnson and Shasha, VLDB '94) a page that returns within [quota] / 2 evictions is hot; pages that are not
#                leave first, unless they are less than a quarter
# CLOCK's second chance is for pages whose own bit is set, or that came in again since they were evicted. The cache's
# lock is held around all of these.

.equ POLICY_LRU, 2
.equ POLICY_2Q, 3
.equ LRU_WINDOW, 16
# a queue: words of 4 bytes, a ring
.equ Q_PAGES, 0
.equ Q_HEAD, 8
.equ Q_TAIL, 16
.equ Q_QUEUE, 24

.text

policy_open:
    push rbx
    mov rax, [rip + page_count]
    mov ecx, 1
1:  add rcx, rcx
    cmp rcx, rax
    jbe 1b
    dec rcx
    mov [rip + queue_mask], rcx
    xor ebx, ebx
2:  mov rsi, [rip + queue_mask]
    lea rsi, [rsi * 4 + 4]
    call allocate
    lea rcx, [rip + queues]
    mov [rcx + rbx], rax
    add rbx, Q_QUEUE
    cmp rbx, 2 * Q_QUEUE
    jb 2b
    mov rsi, [rip + page_count]
    shl rsi, 2
    call allocate
    mov [rip + left_at], rax
    pop rbx
    ret

# policy_enter(rdi page): it is in memory now
policy_enter:
    mov rdx, [rip + state]
    lea rcx, [rip + queues]
    test byte ptr [rdx + rdi], SEEN
    jz push_page
    cmp qword ptr [rip + policy], POLICY_2Q
    je 1f
    cmp qword ptr [rip + policy], POLICY_CLOCK
    jne push_page
    mov rdx, [rip + accessed]
    mov byte ptr [rdx + rdi], 1
    jmp push_page
1:  mov r8, [rip + left_at]
    mov eax, [rip + evictions]
    sub eax, [r8 + rdi * 4]
    mov r8, [rip + quota]
    shr r8, 1
    cmp rax, r8
    ja push_page
    or byte ptr [rdx + rdi], HOT
    add rcx, Q_QUEUE

# push_page(rdi page, rcx queue). Clobbers rax, rdx.
push_page:
    mov rax, [rcx + Q_TAIL]
    mov rdx, rax
    and rdx, [rip + queue_mask]
    inc rax
    mov [rcx + Q_TAIL], rax
    mov rax, [rcx + Q_PAGES]
    mov [rax + rdx * 4], edi
    ret

# policy_leave(rdi page): it has left memory. Keeps rcx, rdx.
policy_leave:
    mov r8, [rip + left_at]
    mov eax, [rip + evictions]
    mov [r8 + rdi * 4], eax
    ret

# policy_choose() -> rax the page to evict, no longer in a queue; -1: none may leave now
policy_choose:
    push rbx
    push r12
    push r13
    lea r12, [rip + queues]
    mov rax, [r12 + Q_TAIL]
    sub rax, [r12 + Q_HEAD]
    mov rcx, [r12 + Q_QUEUE + Q_TAIL]
    sub rcx, [r12 + Q_QUEUE + Q_HEAD]
    lea r13, [rax + rcx]
    lea r13, [r13 * 2 + 1]          # r13 looks left: twice around
    test rcx, rcx
    jz choose
    mov rdx, [rip + quota]
    shr rdx, 2
    cmp rax, rdx
    ja choose
    add r12, Q_QUEUE
choose:
    dec r13
    jz none_may_leave
    mov rcx, [r12 + Q_HEAD]
    cmp rcx, [r12 + Q_TAIL]
    je none_may_leave
    cmp qword ptr [rip + policy], POLICY_LRU
    jne 1f
    call oldest_first
1:  mov rcx, [r12 + Q_HEAD]
    and rcx, [rip + queue_mask]
    inc qword ptr [r12 + Q_HEAD]
    mov rax, [r12 + Q_PAGES]
    mov ebx, [rax + rcx * 4]
    mov rcx, [rip + state]
    test byte ptr [rcx + rbx], BUSY
    jnz stays
    mov rax, [rip + policy]
    cmp rax, POLICY_FIFO
    je 2f
    cmp rax, POLICY_LRU
    je 2f
    mov rcx, [rip + accessed]
    cmp byte ptr [rcx + rbx], 0
    je 2f
    mov byte ptr [rcx + rbx], 0
    jmp stays
2:  mov rax, [rip + mechanism]
    mov rax, [rax + M_MAY_EVICT]
    test rax, rax
    jz 3f
    mov rdi, rbx
    call rax
    test eax, eax
    jz stays
3:  mov rax, rbx
    jmp chosen
stays:
    mov rdi, rbx
    mov rcx, r12
    call push_page
    jmp choose
none_may_leave:
    mov rax, -1
chosen:
    pop r13
    pop r12
    pop rbx
    ret

# oldest_first(r12 queue, not empty): of its first pages, the one with the lowest age changes places with the first.
oldest_first:
    mov rsi, [r12 + Q_PAGES]
    mov rdx, [r12 + Q_HEAD]
    lea r9, [rdx + LRU_WINDOW]
    cmp r9, [r12 + Q_TAIL]
    cmova r9, [r12 + Q_TAIL]
    mov r10d, 256                   # lowest age
1:  mov rcx, rdx
    and rcx, [rip + queue_mask]
    mov eax, [rsi + rcx * 4]
    mov rdi, [rip + accessed]
    movzx r8d, byte ptr [rdi + rax]
    mov byte ptr [rdi + rax], 0
    shl r8d, 8
    mov rdi, [rip + ages]
    movzx r11d, byte ptr [rdi + rax]
    or r8d, r11d
    shr r8d, 1
    mov [rdi + rax], r8b
    cmp r8d, r10d
    jae 2f
    mov r10d, r8d
    mov r11, rcx
    mov [rip + oldest], rcx
2:  inc rdx
    cmp rdx, r9
    jb 1b
    mov r11, [rip + oldest]
    mov rcx, [r12 + Q_HEAD]
    and rcx, [rip + queue_mask]
    mov eax, [rsi + rcx * 4]
    mov edx, [rsi + r11 * 4]
    mov [rsi + rcx * 4], edx
    mov [rsi + r11 * 4], eax
    ret

.data
queues: .quad 0, 0, 0, 0, 0, 0
queue_mask: .quad 0
left_at: .quad 0                    # by page: [evictions] when it left; 4 bytes each
oldest: .quad 0
