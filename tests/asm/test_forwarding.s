# When a page fault is forwarded: every condition of hw/forwarding.py, flipped alone. Both ways for the MMU to know
# userfaultfd memory are tried: the region table and bit 58 of the page-table entry.

.include "pff.inc"
.equ ADDRESS_AT, 32
.equ VECTOR_BYTES, 8
.include "zeropage.inc"

# map: buf 16K rw
# uffd: buf missing
# forward: on

# test: with all conditions the fault is forwarded, and the kernel never entered for it
# param: lookup = "default", "pte-bit"
# cpu: {lookup}
# CHECK: refused address=buf+0x8 error=U
# CHECK-NEXT: forward address=buf+0x8 (all conditions hold)
# CHECK-NOT: page-fault
# CHECK-NOT: message
# expect: rax == 0 and uif == 1
# count: forwarded == 1 and kernel_entries == 1
    mov rax, [buf + 8]

# test: UIF=0 sends the fault to the kernel
# param: lookup = "default", "pte-bit"
# cpu: {lookup}
# state: uif=0
# CHECK: kernel address=buf (UIF=0)
# CHECK-NEXT: page-fault address=buf user=1
# CHECK-NEXT: message address=buf flags=0x0
# deadlock: with UIF=0: a page fault inside the user-interrupt handler is not forwarded
# count: forwarded == 0 and uffd_messages == 1
    mov al, [buf]

# test: CLUI sends the fault to the kernel
# CHECK: kernel address=buf (UIF=0)
# deadlock: userfaultfd
    clui
    mov al, [buf]

# test: STUI after CLUI forwards again
# count: forwarded == 1
# expect: al == 0
    clui
    stui
    mov al, [buf]

# test: RFLAGS.IF=0 sends the fault to the kernel
# regs: rflags=0x2
# CHECK: kernel address=buf (RFLAGS.IF=0)
# deadlock: userfaultfd
    mov al, [buf]

# test: CR4.UINTR=0 sends the fault to the kernel
# state: cr4_uintr=0
# CHECK: kernel address=buf (CR4.UINTR=0)
# deadlock: userfaultfd
    mov al, [buf]

# test: forwarding_enabled without bit 14 sends the fault to the kernel
# param: bits = 0, (1<<256)-1-(1<<14), 1<<13, 1<<15
# state: forwarding_enabled=bits
# CHECK: kernel address=buf (enabled[14]=0)
# deadlock: userfaultfd
    mov al, [buf]

# test: forwarding_active without bit 14 sends the fault to the kernel
# param: bits = 0, (1<<256)-1-(1<<14), 1<<13, 1<<15
# state: forwarding_active=bits
# CHECK: kernel address=buf (active[14]=0)
# deadlock: userfaultfd
    mov al, [buf]

# test: bit 14 of both registers is enough
# state: forwarding_enabled=1<<14 forwarding_active=1<<14
# count: forwarded == 1
# expect: uif == 1
    mov al, [buf]

# test: registration set bit 14 of both registers and nothing else
# expect: forwarding_enabled == 1 << 14 and forwarding_active == 1 << 14
    nop

# test: the first and the last byte of a region are inside
# param: offset = 0, 0x3fff
# count: forwarded == 1
# expect: frame.address == buf + offset
    mov al, [buf + offset]

# test: the byte below a region and the one above are outside
# param: lookup = "default", "pte-bit"
# param: at = 0xfffffff, 0x10004000
# cpu: {lookup}
# map: below 4K rw at 0x0ffff000
# map: above 4K rw at 0x10004000
# CHECK: kernel address={{.*}} (no UFFD region of this address space)
# CHECK: minor zero
# count: forwarded == 0 and uffd_messages == 0
# expect: rax == 0
    mov al, [at]

# test: a region of another address space is not ours
# state: region_tag=4096
# CHECK: kernel address=buf (no UFFD region of this address space)
# deadlock: userfaultfd
    mov al, [buf]

# test: a region with tag 0 belongs to every address space
# state: region_tag=0
# count: forwarded == 1
# expect: uif == 1
    mov al, [buf]

# test: a region for write-protection does not cover a missing page
# param: access = "mov al, [buf]", "mov [buf], al"
# state: region_mode=2
# CHECK: kernel address=buf (region's mode does not cover this fault)
# deadlock: userfaultfd
    {access}

