# Policies: the kernel answers the faults of a range by itself, as UFFDIO_POLICY says (kernel_model/uffd/policy.py).

.include "pff.inc"
.include "calls.inc"

# mode: policy
# map: backing 16K rw
# map: buf 16K rw
# map: cached 16K rw shared
# uffd: buf missing wp
# uffd: cached minor
.text
set_policy:
    mov esi, UFFDIO_POLICY
    lea rdx, [rip + policy]
    jmp ioctl
# fill the backing mapping: page i begins with i + 1
fill:
    mov byte ptr [backing], 1
    mov byte ptr [backing + 4096], 2
    mov byte ptr [backing + 8192], 3
    mov byte ptr [backing + 12288], 4
    ret
copy_with_quota:
    call fill
    mov dword ptr [rip + policy + 16], UFFDIO_POLICY_COPY
    mov qword ptr [rip + policy + 24], backing
    mov qword ptr [rip + policy + 32], 2
    jmp set_policy
.data
.balign 8
policy: .quad buf, 16384
        .long UFFDIO_POLICY_ZERO, UFFDIO_POLICY_EVICT_FIFO
        .quad 0, 0
page:   .quad 0, 4096, 0, 0

# test: zero: a load finds the zero page, and nothing but the fault enters the kernel
# expect: rbx == 0
# count: faults == 1 and kernel_entries == 2 and uffd_messages == 0 and wakes == 0 and context_switches == 0
# CHECK: returned ioctl result=0x0
# CHECK-NEXT: refused address=buf+0x8
# CHECK: page-fault address=buf+0x8 user=1
# CHECK-NEXT: minor zero address=buf
# CHECK-NEXT: resumed
    call set_policy
    mov rbx, [buf + 8]

# test: zero: a store finds a page of its own, in one fault
# expect: mem8[buf] == 7
# count: faults == 1
    call set_policy
    mov byte ptr [buf], 7

# test: copy: the page comes from its place in the source
# expect: al == 3 and mem8[buf + 4096] == 9 and mem8[backing + 4096] == 2
# count: faults == 6 and uffd_messages == 0
# CHECK: minor copy address=buf+0x2000
    call copy_with_quota
    mov al, [buf + 8192]
    mov byte ptr [buf + 4096], 9

# test: copy: a source page that is missing comes in first
# expect: al == 0
# CHECK: refused address=buf
# CHECK: page-fault address=backing user=1
# CHECK-NEXT: minor zero address=backing
# CHECK-NEXT: minor copy address=buf
    mov dword ptr [rip + policy + 16], UFFDIO_POLICY_COPY
    mov qword ptr [rip + policy + 24], backing
    call set_policy
    mov al, [buf]

# test: copy: a source out of reach leaves the fault to a reader
# deadlock: userfaultfd
    mov dword ptr [rip + policy + 16], UFFDIO_POLICY_COPY
    call set_policy
    mov al, [buf]

# test: copy: a range cannot be its own source
# deadlock: userfaultfd
    mov dword ptr [rip + policy + 16], UFFDIO_POLICY_COPY
    mov qword ptr [rip + policy + 24], buf
    call set_policy
    mov al, [buf]

# test: map: a page of the cache is mapped, and only faults of that kind are answered
# expect: al == 5 and mem64[policy] == cached
# CHECK: minor cache address=cached
# count: uffd_messages == 0
    mov esi, UFFDIO_UNREGISTER
    mov qword ptr [rip + policy], cached
    lea rdx, [rip + policy]
    call ioctl
    mov byte ptr [cached], 5
    mov eax, SYS_madvise
    mov edi, cached
    mov esi, 4096
    mov edx, MADV_DONTNEED
    syscall
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + registration]
    call ioctl
    mov dword ptr [rip + policy + 16], UFFDIO_POLICY_MAP
    call set_policy
    mov al, [cached]
.data
registration: .quad cached, 16384, UFFDIO_REGISTER_MODE_MINOR, 0

