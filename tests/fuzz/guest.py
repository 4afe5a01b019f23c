"""A guest that makes the system calls of a table, and what the calls find in its memory."""

from __future__ import annotations

import random
import struct
from typing import Final

from guest.paths import INCLUDE
from kernel_model.abi.files import FIOASYNC, O_RDWR
from kernel_model.abi.terminal import (
    TCGETS2,
    TCSETS2,
    TCSETSF2,
    TIOCGDEV,
    TIOCGPKT,
    TIOCGPTN,
    TIOCGPTPEER,
    TIOCSCTTY,
    TIOCSIG,
    TIOCSPTLCK,
)
from kernel_model.abi.uapi import O_NONBLOCK, Sys
from kernel_model.calls.table import TABLE
from pffemu import assemble
from pffemu.asm import Program

ROWS: Final = 400  # calls in one batch
DATA: Final = 0x3000_0000  # two pages that may be read and written, one to be read, one for nothing, then a hole
PAGE: Final = 4096
_FREE: Final = DATA + 3000  # what opens the descriptors uses it
_ENDING: Final = {Sys.EXIT, Sys.EXIT_GROUP, Sys.RT_SIGRETURN}  # they would only shorten the batches
_SLEEPING: Final = {Sys.PAUSE, Sys.RT_SIGSUSPEND, Sys.RT_SIGTIMEDWAIT}
_NUMBERS: Final = sorted(number for number in TABLE if number not in _ENDING | _SLEEPING)
_MASK: Final = (1 << 64) - 1

_SOURCE: Final = f"""
.include "pff.inc"
.text
_start:
    mov edi, {DATA:#x}
    mov eax, SYS_mmap
    mov esi, 4 * 4096
    mov edx, 3
    mov r10d, 0x32
    mov r8, -1
    xor r9d, r9d
    syscall
    cld
    mov edi, {DATA:#x}
    lea rsi, [rip + data]
    mov ecx, 3 * 4096
    rep movsb
    mov eax, SYS_mprotect
    mov edi, {DATA + 2 * PAGE:#x}
    mov esi, 4096
    mov edx, 1
    syscall
    mov eax, SYS_mprotect
    mov edi, {DATA + 3 * PAGE:#x}
    mov esi, 4096
    xor edx, edx
    syscall
next:
    lea rbx, [rip + table]
    mov r12d, 1
    lock xadd [rip + row], r12
    cmp r12, {ROWS}
    jae done
    imul r12, r12, 56
    add rbx, r12
    mov rax, [rbx]
    mov rdi, [rbx + 8]
    mov rsi, [rbx + 16]
    mov rdx, [rbx + 24]
    mov r10, [rbx + 32]
    mov r8, [rbx + 40]
    mov r9, [rbx + 48]
    syscall
    jmp next
done:
    mov eax, SYS_exit_group
    xor edi, edi
    syscall
.data
row: .quad 0
table: .space {ROWS * 56}
data: .space {3 * PAGE}
"""

