# Write protection, minor faults, poison and pages that move: WRITEPROTECT, CONTINUE, POISON, MOVE.

.include "pff.inc"

# forward: on

.text
# Answers every fault with the ioctl in `request`, whose structure starts with the page it was called for.
handler:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r11
    mov rax, [rsp + 48 + 32]
    and rax, -4096
    mov [rip + argument], rax
    mov esi, [rip + request]
    lea rdx, [rip + argument]
    call on_uffd
    mov [rip + answer], rax
    pop r11
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    add rsp, 8
    uiret

on_uffd:
    mov rdi, [rip + uffd]
    mov eax, SYS_ioctl
    syscall
    ret

protect:
    mov esi, UFFDIO_WRITEPROTECT
    lea rdx, [rip + protection]
    call on_uffd
    ret

.data
.balign 8
request:    .quad UFFDIO_WRITEPROTECT
argument:   .quad 0, 4096, 0, 0, 0
answer:     .quad -1
protection: .quad buf, 4096, UFFDIO_WRITEPROTECT_MODE_WP
source:     .quad 0

# test: a store to a write-protected page is forwarded, and goes on when the handler lifts the protection
# map: buf 16K rw
# uffd: buf wp
# at stored: mem8[buf] == 1
# expect: mem8[buf] == 1 and mem8[buf + 1] == 2 and mem64[answer] == 0
# expect: frame.rip == stored and frame.address == buf + 1 and frame.error == P|W|U
# count: forwarded == 1 and wakes == 0
    mov byte ptr [buf], 1
    call protect
    mov al, [buf]
stored: mov byte ptr [buf + 1], 2

# test: a load of a write-protected page does not fault
# map: buf 16K rw
# uffd: buf wp
# expect: al == 1
# count: faults == 1
    mov byte ptr [buf], 1
    call protect
    mov al, [buf]

# test: with UIF=0 the kernel tells of a write-protected page with the flags WRITE and WP
# map: buf 16K rw
# uffd: buf wp
# CHECK: message address=buf flags=0x3
# deadlock: userfaultfd 3 to bring in 0x10000001
    mov byte ptr [buf], 1
    call protect
    clui
    mov byte ptr [buf + 1], 2

# test: WRITEPROTECT without its mode bit lets stores through again
# map: buf 16K rw
# uffd: buf wp
# expect: mem8[buf] == 2 and rax == 0
# count: forwarded == 0
    mov byte ptr [buf], 1
    call protect
    mov qword ptr [rip + protection + 16], 0
    call protect
    mov byte ptr [buf], 2

# test: WRITEPROTECT without its mode bit wakes threads that wait to store, unless told not to
# map: buf 16K rw
# uffd: buf wp
# cpus: 2
# thread: storer
# param: mode, woken = (0, 1), (UFFDIO_WRITEPROTECT_MODE_DONTWAKE, 0)
# expect: mem8[buf] == 1 + woken
# count: wakes == woken
# CHECK: blocked page
    mov byte ptr [buf], 1
    call protect
    mov dword ptr [rip + source], 1
    mov ecx, 90000
1:  loop 1b
    mov qword ptr [rip + protection + 16], mode
    call protect
    mov ecx, 90000
1:  loop 1b
    jmp out
storer:
    cmp dword ptr [rip + source], 0
    je storer
    mov byte ptr [buf], 2
    mov eax, SYS_exit
    syscall
out: nop

# test: WRITEPROTECT refuses a bad range, a bad mode, and what is not registered for it
# map: buf 16K rw
# map: other 4K rw
# uffd: buf missing
# param: start, length, mode, errno = ("buf", 4096, 1, ENOENT), ("other", 4096, 1, ENOENT), ("buf + 1", 4096, 1, EINVAL), ("buf", 0, 1, EINVAL), ("buf", 4096, 4, EINVAL), ("buf", 4096, 3, EINVAL)
# expect: rax == -errno
    mov rax, {start}
    mov [rip + protection], rax
    mov qword ptr [rip + protection + 8], length
    mov qword ptr [rip + protection + 16], mode
    call protect

