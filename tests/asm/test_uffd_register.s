# UFFDIO_REGISTER and UFFDIO_UNREGISTER: what they refuse, what they change, what the MMU is told.

.include "pff.inc"
.include "calls.inc"
.equ BASE, 0x10000000

# map: first 4K rw at 0x0fff0000
# map: buf 32K rw
# uffd: first missing
.text
register:
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + area]
    jmp ioctl
unregister:
    mov esi, UFFDIO_UNREGISTER
    lea rdx, [rip + area]
    jmp ioctl

# test: REGISTER tells which ioctls work on the range
# expect: rax == 0 and mem64[area + 24] == 0x13c
    call register
.data
area: .quad BASE, 32768, 1, 0

# test: REGISTER tells the MMU by MMIO: tag, mode, start, end, command
# expect: rax == 0 and uffd_regions == 2
# CHECK: syscall ioctl
# CHECK-NEXT: mmio uffd_mmio write offset=0x20 size=8
# CHECK-NEXT: mmio uffd_mmio write offset=0x28 size=8 value=0x1
# CHECK-NEXT: mmio uffd_mmio write offset=0x0 size=8 value=0x10000000
# CHECK-NEXT: mmio uffd_mmio write offset=0x8 size=8 value=0x10008000
# CHECK-NEXT: mmio uffd_mmio write offset=0x10 size=8 value=0x1
# CHECK-NEXT: mmio uffd_mmio read offset=0x18 size=8 value=0x0
# CHECK-NEXT: returned ioctl result=0x0
    call register
.data
area: .quad BASE, 32768, 1, 0

# test: under plain userfaultfd the MMU's table stays empty
# mode: uffd
# expect: rax == 0 and uffd_regions == 0
# count: mmio == 0
    call register
.data
area: .quad BASE, 32768, 1, 0

# test: REGISTER refuses a range that is not whole pages, empty, or outside user space
# param: start, length = (0x10000000 + 1, 4096), (0x10000000, 4095), (0x10000000, 0), (0x7ffffffff000, 8192), (-4096, 4096), (0x10000000, -4096)
# expect: rax == -EINVAL and uffd_regions == 1 and mem64[area + 24] == 0
    call register
.data
area: .quad start, length, 1, 0

# test: REGISTER refuses no mode, unknown modes, and minor faults of private memory
# param: mode = 0, 4, 7, 8
# expect: rax == -EINVAL and uffd_regions == 1
    call register
.data
area: .quad BASE, 4096, mode, 0

# test: REGISTER for write protection offers WRITEPROTECT
# param: mode = 2, 3
# expect: rax == 0 and uffd_regions == 2 and mem64[area + 24] == 0x17c
    call register
.data
area: .quad BASE, 4096, mode, 0

# test: REGISTER where nothing is mapped is EINVAL
# expect: rax == -EINVAL
    call register
.data
area: .quad 0x20000000, 4096, 1, 0

# test: REGISTER with a bad pointer is EFAULT
# param: pointer = 8, 0x7ffffffff000, -8
# expect: rax == -EFAULT
    mov esi, UFFDIO_REGISTER
    mov rdx, pointer
    call ioctl
.data
area: .quad 0

# test: REGISTER of memory another userfaultfd has is EBUSY
# expect: rbp == 0 and rax == -EBUSY and uffd_regions == 2
    call register
    mov rbp, rax
    mov eax, SYS_userfaultfd
    xor edi, edi
    syscall
    mov [rip + uffd], rax
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    call ioctl
    call register
.data
area: .quad BASE, 32768, 1, 0
api:  .quad UFFD_API, 0, 0

# test: REGISTER again of one's own memory succeeds and adds nothing
# expect: rax == 0 and uffd_regions == 2
    call register
    call register
.data
area: .quad BASE, 32768, 1, 0

# test: neighbouring ranges become one region
# expect: rax == 0 and uffd_regions == 2
    call register
    mov rax, BASE + 16384
    mov [rip + area], rax
    call register
.data
area: .quad BASE, 16384, 1, 0

# test: a range over two mappings of different rights registers both
# map: next 8K r at 0x10008000
# expect: rax == 0 and uffd_regions == 2
# count: mmio == 12
    call register
.data
area: .quad BASE, 40960, 1, 0

# test: a range with a hole registers what is there
# map: beyond 8K rw at 0x1000a000
# expect: rax == 0 and uffd_regions == 3
    call register
.data
area: .quad BASE, 0xc000, 1, 0

# test: half a mapping can be registered
# expect: rax == 0
# count: minor_fault == 1 and uffd_messages == 1
# deadlock: to bring in 0x10000000
    call register
    mov al, [buf + 16384]
    mov al, [buf]
