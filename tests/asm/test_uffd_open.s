# userfaultfd(), UFFDIO_API, close, and the calls on a number that is not a descriptor.

.include "pff.inc"

.text
open_plain:
    mov eax, SYS_userfaultfd
    mov edi, O_CLOEXEC
    syscall
    mov rbx, rax
    ret
call_api:
    mov eax, SYS_ioctl
    mov rdi, rbx
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    syscall
    ret
.data
.balign 8
api: .quad UFFD_API, 0, 0

# test: userfaultfd gives the lowest free descriptor
# mode: uffd, pff
# expect: rax == 3
    call open_plain

# test: without userfaultfd in the kernel the call is ENOSYS
# mode: kernel
# expect: rax == -ENOSYS
    call open_plain

# test: userfaultfd takes its known flags
# param: bits = 0, 1, 0x800, 0x80000, 0x80801
# expect: rax == 3
    mov eax, SYS_userfaultfd
    mov edi, bits
    syscall

# test: userfaultfd refuses other flags
# param: bits = 2, 4, 0x400, 0x100000
# expect: rax == -EINVAL
    mov eax, SYS_userfaultfd
    mov edi, bits
    syscall

# test: descriptors are reused, the lowest first
# expect: rax == 3 and rbp == 4
    call open_plain
    call open_plain
    mov rbp, rax
    mov eax, SYS_close
    mov edi, 3
    syscall
    call open_plain

# test: UFFDIO_API answers with features and ioctls
# expect: rax == 0 and mem64[api] == UFFD_API and mem64[api + 8] == 0x1ffff
# expect: mem64[api + 16] == 1 << 0 | 1 << 1 | 1 << 0x3f
    call open_plain
    call call_api

# test: UFFDIO_API takes the features it has
# param: features = 1, 0x10, 0x100, 0x800, 0x901, 0x1ffff
# expect: rax == 0
    call open_plain
    mov qword ptr [rip + api + 8], features
    call call_api

# test: UFFDIO_API with an unknown feature is EINVAL and zeroes the structure
# param: features = 0x20000, 0x20900, 0x40000000
# expect: rax == -EINVAL and mem64[api] == 0 and mem64[api + 8] == 0 and mem64[api + 16] == 0
    call open_plain
    mov qword ptr [rip + api + 8], features
    call call_api

# test: UFFDIO_API with another version is EINVAL and zeroes the structure
# param: version = 0, 0xa9, 0xab
# expect: rax == -EINVAL and mem64[api] == 0
    call open_plain
    mov qword ptr [rip + api], version
    call call_api

# test: UFFDIO_API works once
# expect: rbp == 0 and rax == -EINVAL
    call open_plain
    call call_api
    mov rbp, rax
    mov qword ptr [rip + api + 8], 0
    call call_api

# test: UFFDIO_API can be tried again after EINVAL
# expect: rbp == -EINVAL and rax == 0
    call open_plain
    mov qword ptr [rip + api], 5
    call call_api
    mov rbp, rax
    mov qword ptr [rip + api], UFFD_API
    call call_api

# test: UFFDIO_API with a bad pointer is EFAULT, and can be repeated
# expect: rbp == -EFAULT and rax == 0
    call open_plain
    mov eax, SYS_ioctl
    mov rdi, rbx
    mov esi, UFFDIO_API
    mov edx, 8
    syscall
    mov rbp, rax
    call call_api

# test: every other ioctl before UFFDIO_API is EINVAL
# param: request = UFFDIO_REGISTER, UFFDIO_UNREGISTER, UFFDIO_WAKE, UFFDIO_ZEROPAGE
# map: buf 4K rw
# expect: rax == -EINVAL
    call open_plain
    mov eax, SYS_ioctl
    mov rdi, rbx
    mov esi, request
    lea rdx, [rip + good]
    syscall
.data
good: .quad buf, 4096, 1, 0