# test: a region for missing pages does not cover a protection fault
# param: lookup = "default", "pte-bit"
# cpu: {lookup}
# CHECK: forward address=buf
# CHECK: refused address=buf error=P|W|U
# CHECK-NEXT: kernel address=buf ({{.*}})
# CHECK: minor copy address=buf
# expect: mem8[buf] == 5
# count: forwarded == 1
    mov al, [buf]
    mov byte ptr [buf], 5

# test: a write-protect region forwards a protection fault of a write
# state: region_mode=3
# CHECK: forward address=buf (all
# CHECK: forward address=buf (all
# expect: mem64[handled_result] == -EEXIST
# budget: 200
# budget-used-up
    mov al, [buf]
    mov byte ptr [buf], 5

# test: a read-only region's write is a protection fault for the kernel, not for the handler
# CHECK: kernel address=buf (region's mode
# raises: SIGSEGV addr=buf at touch
# count: forwarded == 1
    mov al, [buf]
    mov eax, SYS_mprotect
    mov edi, buf
    mov esi, 4096
    mov edx, PROT_READ
    syscall
touch: mov byte ptr [buf], 5

# test: a jump into a missing page of a region is forwarded as a fetch
# map: code 4K rwx
# uffd: code missing
# CHECK: refused address=code error=U|I rip=code
# CHECK-NEXT: forward address=code
# expect: frame.error == U | I and frame.rip == code
# raises: SIGSEGV
    mov rax, code
    jmp rax

# test: a jump into a page that may not be executed goes to the kernel
# CHECK: refused address=buf error=P|U|I
# CHECK-NEXT: kernel address=buf (region's mode
# raises: SIGSEGV addr=buf
    mov al, [buf]
    mov eax, buf
    jmp rax

# test: a mapping without rights is not a region: a touch is a segmentation fault, which no handler could resolve
# map: none 4K ---
# uffd: none missing
# raises: SIGSEGV addr=none
# CHECK: refused address=none error=U
# CHECK-NEXT: kernel address=none
    mov al, [none]

# test: with the PTE bit a mapping without rights is forwarded until the page is brought in
# cpu: pte-bit
# map: none 4K ---
# uffd: none missing
# raises: SIGSEGV addr=none
# CHECK: refused address=none error=U
# CHECK-NEXT: forward address=none
# at handler: frame.address == none
    mov al, [none]

# test: a page brought into a mapping without rights stays unreadable
# map: none 4K ---
# uffd: none missing
# expect: rax == 0 and present[none] == 0
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zero]
    syscall
.data
zero: .quad none, 4096, 0, 0

# test: an access of the kernel to a missing page is never forwarded
# param: lookup = "default", "pte-bit"
# param: call, first = ("SYS_clock_gettime", 1), ("SYS_read", 0), ("SYS_write", 1)
# cpu: {lookup}
# stdin: "xxxxxxxx"
# deadlock: on behalf of a system call
# CHECK: page-fault address=buf user=0
# CHECK-NEXT: message address=buf
# count: forwarded == 0 and mmu_decision == 0
    mov eax, {call}
    mov edi, first
    mov esi, buf
    mov edx, 8
    syscall

# test: a fault inside the handler goes to the kernel
# CHECK: forward address=buf
# CHECK: kernel address=buf+0x1000 (UIF=0)
# deadlock: with UIF=0
# state: uihandler=nested
# count: forwarded == 1
    mov al, [buf]
nested: mov al, [buf + 4096]

# test: after UNREGISTER the fault is the kernel's, which brings in a zero page
# param: lookup = "default", "pte-bit"
# cpu: {lookup}
# CHECK: kernel address=buf (no UFFD region of this address space)
# CHECK: minor zero address=buf
# count: forwarded == 0 and uffd_messages == 0
# expect: rax == 0 and rbx == 0 and uffd_regions == 0
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UNREGISTER
    lea rdx, [rip + range]
    syscall
    mov rbx, rax
    xor eax, eax
    mov al, [buf]
.data
range: .quad buf, 16384

# test: UNREGISTER of the middle leaves both ends forwarded
# param: page = 0..3
# param: lookup = "default", "pte-bit"
# cpu: {lookup}
# count: forwarded == (page == 0 or page == 3)
# expect: uif == 1
    mov eax, SYS_ioctl
    mov rdi, [rip + uffd]
    mov esi, UFFDIO_UNREGISTER
    lea rdx, [rip + range]
    syscall
    mov al, [buf + page * 4096]
