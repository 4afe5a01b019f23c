# Breadth-first search as PFF-UINTR ran it: level-synchronous over a CSR graph, 64-bit index and edge arrays, 16-bit
# levels, a visited bitmap.
#   bfs VERTICES EDGES SOURCE [BUDGET POLICY [HANDLER]]
# fd 3 holds the index array (VERTICES + 1 words) and, directly behind it, the edge array. Both lie in the region whose
# pages are brought in on demand: from the file's pages (kernel), or by UFFDIO_COPY from a mapping of them (uffd, pff).
# At most BUDGET pages stay (0: all), POLICY and HANDLER are paging.s's. The measured part lies between two gettid().
# Writes the levels (0xFFFF: not reached) to fd 4.

.equ UNREACHED, 0xFFFF

.text
.globl _start
_start:
    mov rbp, rsp                    # argc, argv[0], argv[1] ...
    mov rsi, [rbp + 16]
    call parse_number
    mov r12, rax                    # r12 vertices
    mov rsi, [rbp + 24]
    call parse_number
    lea rax, [rax + r12 + 1]
    lea rax, [rax * 8 + PAGE - 1]
    and rax, -PAGE
    mov r13, rax                    # r13 bytes of the graph, whole pages
    mov rsi, [rbp + 32]
    call parse_number
    mov r15, rax                    # r15 source
    cmp qword ptr [rbp], 6          # argc
    jb 1f
    mov rsi, [rbp + 40]
    call parse_number
    mov [rip + budget], rax
    mov rsi, [rbp + 48]
    call parse_number
    mov [rip + policy], rax
    cmp qword ptr [rbp], 7
    jb 1f
    mov rsi, [rbp + 56]
    call parse_number
    mov [rip + handler_kind], rax
1:
    call open_userfaultfd
    test eax, eax
    jz map_graph_file
    mov rsi, r13
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    mov r8, -1
    call map
    mov rbx, rax                    # rbx region: index, then edges
    mov rsi, r13
    mov edx, PROT_READ
    mov r10d, MAP_PRIVATE | MAP_POPULATE
    mov r8d, 3
    call map
    mov rdi, rbx
    mov rsi, r13
    mov rdx, rax
    call handle_faults
    jmp search

map_graph_file:
    mov rsi, r13
    mov edx, PROT_READ
    mov r10d, MAP_PRIVATE
    mov r8d, 3
    call map
    mov rbx, rax

search:
    # r14 levels, all UNREACHED
    lea rsi, [r12 + r12]
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    call map
    mov r14, rax
    mov rdi, rax
    mov eax, UNREACHED
    mov rcx, r12
    rep stosw
    # r13 visited, one bit a vertex
    lea rsi, [r12 + 63]
    shr rsi, 6
    shl rsi, 3
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE
    mov r8, -1
    call map
    mov r13, rax

    mov word ptr [r14 + r15 * 2], 0
    mov rax, r15
    shr rax, 6
    mov rdx, [r13 + rax * 8]
    bts rdx, r15
    mov [r13 + rax * 8], rdx
    lea r15, [rbx + r12 * 8 + 8]    # r15 edges
    mov eax, SYS_gettid
    syscall
    xor ebp, ebp                    # ebp current level

next_level:
    xor r8d, r8d                    # r8 a vertex was reached in this level
    xor ecx, ecx                    # rcx vertex
    lea r9d, [rbp + 1]              # r9 level of the vertices it reaches
next_vertex:
    movzx eax, word ptr [r14 + rcx * 2]
    cmp eax, ebp
    jne skip_vertex
    mov rsi, [rbx + rcx * 8]
    mov rdi, [rbx + rcx * 8 + 8]
    lea rsi, [r15 + rsi * 8]
    lea rdi, [r15 + rdi * 8]
    cmp rsi, rdi
    jae skip_vertex
    lea r11, [rsi + 64]
    cmp r11, rdi
    ja last_edges
next_edges:                         # eight at a time, as compilers unroll
.include "bfs_edge.inc"
.include "bfs_edge.inc"
.include "bfs_edge.inc"
.include "bfs_edge.inc"
.include "bfs_edge.inc"
.include "bfs_edge.inc"
.include "bfs_edge.inc"
.include "bfs_edge.inc"
    lea r11, [rsi + 64]
    cmp r11, rdi
    jbe next_edges
    cmp rsi, rdi
    jae skip_vertex
last_edges:
.include "bfs_edge.inc"
    cmp rsi, rdi
    jb last_edges
skip_vertex:
    inc rcx
    cmp rcx, r12
    jb next_vertex
    mov ebp, r9d
    test r8d, r8d
    jnz next_level
    mov eax, SYS_gettid
    syscall

    mov eax, SYS_write
    mov edi, 4
    mov rsi, r14
    lea rdx, [r12 + r12]
    syscall
    xor edi, edi
    lea rcx, [r12 + r12]
    cmp rax, rcx
    setne dil
    mov eax, SYS_exit_group
    syscall

.include "paging.s"