# Descriptors 3 and up: what there is to do something to, most of it without sleeping.
_OPENED: Final = (
    (Sys.PIPE2, _FREE, O_NONBLOCK), (Sys.EVENTFD2, 1, O_NONBLOCK), (Sys.EPOLL_CREATE1, 0),
    (Sys.SOCKETPAIR, 1, 1 | O_NONBLOCK, 0, _FREE), (Sys.SOCKETPAIR, 1, 2 | O_NONBLOCK, 0, _FREE),
    (Sys.OPENAT, -100, _FREE + 64, O_RDWR), (Sys.OPENAT, -100, _FREE + 72, 0), (Sys.USERFAULTFD, O_NONBLOCK),
    (Sys.IOCTL, 13, 0xC018AA3F, _FREE + 80), (Sys.MEMFD_CREATE, _FREE + 64, 0), (Sys.TIMERFD_CREATE, 1, O_NONBLOCK),
    (Sys.PIPE2, _FREE, 0),
    (Sys.OPENAT, -100, _FREE + 104, O_RDWR | O_NONBLOCK), (Sys.IOCTL, 18, TIOCSPTLCK, _FREE + 96),
    (Sys.IOCTL, 18, TIOCGPTPEER, O_RDWR | O_NONBLOCK), (Sys.IOCTL, 19, TIOCSCTTY, 0),
)  # fmt: skip
OPENED: Final = len(_OPENED)  # rows that open them
_LENGTHS: Final = (PAGE, 2 * PAGE, 4 * PAGE, 1 << 20)
_HOME: Final = (0, *(DATA + page * PAGE for page in (-4, 0, 1, 2, 3, 4, 8, 16)))
# userfaultfd's ioctls (number, bytes) and two of files
_UFFDIO: Final = (
    (0x3F, 24), (0, 32), (1, 16), (2, 16), (3, 40), (4, 32), (5, 40), (6, 24), (7, 32), (8, 32),
)  # fmt: skip
_REQUESTS: Final = (
    *((2 if number in (1, 2) else 3) << 30 | size << 16 | 0xAA << 8 | number for number, size in _UFFDIO),
    0x541B,
    0x5421,
)
# of terminals, with those of the line discipline twice
_TERMINAL: Final = (
    *range(0x5401, 0x5430), *range(0x5401, 0x540C), *range(0x5437, 0x5442), FIOASYNC, TCGETS2, TCSETS2, TCSETSF2,
    TIOCGPTN, TIOCSPTLCK, TIOCGDEV, TIOCSIG, TIOCGPKT,
)  # fmt: skip  # fmt: skip
# argument -> values with a meaning, for calls that would otherwise say EINVAL nearly always
_SENSIBLE: Final = {
    Sys.IOCTL: {1: (*range(3, 22), 18, 19, 19), 2: (*_REQUESTS, *_TERMINAL)},
    Sys.READ: {1: (*range(3, 22), 18, 19)},
    Sys.WRITE: {1: (*range(3, 22), 18, 19)},
    Sys.POLL: {2: (1, 4), 3: (0, 1)},
    Sys.MMAP: {1: _HOME, 2: _LENGTHS, 3: (0, 1, 2, 3, 7), 4: (0x21, 0x22, 0x31, 0x32, 1, 2, 0x8022, 0x100122),
               5: (3, 10, 14, 15, -1), 6: (0, PAGE)},
    Sys.MUNMAP: {1: _HOME, 2: _LENGTHS},
    Sys.MPROTECT: {1: _HOME, 2: _LENGTHS, 3: (0, 1, 3, 7)},
    Sys.MREMAP: {1: _HOME, 2: _LENGTHS, 3: _LENGTHS, 4: (0, 1, 3, 5), 5: _HOME},
    Sys.MADVISE: {1: _HOME, 2: _LENGTHS, 3: (*range(26),)},
    Sys.FUTEX: {2: (*range(14), *range(128, 142)), 3: (0, 1)},
    Sys.FCNTL: {1: (*range(20),), 2: (*range(12), *range(1024, 1040))},
    Sys.EPOLL_CTL: {1: (6, 6, 5), 2: (1, 2, 3), 3: (*range(20),)},
    Sys.CLONE: {1: (0x11, 0x3D0F00, 0x4111, 0x100), 2: (0, DATA + PAGE)},
    Sys.SETITIMER: {1: (0, 1, 2)},
    Sys.RT_SIGACTION: {1: (*range(66),), 4: (8,)},
    Sys.RT_SIGPROCMASK: {1: (0, 1, 2), 4: (8,)},
    Sys.GETSOCKOPT: {1: (7, 8, 9, 10), 2: (1,), 3: (*range(40),)},
}  # fmt: skip
_SIZES: Final = (1, 4, 8, 16, 24, 32, 48, 64, 100, 4095, 4096, 4097, 8192, 65536, 1 << 20, 1 << 30)
_EDGES: Final = (0, 1, 2, 7, 8, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 40, (1 << 63) - 1, 1 << 63, _MASK)
_STRINGS: Final = (
    b"/etc/passwd", b"f", b"d", b"d/..", b"../../../../etc/passwd", b"/proc/self/maps", b"/dev/zero", b"", b"/",
    b"link", b"/proc/self/exe", b"/dev/userfaultfd", b"x" * 300, b"/proc/self/pagemap", b"/dev/urandom", b"d/new",
    b"/proc/self/fd/3", b"/proc/self/mem", b"/proc/self/comm", b"/proc/self/fdinfo", b"/proc/self/task/1/stat",
    b"/proc/self/smaps", b"/proc/sys/vm/swappiness", b"/sys/devices/system/cpu/online", b"/proc/self/clear_refs",
    b"/proc/self/cwd", b"/proc/meminfo", b"/proc/locks", b"/proc/net/tcp", b"/proc/net/unix", b"/proc/sysvipc/shm",
    b"/proc/self/mounts", b"/dev/ptmx", b"/dev/tty", b"/dev/pts/0", b"/dev/pts",
    b"typed\n\x03\x1a\x04\x7f\x15\x17\x16\x12\x13\x11\tmore",
)  # fmt: skip