.data
range: .quad buf + 4096, 8192

# test: munmap takes the region away, and a new mapping there is ordinary
# param: lookup = "default", "pte-bit"
# cpu: {lookup}
# expect: uffd_regions == 0 and al == 0
# count: forwarded == 0 and uffd_messages == 0 and minor_fault == 1
    mov eax, SYS_munmap
    mov edi, buf
    mov esi, 16384
    syscall
    mov eax, SYS_mmap
    mov edi, buf
    mov esi, 16384
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    xor eax, eax
    mov al, [buf]

# test: mmap with MAP_FIXED over a region takes it away
# param: lookup = "default", "pte-bit"
# cpu: {lookup}
# expect: uffd_regions == 0
# count: forwarded == 0 and minor_fault == 1
    mov eax, SYS_mmap
    mov edi, buf
    mov esi, 16384
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    mov al, [buf]

# test: closing the userfaultfd takes the region away
# param: lookup = "default", "pte-bit"
# cpu: {lookup}
# expect: uffd_regions == 0
# count: forwarded == 0 and minor_fault == 1
    mov eax, SYS_close
    mov rdi, [rip + uffd]
    syscall
    mov al, [buf]

# test: a page dropped by MADV_DONTNEED faults and is forwarded again
# param: lookup = "default", "pte-bit"
# cpu: {lookup}
# expect: mem64[handled] == 2 and rbx == 0
# count: forwarded == 2
    mov al, [buf]
    mov byte ptr [buf], 7
    mov eax, SYS_madvise
    mov edi, buf
    mov esi, 4096
    mov edx, MADV_DONTNEED
    syscall
    xor ebx, ebx
    mov bl, [buf]

# test: mprotect of a missing page leaves it forwarded
# param: lookup = "default", "pte-bit"
# cpu: {lookup}
# count: forwarded == 1
# expect: al == 0
    mov eax, SYS_mprotect
    mov edi, buf
    mov esi, 4096
    mov edx, PROT_READ
    syscall
    mov al, [buf]

# test: after the handler is unregistered the fault is a message
# CHECK: active vector=14 off
# CHECK: kernel address=buf
# deadlock: userfaultfd
# expect: uihandler == 0 and uif == 0 and forwarding_active == 0
    mov eax, SYS_uintr_unregister_handler
    xor edi, edi
    syscall
    mov al, [buf]

# test: a forwarded fault with a handler that is not canonical is #GP and nothing changes
# state: uihandler=0x800000000000
# regs: rbp=rsp
# fault: #GP(0) at touch
# CHECK-NOT: frame
# expect: rsp == rbp
touch: mov al, [buf]

# test: a stack that cannot take the frame makes it an ordinary fault of the stack
# regs: rsp=0x20080
# CHECK: forward address=buf
# CHECK-NEXT: push-failed address=0x1fff8 error=W|U
# CHECK-NEXT: page-fault address=0x1fff8 user=1
# raises: SIGSEGV addr=0x1fff8 at touch
# expect: rsp == 0x20080
touch: mov al, [buf]

# test: a stack page that the kernel brings in lets the fault be forwarded after all
# map: stack 8K rw
# regs: rsp=stack+8192
# CHECK: push-failed address=stack+0x1f78
# CHECK: minor zero address=stack+0x1000
# CHECK: forward address=buf
# CHECK-NEXT: frame size=48
# expect: rsp == stack + 8192 and uif == 1
    mov al, [buf]

# test: of the extended frame over two pages the upper one is pushed to first
# map: stack 8K rw
# regs: rsp=stack+4096+16
# state: uistackadjust=0
# CHECK: push-failed address=stack+0x1008 error=W|U
# CHECK: push-failed address=stack+0xff8 error=W|U
# CHECK: frame size=48
# expect: frames[0].at == stack + 4096 + 16 - 48
    mov al, [buf]

# test: the extended frame that begins behind the last canonical address is #SS
# regs: rsp=0x800000000010
# state: uistackadjust=0
# fault: #SS(0) at touch
# expect: rsp == 0x800000000010
touch: mov al, [buf]

# test: a user interrupt comes with RFLAGS.IF=0, a forwarded fault does not
# regs: rflags=0x2
# state: uirr=1<<5
# expect: frame.vector == 5 and frame.size == 32
# CHECK: kernel address=buf (RFLAGS.IF=0)
# deadlock: userfaultfd
    mov al, [buf]