# test: COPY with MODE_WP brings the page in write-protected
# map: buf 16K rw
# map: origin 4K rw
# uffd: buf missing wp
# expect: rax == 0 and mem8[buf] == 7 and frame.error == P|W|U and mem8[buf + 1] == 2
# count: forwarded == 1
    mov byte ptr [origin], 7
    lea rdx, [rip + argument]
    mov qword ptr [rdx], buf
    mov qword ptr [rdx + 8], origin
    mov qword ptr [rdx + 16], 4096
    mov qword ptr [rdx + 24], UFFDIO_COPY_MODE_WP
    mov esi, UFFDIO_COPY
    call on_uffd
    mov qword ptr [rip + argument + 8], 4096
    mov qword ptr [rip + argument + 16], 0
    mov byte ptr [buf + 1], 2

# test: COPY with MODE_WP needs a range registered for write protection
# map: buf 16K rw
# map: origin 4K rw
# uffd: buf missing
# expect: rax == -EINVAL and mem64[argument + 32] == -EINVAL
    mov byte ptr [origin], 7
    lea rdx, [rip + argument]
    mov qword ptr [rdx], buf
    mov qword ptr [rdx + 8], origin
    mov qword ptr [rdx + 16], 4096
    mov qword ptr [rdx + 24], UFFDIO_COPY_MODE_WP
    mov esi, UFFDIO_COPY
    call on_uffd

# test: CONTINUE maps a page that the file already has
# map: buf 16K rw shared
# uffd: buf minor
# expect: rax == 5 and mem64[answer] == 0 and mem64[argument + 24] == 4096
# CHECK: kernel address=buf
# CHECK: minor zero address=buf
# CHECK: forward address=buf
# CHECK: installed address=buf
    mov dword ptr [rip + request], UFFDIO_CONTINUE
    clui                                # the MMU cannot know that the file has no page yet
    mov qword ptr [buf], 5
    stui
    mov edi, buf
    mov esi, 4096
    mov edx, MADV_DONTNEED
    mov eax, SYS_madvise
    syscall
    mov rax, [buf]

# test: CONTINUE refuses private memory, and a page the file does not have
# param: rights, kind, errno = ("rw", "missing", EINVAL), ("rw shared", "minor", EFAULT)
# map: buf 16K {rights}
# uffd: buf {kind}
# expect: rax == -errno and mem64[argument + 24] == -errno
    lea rdx, [rip + argument]
    mov qword ptr [rdx], buf
    mov esi, UFFDIO_CONTINUE
    call on_uffd

# test: a poisoned page kills the process that touches it
# map: buf 16K rw
# uffd: buf missing
# raises: SIGBUS addr=buf + 8 at touch
    lea rdx, [rip + argument]
    mov qword ptr [rdx], buf
    mov esi, UFFDIO_POISON
    call on_uffd
    clui
touch: mov al, [buf + 8]

# test: POISON leaves a present page alone
# map: buf 16K rw
# uffd: buf wp
# expect: rax == -EEXIST and mem64[argument + 24] == -EEXIST and mem8[buf] == 1
    mov byte ptr [buf], 1
    lea rdx, [rip + argument]
    mov qword ptr [rdx], buf
    mov esi, UFFDIO_POISON
    call on_uffd

# test: MOVE gives a page from one place to another, without a copy left behind
# map: origin 4K rw
# map: buf 16K rw
# uffd: buf missing
# expect: rax == 0 and mem64[argument + 32] == 4096 and mem64[buf] == 7 and present[origin] == 0
    mov qword ptr [origin], 7
    lea rdx, [rip + argument]
    mov qword ptr [rdx], buf
    mov qword ptr [rdx + 8], origin
    mov qword ptr [rdx + 16], 4096
    mov esi, UFFDIO_MOVE
    call on_uffd

# test: MOVE of a hole is ENOENT, unless holes are allowed
# param: mode, result = (0, -ENOENT), (UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES, 0)
# map: origin 4K rw
# map: buf 16K rw
# uffd: buf missing
# expect: rax == result and present[buf] == 0
    lea rdx, [rip + argument]
    mov qword ptr [rdx], buf
    mov qword ptr [rdx + 8], origin
    mov qword ptr [rdx + 16], 4096
    mov qword ptr [rdx + 24], mode
    mov esi, UFFDIO_MOVE
    call on_uffd
