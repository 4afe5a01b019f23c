# UFFDIO_COPY and UFFDIO_ZEROPAGE: the pages they bring in, and what they refuse.

.include "pff.inc"
.include "calls.inc"

# map: buf 32K rw
# map: plain 32K rw
# map: source 32K rw
# uffd: buf missing
.text
copy:
    mov esi, UFFDIO_COPY
    lea rdx, [rip + args]
    jmp ioctl
zeropage:
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + args]
    jmp ioctl

# test: COPY brings in a page with the source's bytes
# expect: rax == 0 and mem64[args + 32] == 4096 and mem64[buf] == 0x1122 and mem64[buf + 4088] == 0x3344
# expect: present[buf] == 1 and present[buf + 4096] == 0
# count: page_installed == 1
    mov qword ptr [source], 0x1122
    mov qword ptr [source + 4088], 0x3344
    call copy
.data
args: .quad buf, source, 4096, 0, 0

# test: COPY reads the source at any alignment
# param: offset = 1, 7, 2048, 4095
# expect: rax == 0 and mem8[buf] == 5 and mem8[buf + 4095] == 6
    mov byte ptr [source + offset], 5
    mov byte ptr [source + offset + 4095], 6
    call copy
.data
args: .quad buf, source + offset, 4096, 0, 0

# test: COPY brings in several pages
# expect: rax == 0 and mem64[args + 32] == 12288
# expect: mem8[buf] == 1 and mem8[buf + 4096] == 2 and mem8[buf + 8192] == 3 and present[buf + 12288] == 0
# count: page_installed == 3
    mov byte ptr [source], 1
    mov byte ptr [source + 4096], 2
    mov byte ptr [source + 8192], 3
    call copy
.data
args: .quad buf, source, 12288, 0, 0

# test: a page that COPY brought in can be written, and the source does not change
# expect: mem8[buf] == 9 and mem8[source] == 5
# count: faults == 1
    mov byte ptr [source], 5
    call copy
    mov byte ptr [buf], 9
.data
args: .quad buf, source, 4096, 0, 0

# test: ZEROPAGE brings in zeros
# expect: rax == 0 and mem64[args + 24] == 8192 and mem64[buf] == 0 and mem64[buf + 8184] == 0
# expect: present[buf + 4096] == 1 and present[buf + 8192] == 0
# count: page_installed == 2
    call zeropage
.data
args: .quad buf, 8192, 0, 0

# test: a write to a page of ZEROPAGE is copied from the zero page
# expect: mem8[buf] == 9 and mem8[buf + 4096] == 0
# CHECK: installed address=buf
# CHECK: refused address=buf error=P|W|U
# CHECK: minor copy address=buf
    call zeropage
    mov byte ptr [buf], 9
    mov al, [buf + 4096]
.data
args: .quad buf, 8192, 0, 0

# test: COPY onto a page that is there is EEXIST and leaves it as it was
# expect: rbp == 0 and rax == -EEXIST and mem64[args + 32] == -EEXIST and mem8[buf] == 7
    call copy
    mov rbp, rax
    mov byte ptr [buf], 7
    call copy
.data
args: .quad buf, source, 4096, 0, 0

# test: ZEROPAGE onto a page that is there is EEXIST and leaves it as it was
# expect: rbp == 0 and rax == -EEXIST and mem64[args + 24] == -EEXIST and mem8[buf] == 7
    call zeropage
    mov rbp, rax
    mov byte ptr [buf], 7
    call zeropage
.data
args: .quad buf, 4096, 0, 0

# test: COPY that meets a present page later says how far it came and returns EAGAIN
# expect: rbp == 0 and rax == -EAGAIN and mem64[args + 32] == 8192 and present[buf + 12288] == 0
    add qword ptr [rip + args], 8192
    call copy
    mov rbp, rax
    sub qword ptr [rip + args], 8192
    mov qword ptr [rip + args + 16], 16384
    call copy
.data
args: .quad buf, source, 4096, 0, 0

# test: ZEROPAGE that meets a present page later says how far it came and returns EAGAIN
# expect: rbp == 0 and rax == -EAGAIN and mem64[args + 24] == 8192 and present[buf + 12288] == 0
    add qword ptr [rip + args], 8192
    call zeropage
    mov rbp, rax
    sub qword ptr [rip + args], 8192
    mov qword ptr [rip + args + 8], 16384
    call zeropage
.data
args: .quad buf, 4096, 0, 0

# test: COPY refuses a target that is not whole pages, empty, or outside user space
# param: to, length = (0x10000001, 4096), (0x10000000, 4095), (0x10000000, 0), (0x7ffffffff000, 8192), (-4096, 4096)
# expect: rax == -EINVAL and present[buf] == 0 and mem64[args + 32] == 0
    call copy
.data
args: .quad to, source, length, 0, 0

# test: ZEROPAGE refuses a target that is not whole pages, empty, or outside user space
# param: to, length = (0x10000001, 4096), (0x10000000, 4095), (0x10000000, 0), (0x7ffffffff000, 8192), (-4096, 4096)
# expect: rax == -EINVAL and present[buf] == 0 and mem64[args + 24] == 0
    call zeropage
