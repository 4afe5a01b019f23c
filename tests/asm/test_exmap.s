# /dev/exmap: pages that a program allocates and frees explicitly, in batches (kernel_model/drivers/exmap.py).

.include "pff.inc"
.equ SIZE, 1 << 30                  # of the mapping: far more than the memory
.equ FRAMES, 4

# mode: kernel
.text
# open_exmap(): fd in [fd], 2 interfaces, FRAMES pages of memory, mapped at rbx
open_exmap:
    mov eax, SYS_open
    lea rdi, [rip + path]
    mov esi, 2
    syscall
    mov [rip + fd], rax
    mov esi, EXMAP_SETUP
    lea rdx, [rip + setup]
    call exmap
    test rax, rax
    jnz 1f
    mov eax, SYS_mmap
    xor edi, edi
    mov esi, SIZE
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_SHARED
    mov r8, [rip + fd]
    xor r9d, r9d
    syscall
    mov rbx, rax
1:  ret
exmap:
    mov eax, SYS_ioctl
    mov rdi, [rip + fd]
    syscall
    ret
# act(eax opcode, ecx number of vectors)
act:
    mov [rip + action + 4], eax
    mov [rip + action + 2], cx
    mov esi, EXMAP_ACTION
    lea rdx, [rip + action]
    jmp exmap
.data
.balign 8
fd:     .quad 0
setup:  .long -1, 2
        .quad FRAMES, 0
action: .short 0, 0
        .long 0
        .quad vectors
vectors: .quad 5 | 1 << 52, 1000 | 2 << 52, 7 | 1 << 52, 8 | 1 << 52
path:   .asciz "/dev/exmap"

# test: a batch of pages comes in with one call, and no access faults
# expect: rax == 3 and mem8[rbx + 5 * 4096] == 1 and mem8[rbx + 1001 * 4096] == 2
# count: faults == 0 and kernel_entries == 4
    call open_exmap
    mov eax, EXMAP_ALLOC
    mov ecx, 2
    call act
    mov byte ptr [rbx + 5 * 4096], 1
    mov byte ptr [rbx + 1001 * 4096], 2

# test: a page that is not allocated is a segmentation fault
# raises: SIGSEGV
    call open_exmap
    mov eax, EXMAP_ALLOC
    mov ecx, 1
    call act
    mov al, [rbx + 5 * 4096]
    mov al, [rbx + 6 * 4096]

# test: a freed page is gone, and its frame serves another one of the same interface
# raises: SIGSEGV
# expect: r12 == 3 and r13 == 3 and r14 == 9 and mem8[rbx + 7 * 4096] == 9
# CHECK: evicted address
# CHECK-NEXT: evicted address
# CHECK-NEXT: evicted address
# CHECK-NEXT: returned ioctl result=0x3
    call open_exmap
    mov eax, EXMAP_ALLOC
    mov ecx, 2
    call act
    mov r12, rax
    mov byte ptr [rbx + 1001 * 4096], 9
    mov eax, EXMAP_FREE
    mov ecx, 2
    call act
    mov r13, rax
    mov rax, 7 | 1 << 52
    mov [rip + vectors], rax
    mov eax, EXMAP_ALLOC
    mov ecx, 1
    call act
    movzx r14d, byte ptr [rbx + 7 * 4096]
    mov al, [rbx + 1001 * 4096]

# test: memory that is used up stops the batch, and the rest of the interfaces' frames is found
# expect: r12 == 4 and r13 == -ENOMEM and r14 == 1
    call open_exmap
    mov eax, EXMAP_ALLOC
    mov ecx, 4
    call act
    mov r12, rax
    mov rax, 8 | 1 << 52
    mov [rip + vectors], rax
    mov eax, EXMAP_ALLOC
    mov ecx, 1
    call act
    mov r13, rax
    mov rax, 5 | 1 << 52
    mov [rip + vectors], rax
    mov eax, EXMAP_FREE
    mov ecx, 1
    call act
    mov word ptr [rip + action], 1
    mov rax, 20 | 1 << 52
    mov [rip + vectors], rax
    mov eax, EXMAP_ALLOC
    mov ecx, 1
    call act
    mov r14, rax

# test: allocating a page twice, and freeing one that is not there, do nothing
# expect: r12 == 1 and r13 == 0 and mem8[rbx + 5 * 4096] == 3
    call open_exmap
    mov eax, EXMAP_ALLOC
    mov ecx, 1
    call act
    mov byte ptr [rbx + 5 * 4096], 3
    mov eax, EXMAP_ALLOC
    mov ecx, 1
    call act
    mov r12, rax
    mov rax, 6 | 1 << 52
    mov [rip + vectors], rax
    mov eax, EXMAP_FREE
    mov ecx, 1
    call act
    mov r13, rax

# test: what is not possible is refused
# param: at, given = (0, 2), (4, 3), (2, 0), (2, 513)
# expect: rax == -EINVAL
    call open_exmap
    mov eax, EXMAP_ALLOC
    mov ecx, 1
    call act
    mov word ptr [rip + action + at], given
    mov esi, EXMAP_ACTION
    lea rdx, [rip + action]
    call exmap

# test: pages beyond the mapping, or none, are refused
# param: vector = 1 << 52 | 1 << 18, 5, 2 << 52 | 0x3FFFF
# expect: rax == -EINVAL
    call open_exmap
    mov rax, vector
    mov [rip + vectors], rax
    mov eax, EXMAP_ALLOC
    mov ecx, 1
    call act

# test: setting it up twice is refused
# expect: rax == -EBUSY
    call open_exmap
    mov esi, EXMAP_SETUP
    lea rdx, [rip + setup]
    call exmap

# test: more memory than there is, is refused
# expect: rax == -ENOMEM
    mov qword ptr [rip + setup + 8], 1 << 30
    call open_exmap
