# read, write, close, poll on ordinary descriptors, and calls that do not exist.

.include "pff.inc"
# map: buf 16K rw

# test: write puts bytes on standard output and error
# param: fd, out, err = (1, "abc", ""), (2, "", "abc")
# expect: rax == 3 and stdout == "{out}" and stderr == "{err}"
    mov eax, SYS_write
    mov edi, fd
    lea rsi, [rip + text]
    mov edx, 3
    syscall
.data
text: .ascii "abc"

# test: write of nothing writes nothing
# expect: rax == 0 and stdout == ""
    mov eax, SYS_write
    mov edi, 1
    lea rsi, [rip + test.begin]
    xor edx, edx
    syscall

# test: write of unmapped memory is EFAULT
# param: at = 8, 0x800000000000, -8
# expect: rax == -EFAULT and stdout == ""
    mov eax, SYS_write
    mov edi, 1
    mov rsi, at
    mov edx, 8
    syscall

# test: read takes standard input piece by piece, then 0
# stdin: "abcde"
# expect: rbx == 3 and rbp == 2 and rax == 0 and mem8[buf] == 0x61 and mem8[buf + 8] == 0x64 and mem8[buf + 10] == 0
    xor eax, eax
    xor edi, edi
    mov esi, buf
    mov edx, 3
    syscall
    mov rbx, rax
    xor eax, eax
    mov esi, buf + 8
    syscall
    mov rbp, rax
    xor eax, eax
    syscall

# test: reading standard output and writing standard input are EBADF
# param: call, fd = ("SYS_read", 1), ("SYS_write", 0)
# expect: rax == -EBADF
    mov eax, {call}
    mov edi, fd
    mov esi, buf
    mov edx, 1
    syscall

# test: a closed descriptor is EBADF
# expect: rbx == 0 and rax == -EBADF
    mov eax, SYS_close
    mov edi, 1
    syscall
    mov rbx, rax
    mov eax, SYS_write
    mov esi, buf
    mov edx, 1
    syscall

# test: a descriptor's upper half does not matter
# expect: rax == 1 and stdout == "\0"
    mov al, [buf]
    mov eax, SYS_write
    mov rdi, 0x100000001
    mov esi, buf
    mov edx, 1
    syscall

# test: poll says what is ready
# param: fd, events, revents, ready = (0, 1, 1, 1), (1, 4, 4, 1), (1, 1, 0, 0), (50, 1, 32, 1), (-1, 1, 0, 0)
# expect: rax == ready and mem16[entry + 6] == revents
    mov eax, SYS_poll
    lea rdi, [rip + entry]
    mov esi, 1
    xor edx, edx
    syscall
.data
entry: .long fd
       .word events, 0xffff

# test: poll of too many descriptors is EINVAL, with a bad pointer EFAULT
# param: at, count, errno = (0x10000000, 2000000000, EINVAL), (8, 1, EFAULT)
# expect: rax == -errno
    mov eax, SYS_poll
    mov rdi, at
    mov rsi, count
    xor edx, edx
    syscall

# test: poll of nothing waits until its time is over
# expect: rax == 0
# CHECK: blocked poll
# CHECK: woken tid=1
    mov eax, SYS_poll
    xor edi, edi
    xor esi, esi
    mov edx, 5
    syscall

# test: poll waits as long as it was told
# expect: rbx >= 5000000 and rbx < 5100000
    mov eax, SYS_clock_gettime
    mov edi, CLOCK_MONOTONIC
    lea rsi, [rip + before]
    syscall
    mov eax, SYS_poll
    xor edi, edi
    xor esi, esi
    mov edx, 5
    syscall
    mov eax, SYS_clock_gettime
    mov edi, CLOCK_MONOTONIC
    lea rsi, [rip + after]
    syscall
    mov rbx, [rip + after + 8]
    sub rbx, [rip + before + 8]
.data
before: .quad 0, 0
after:  .quad 0, 0

# test: a system call that does not exist is ENOSYS and warns with its number
# param: number = 246, 999, 0x10000
# expect: rax == -ENOSYS
# warns: is not modelled: ENOSYS
    mov eax, number
    syscall

# test: the same unknown call warns once
# count: warned == 1
# expect: rax == -ENOSYS
    mov eax, 999
    syscall
    mov eax, 999
    syscall

# test: exit_group gives the low byte of its status
# param: given, seen = (0, 0), (7, 7), (255, 255), (256, 0), (-1, 255)
# expect: exit == seen
    mov eax, SYS_exit_group
    mov rdi, given
    syscall

# test: exit of the only thread ends the process
# expect: exit == 9
# CHECK: exited status=9
# CHECK: ended status=9
    mov eax, SYS_exit
    mov edi, 9
    syscall

# test: arguments lie on the stack: count, pointers, null
# arguments: one two
# expect: mem64[rsp] == 3 and mem32[rax] == 0x656e6f and mem64[rsp + 32] == 0
    mov rax, [rsp + 16]
