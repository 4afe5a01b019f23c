# mmap, munmap, mprotect, madvise: results and errors (mm/mmap.c, mm/mprotect.c, mm/madvise.c).

.include "pff.inc"
# map: buf 16K rw
.equ ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS

.text
# map(rdi address, rsi bytes, edx protection, r10d flags)
mmap:
    mov eax, SYS_mmap
    mov r8, -1
    xor r9d, r9d
    syscall
    ret

# test: mmap gives zeroed memory that can be read and written
# expect: rax % 4096 == 0 and mem64[rax] == 5 and mem64[rax + 4096] == 0 and rbx == 0
    mov esi, 8192
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, ANONYMOUS
    call mmap
    mov rbx, [rax + 4096]
    mov qword ptr [rax], 5

# test: mmap takes a free hint, and another place when it is taken
# param: hint, taken = (0x20000000, 0), (0x20000123, 0), (0x10000000, 1)
# expect: (rax == hint & -4096) == (taken == 0)
    mov rdi, hint
    mov esi, 4096
    mov edx, PROT_READ
    mov r10d, ANONYMOUS
    call mmap

# test: two mappings lie side by side, the newer one lower
# expect: rbx - rax == 4096
    mov esi, 4096
    mov edx, PROT_READ
    mov r10d, ANONYMOUS
    call mmap
    mov rbx, rax
    xor edi, edi
    call mmap

# test: MAP_POPULATE brings every page in without a fault
# expect: present[rax] == 1 and present[rax + 12288] == 1
# count: faults == 0 and minor_fault == 0
    mov esi, 16384
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, ANONYMOUS | MAP_POPULATE
    call mmap
    mov qword ptr [rax + 12288], 1

# test: a populated mapping without write permission reads as zero
# expect: rbx == 0
# count: faults == 0
    mov esi, 8192
    mov edx, PROT_READ
    mov r10d, ANONYMOUS | MAP_POPULATE
    call mmap
    mov rbx, [rax + 4096]

# test: MAP_FIXED replaces what is there
# expect: rax == buf and mem64[buf + 4096] == 6 and rbx == 0
    mov qword ptr [buf], 5
    mov qword ptr [buf + 4096], 6
    mov edi, buf
    mov esi, 4096
    mov edx, PROT_READ
    mov r10d, ANONYMOUS | MAP_FIXED
    call mmap
    mov rbx, [buf]

# test: MAP_FIXED_NOREPLACE where something is mapped is EEXIST
# expect: rax == -EEXIST
    mov edi, buf + 4096
    mov esi, 8192
    mov edx, PROT_READ
    mov r10d, ANONYMOUS | MAP_FIXED_NOREPLACE
    call mmap

# test: mmap refuses what Linux refuses
# param: at, length, bits, errno = (0, 0, 0x22, EINVAL), (0, 4096, 0x20, EINVAL), (0x20000001, 4096, 0x32, EINVAL), (0, 0x800000000000, 0x22, ENOMEM), (0x7ffffffff000, 4096, 0x32, ENOMEM)
# expect: rax == -errno
    mov rdi, at
    mov rsi, length
    mov edx, PROT_READ
    mov r10d, bits
    call mmap

# test: more private writable memory than RAM is refused
# expect: rax == -ENOMEM
    mov rsi, 0x10000000000
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, ANONYMOUS
    call mmap

# test: more than RAM can be mapped with MAP_NORESERVE
# expect: s64(rax) > 0
    mov rsi, 0x10000000000
    mov edx, PROT_READ
    mov r10d, ANONYMOUS | MAP_NORESERVE
    call mmap

# test: mmap of a file that is not open is EBADF, of one that cannot be mapped ENODEV
# param: fd, errno = (77, EBADF), (1, ENODEV)
# expect: rax == -errno
    mov eax, SYS_mmap
    mov esi, 4096
    mov edx, PROT_READ
    mov r10d, MAP_PRIVATE
    mov r8d, fd
    syscall

# test: munmap of a part leaves the rest
# raises: SIGSEGV addr=buf+4096 at here
# expect: rax == 0 and rbx == 1 and rcx == 3
    mov byte ptr [buf], 1
    mov byte ptr [buf + 4096], 2
    mov byte ptr [buf + 8192], 3
    mov eax, SYS_munmap
    mov edi, buf + 4096
    mov esi, 4096
    syscall
    movzx ebx, byte ptr [buf]
    movzx ecx, byte ptr [buf + 8192]
here: mov al, [buf + 4096]

# test: munmap refuses what Linux refuses
# param: at, length, result = (0x10000001, 4096, -EINVAL), (0x10000000, 0, -EINVAL), (0x7ffffffff000, 4096, -EINVAL), (0x30000000, 4096, 0)
# expect: rax == result
    mov eax, SYS_munmap
    mov rdi, at
    mov rsi, length
    syscall

# test: munmap counts a started page as whole
# raises: SIGSEGV addr=buf+4095 at here
    mov eax, SYS_munmap
    mov edi, buf
    mov esi, 1
    syscall
here: mov al, [buf + 4095]

# test: mprotect refuses what Linux refuses
# param: at, length, prot, result = (0x10000001, 4096, 1, -EINVAL), (0x10000000, 4096, 16, -EINVAL), (0x30000000, 4096, 1, -ENOMEM), (0x10000000, 0, 1, 0), (0x10000000, 32768, 1, -ENOMEM)
# expect: rax == result
    mov eax, SYS_mprotect
    mov rdi, at
    mov rsi, length
    mov edx, prot
    syscall

# test: MADV_DONTNEED gives zeros again
# expect: rax == 0 and rbx == 0 and mem8[buf + 4096] == 8
    mov byte ptr [buf], 7
    mov byte ptr [buf + 4096], 8
    mov eax, SYS_madvise
    mov edi, buf
    mov esi, 4096
    mov edx, MADV_DONTNEED
    syscall
    movzx ebx, byte ptr [buf]

# test: madvise refuses what Linux refuses
# param: at, length, advice, result = (0x10000001, 4096, 4, -EINVAL), (0x10000000, 4096, 77, -EINVAL), (0x30000000, 4096, 4, -ENOMEM), (0x10000000, 0, 4, 0), (0x10000000, 32768, 4, -ENOMEM)
# expect: rax == result
    mov eax, SYS_madvise
    mov rdi, at
    mov rsi, length
    mov edx, advice
    syscall

# test: memory calls cannot write where the guest may not
# param: call = "SYS_read", "SYS_clock_gettime"
# map: frozen 4K r
# stdin: "abc"
# expect: rax == -EFAULT and mem8[frozen] == 0
    mov cl, [frozen]
    mov eax, {call}
    xor edi, edi
    mov esi, frozen
    mov edx, 3
    syscall