.data
area: .quad BASE, 16384, 1, 0

# test: a page that is there already does not fault after REGISTER
# expect: mem8[buf] == 9 and al == 9
# count: uffd_messages == 0
    mov byte ptr [buf], 9
    call register
    mov al, [buf]
.data
area: .quad BASE, 32768, 1, 0

# test: UNREGISTER gives the memory back to the kernel
# expect: rbp == 0 and al == 0 and uffd_regions == 1
# count: uffd_messages == 0 and minor_fault == 1
    call register
    call unregister
    mov rbp, rax
    mov al, [buf]
.data
area: .quad BASE, 32768, 1, 0

# test: UNREGISTER of a part leaves two regions
# expect: rax == 0 and uffd_regions == 3
    call register
    mov rax, BASE + 8192
    mov [rip + area], rax
    mov qword ptr [rip + area + 8], 4096
    call unregister
.data
area: .quad BASE, 32768, 1, 0

# test: UNREGISTER tells the MMU to remove the range
# expect: rax == 0
# CHECK: offset=0x10 size=8 value=0x1
# CHECK: offset=0x0 size=8 value=0x10002000
# CHECK-NEXT: offset=0x8 size=8 value=0x10003000
# CHECK-NEXT: offset=0x10 size=8 value=0x2
    call register
    mov rax, BASE + 8192
    mov [rip + area], rax
    mov qword ptr [rip + area + 8], 4096
    call unregister
.data
area: .quad BASE, 32768, 1, 0

# test: UNREGISTER refuses a range that is not whole pages, empty, or outside user space
# param: start, length = (0x10000000 + 1, 4096), (0x10000000, 4095), (0x10000000, 0), (0x7ffffffff000, 8192), (-4096, 4096)
# expect: rax == -EINVAL
    call unregister
.data
area: .quad start, length

# test: UNREGISTER where nothing is mapped is EINVAL
# expect: rax == -EINVAL
    call unregister
.data
area: .quad 0x20000000, 4096

# test: UNREGISTER of memory that was never registered succeeds
# expect: rax == 0 and uffd_regions == 1
    call unregister
.data
area: .quad BASE, 4096

# test: UNREGISTER with a bad pointer is EFAULT
# expect: rax == -EFAULT
    mov esi, UFFDIO_UNREGISTER
    mov edx, 8
    call ioctl
.data
area: .quad 0

# test: UNREGISTER wakes threads that wait for the range, and the kernel brings the page in
# cpus: 2
# thread: toucher
# expect: mem64[touched] == 1
# count: wakes == 1
    call register
    mov dword ptr [rip + go], 1
1:  mov eax, SYS_sched_yield
    syscall
    inc rbx
    cmp rbx, 2000
    jne 1b
    call unregister
2:  pause
    cmp qword ptr [rip + touched], 0
    je 2b
    jmp out
toucher:
    pause
    cmp dword ptr [rip + go], 0
    je toucher
    mov al, [buf]
    mov qword ptr [rip + touched], 1
3:  jmp 3b
out: nop
.data
area:    .quad BASE, 32768, 1, 0
touched: .quad 0
go:      .quad 0

# test: a full table warns once, and the range is forwarded by bit 58 of its page-table entries
# regions: 1
# warns: the MMU's region table is full: 0x10000000-0x10008000 and what follows is marked in the page tables
# forward: on
# CHECK: forward address=buf (all conditions hold)
# count: forwarded == 1 and uffd_messages == 0
# expect: uffd_regions == 1
    call register
    mov al, [buf]
handler:
.data
area: .quad BASE, 32768, 1, 0

# test: removing the middle of a range from a full table falls back to telling all ranges again
# regions: 2
# expect: rax == 0 and uffd_regions == 2
# CHECK: offset=0x10 size=8 value=0x2
# CHECK-NEXT: offset=0x18 size=8 value=0x2
# CHECK: offset=0x10 size=8 value=0x3
# CHECK: offset=0x0 size=8 value=0xfff0000
# CHECK: offset=0x0 size=8 value=0x10000000
    call register
    mov rax, BASE + 8192
    mov [rip + area], rax
    mov qword ptr [rip + area + 8], 4096
    call unregister
.data
area: .quad BASE, 32768, 1, 0

# test: at exit the MMU forgets the regions of the process
# expect: exit == 0 and uffd_regions == 0
# CHECK: ended status=0
# CHECK: offset=0x10 size=8 value=0x2
    call register
    mov eax, SYS_exit_group
    xor edi, edi
    syscall
.data
area: .quad BASE, 32768, 1, 0