def program() -> Program:
    """The guest, with an empty table."""
    return assemble(_SOURCE, include_dirs=(INCLUDE,))


def table(source: random.Random) -> bytes:
    """ROWS calls: descriptors are opened, then anything goes."""
    rows = [[*row, *([0] * (7 - len(row)))] for row in _OPENED]
    rows += [_row(source) for _ in range(ROWS - len(rows))]
    return b"".join(struct.pack("<7Q", *(word & _MASK for word in row)) for row in rows)


def data(source: random.Random) -> bytes:
    """Two pages of pointers, sizes, numbers and, here and there, a path."""
    octets = bytearray(b"".join(struct.pack("<Q", _argument(source)) for _ in range(2 * PAGE // 8)))
    for at in (0, 8, 64, 128, 256, 1024, PAGE, PAGE + 8, PAGE + 64):
        if source.random() < 0.6:
            text = source.choice(_STRINGS) + b"\0"
            octets[at : at + len(text)] = text
    free = _FREE - DATA
    names = b"f".ljust(8, b"\0") + b"d".ljust(8, b"\0")
    octets[free : free + 120] = bytes(64) + names + struct.pack("<3Q", 0xAA, 0, 0) + b"/dev/ptmx".ljust(16, b"\0")
    return bytes(octets)


def _row(source: random.Random) -> list[int]:
    number = source.choice(_NUMBERS) if source.random() < 0.97 else source.randrange(600)
    first = source.randrange(20) if source.random() < 0.5 else _argument(source)
    row = [number, first, *(_argument(source) for _ in range(5))]
    if source.random() < 0.7:
        for place, choices in _SENSIBLE.get(number, {}).items():
            row[place] = source.choice(choices)
    return row


def _argument(source: random.Random) -> int:
    kind = source.random()
    if kind < 0.25:
        return source.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, -1, -100)) & _MASK
    if kind < 0.6:
        return _pointer(source)
    if kind < 0.75:
        return source.choice(_SIZES)
    if kind < 0.9:
        return 1 << source.randrange(32) | source.choice((0, 1 << source.randrange(32)))
    return source.choice(_EDGES) if kind < 0.97 else source.getrandbits(64)


def _pointer(source: random.Random) -> int:
    page = source.choice((0, 0, 0, 1, 1, 2, 3, 4))
    where = source.choice((0, 8, 64, 128, 256, 1024, PAGE - 8, PAGE - 1, source.randrange(PAGE)))
    wild = (8, (1 << 47) - PAGE, (1 << 47) - 8, 1 << 47, 0xFFFF_8880_0000_0000, (1 << 64) - 8)
    return DATA + page * PAGE + where if source.random() < 0.9 else source.choice(wild)