# test: quota: the oldest page leaves, and a dirty one is written back and found again
# expect: al == 9 and cl == 1 and mem8[backing + 4096] == 9 and mem8[backing] == 1
# count: faults == 9 and uffd_messages == 0
# CHECK: minor copy address=buf+0x2000
# CHECK-NEXT: evicted address=buf dirty=0
# CHECK: minor copy address=buf+0x3000
# CHECK-NEXT: evicted address=buf+0x1000 dirty=1
# CHECK: minor copy address=buf+0x1000
# CHECK-NEXT: evicted address=buf+0x2000 dirty=0
    call copy_with_quota
    mov cl, [buf]
    mov byte ptr [buf + 4096], 9
    mov dl, [buf + 8192]
    mov dl, [buf + 12288]
    mov al, [buf + 4096]

# test: sync: dirty pages reach the source and stay, and the next store is noticed
# expect: rbx == 0 and r12 == 9 and mem8[backing + 4096] == 8 and mem8[buf + 4096] == 8
# count: faults == 5
    call fill
    mov dword ptr [rip + policy + 16], UFFDIO_POLICY_COPY
    mov qword ptr [rip + policy + 24], backing
    call set_policy
    mov byte ptr [buf + 4096], 9
    mov dword ptr [rip + policy + 16], UFFDIO_POLICY_SYNC
    call set_policy
    mov rbx, rax
    movzx r12d, byte ptr [backing + 4096]
    mov byte ptr [buf + 4096], 8
    call set_policy

# test: sync: a range without a source has nothing to write to
# expect: rax == -ENOENT
    call set_policy
    mov dword ptr [rip + policy + 16], UFFDIO_POLICY_SYNC
    call set_policy

# test: quota: CLOCK spares a page that was accessed since it last came up
# count: faults == 9
# CHECK: minor copy address=buf+0x3000
# CHECK-NEXT: evicted address=buf dirty=0
# CHECK: minor copy address=buf
# CHECK-NEXT: evicted address=buf+0x2000 dirty=0
    call copy_with_quota
    mov dword ptr [rip + policy + 20], UFFDIO_POLICY_EVICT_CLOCK
    mov qword ptr [rip + policy + 32], 3
    call set_policy
    mov al, [buf]
    mov al, [buf + 4096]
    mov al, [buf + 8192]
    mov al, [buf + 12288]
    mov al, [buf + 4096]
    mov al, [buf]

# test: a system call's access is answered, too
# expect: rax == 1
# count: uffd_messages == 0
    call set_policy
    mov eax, SYS_write
    mov edi, 1
    mov rsi, buf
    mov edx, 1
    syscall

# test: a write-protected page is a reader's business
# deadlock: userfaultfd
    call set_policy
    mov al, [buf]
    mov esi, UFFDIO_WRITEPROTECT
    lea rdx, [rip + protection]
    call ioctl
    mov byte ptr [buf], 1
.data
protection: .quad buf, 4096, UFFDIO_WRITEPROTECT_MODE_WP

# test: without a policy there are messages again
# deadlock: userfaultfd
    call set_policy
    mov dword ptr [rip + policy + 16], UFFDIO_POLICY_NONE
    call set_policy
    mov al, [buf]

# test: what is not possible is refused
# param: at, given, error = (0, 0x10200001, -EINVAL), (0, 0x30000000, -ENOENT), (8, 1 << 30, -ENOENT), (24, 1, -EINVAL), (24, 4096, -EINVAL), (32, 1, -EINVAL)
# expect: rax == error
    mov rax, given
    mov [rip + policy + at], rax
    call set_policy

# test: a policy or an order of eviction that does not exist is refused
# param: at = 16, 20
# expect: rax == -EINVAL
    mov dword ptr [rip + policy + at], 5
    call set_policy

# test: ranges with policies do not overlap
# expect: rbx == 0 and rax == -EEXIST
    call set_policy
    mov rbx, rax
    mov qword ptr [rip + policy + 8], 4096
    call set_policy

# test: other mechanisms do not know the ioctl
# mode: uffd, pff, upcall
# expect: rax == -EINVAL
    call set_policy