.data
args: .quad to, length, 0, 0

# test: COPY refuses a source that wraps around
# expect: rax == -EINVAL and present[buf] == 0
    call copy
.data
args: .quad buf, -4095, 4096, 0, 0

# test: COPY refuses unknown modes and those that are not modelled
# param: mode = 2, 3, 4, 8
# expect: rax == -EINVAL and present[buf] == 0
    call copy
.data
args: .quad buf, source, 4096, mode, 0

# test: ZEROPAGE refuses unknown modes
# param: mode = 2, 3, 4
# expect: rax == -EINVAL and present[buf] == 0
    call zeropage
.data
args: .quad buf, 4096, mode, 0

# test: COPY outside a registered range is ENOENT
# param: to = 0x10100000, 0x20000000
# expect: rax == -ENOENT and mem64[args + 32] == -ENOENT
    call copy
.data
args: .quad to, source, 4096, 0, 0

# test: ZEROPAGE outside a registered range is ENOENT
# param: to = 0x10100000, 0x20000000
# expect: rax == -ENOENT and mem64[args + 24] == -ENOENT
    call zeropage
.data
args: .quad to, 4096, 0, 0

# test: COPY beyond the end of a registered mapping is ENOENT and brings nothing in
# expect: rax == -ENOENT and present[buf + 28672] == 0
    call copy
.data
args: .quad buf + 28672, source, 8192, 0, 0

# test: COPY from where nothing is mapped is EFAULT and brings nothing in
# expect: rax == -EFAULT and mem64[args + 32] == -EFAULT and present[buf] == 0
    call copy
.data
args: .quad buf, 0x20000000, 4096, 0, 0

# test: COPY from a source that ends in the middle brings in what it could
# expect: rax == -EAGAIN and mem64[args + 32] == 4096 and present[buf] == 1 and present[buf + 4096] == 0
    call copy
.data
args: .quad buf, source + 28672, 8192, 0, 0

# test: a fill with a bad pointer is EFAULT
# param: request = UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_WAKE
# expect: rax == -EFAULT
    mov esi, request
    mov edx, 8
    call ioctl
.data
args: .quad 0

# test: a fill whose answer cannot be written is EFAULT, but the page is there
# map: frozen 4K rw
# expect: rax == -EFAULT and present[buf] == 1
    mov eax, buf
    mov [frozen], rax
    mov qword ptr [frozen + 8], 4096
    mov eax, SYS_mprotect
    mov edi, frozen
    mov esi, 4096
    mov edx, PROT_READ
    syscall
    mov esi, UFFDIO_ZEROPAGE
    mov edx, frozen
    call ioctl
.data
args: .quad 0

# test: COPY brings a page into a read-only mapping, which stays read-only
# raises: SIGSEGV addr=buf at touch
# expect: rax == 0 and mem8[buf] == 5
    mov byte ptr [source], 5
    mov eax, SYS_mprotect
    mov edi, buf
    mov esi, 32768
    mov edx, PROT_READ
    syscall
    call copy
touch: mov byte ptr [buf], 1
.data
args: .quad buf, source, 4096, 0, 0

# test: COPY goes through its steps in Linux's order
# CHECK: step UFFDIO_COPY copy_from_user
# CHECK-NEXT: step UFFDIO_COPY validate
# CHECK-NEXT: page-fault address=source user=0
# CHECK-NEXT: minor zero address=source
# CHECK-NEXT: installed address=buf
# CHECK-NEXT: step UFFDIO_COPY mfill
# CHECK-NEXT: step UFFDIO_COPY put_user
# CHECK-NEXT: step UFFDIO_COPY wake
# CHECK-NEXT: returned ioctl result=0x0
    call copy
.data
args: .quad buf, source, 4096, 0, 0

# test: WAKE of a range that no thread waits for succeeds and wakes none
# expect: rax == 0
# count: wakes == 0
    mov esi, UFFDIO_WAKE
    lea rdx, [rip + args]
    call ioctl
.data
args: .quad buf, 4096

# test: WAKE refuses a range that is not whole pages, empty, or outside user space
# param: to, length = (0x10000001, 4096), (0x10000000, 4095), (0x10000000, 0), (-4096, 4096)
# expect: rax == -EINVAL
    mov esi, UFFDIO_WAKE
    lea rdx, [rip + args]
    call ioctl
.data
args: .quad to, length

# test: an owned page is freed and used again: DONTNEED loses its content
# expect: rbx == 5 and rcx == 0
    mov byte ptr [source], 5
    call copy
    movzx ebx, byte ptr [buf]
    mov eax, SYS_madvise
    mov edi, buf
    mov esi, 4096
    mov edx, MADV_DONTNEED
    syscall
    mov byte ptr [source], 0
    call copy
    movzx ecx, byte ptr [buf]
.data
args: .quad buf, source, 4096, 0, 0