# test: COPY before UFFDIO_API is EINVAL
# map: buf 4K rw
# expect: rax == -EINVAL
    call open_plain
    mov eax, SYS_ioctl
    mov rdi, rbx
    mov esi, UFFDIO_COPY
    lea rdx, [rip + good]
    syscall
.data
good: .quad buf, api, 4096, 0, 0

# test: an unknown ioctl is EINVAL
# param: request = 0, 0xc028aa05, 0x5401, 0xc018aa3e
# expect: rax == -EINVAL
    call open_plain
    call call_api
    mov eax, SYS_ioctl
    mov rdi, rbx
    mov esi, request
    lea rdx, [rip + api]
    syscall

# test: the upper half of an ioctl's number does not matter
# expect: rax == 0
    call open_plain
    mov eax, SYS_ioctl
    mov rdi, rbx
    mov rsi, 0x500000000 + UFFDIO_API
    lea rdx, [rip + api]
    syscall

# test: reading before UFFDIO_API is EINVAL
# expect: rax == -EINVAL
    call open_plain
    mov eax, SYS_read
    mov rdi, rbx
    mov rsi, rsp
    mov edx, 32
    syscall

# test: reading less than a message is EINVAL
# param: size = 0, 1, 31
# expect: rax == -EINVAL
    call open_plain
    call call_api
    mov eax, SYS_read
    mov rdi, rbx
    mov rsi, rsp
    mov edx, size
    syscall

# test: a non-blocking userfaultfd without messages is EAGAIN
# expect: rax == -EAGAIN
    mov eax, SYS_userfaultfd
    mov edi, O_NONBLOCK
    syscall
    mov rbx, rax
    call call_api
    mov eax, SYS_read
    mov rdi, rbx
    lea rsi, [rsp - 64]
    mov edx, 32
    syscall

# test: a blocking userfaultfd without messages sleeps
# deadlock: a message on userfaultfd 3
    call open_plain
    call call_api
    mov eax, SYS_read
    mov rdi, rbx
    lea rsi, [rsp - 64]
    mov edx, 32
    syscall

# test: polling a blocking userfaultfd is POLLERR, a non-blocking one waits for messages
# param: bits, revents, result = (0, POLLERR, 1), (0x800, 0, 0)
# expect: rax == result and mem16[pollfd + 6] == revents
    mov eax, SYS_userfaultfd
    mov edi, bits
    syscall
    mov [rip + pollfd], eax
    mov rbx, rax
    call call_api
    mov eax, SYS_poll
    lea rdi, [rip + pollfd]
    mov esi, 1
    xor edx, edx
    syscall
.data
pollfd: .long 0
        .word POLLIN, 0

# test: polling a userfaultfd before UFFDIO_API is POLLERR
# expect: rax == 1 and mem16[pollfd + 6] == POLLERR
    mov eax, SYS_userfaultfd
    mov edi, O_NONBLOCK
    syscall
    mov [rip + pollfd], eax
    mov eax, SYS_poll
    lea rdi, [rip + pollfd]
    mov esi, 1
    xor edx, edx
    syscall
.data
pollfd: .long 0
        .word POLLIN, 0

# test: writing to a userfaultfd is EBADF: it is open for reading
# expect: rax == -EBADF
    call open_plain
    mov eax, SYS_write
    mov rdi, rbx
    mov rsi, rsp
    mov edx, 8
    syscall

# test: calls on a descriptor that is not open are EBADF
# param: call = "SYS_read", "SYS_write", "SYS_close", "SYS_ioctl"
# param: fd = 3, -1, 1000
# expect: rax == -EBADF
    mov eax, {call}
    mov rdi, fd
    mov rsi, rsp
    mov edx, 8
    syscall

# test: an ioctl on a file that has none is ENOTTY
# expect: rax == -ENOTTY
    mov eax, SYS_ioctl
    mov edi, 1
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    syscall
