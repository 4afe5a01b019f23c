"""mmap_lock between two threads: one changes the address space, the other's page faults look at it."""

from __future__ import annotations

from collections import Counter

import pytest

from kernel_model.abi.mman import MADV_DOFORK, MADV_DONTFORK
from pffemu import Exited
from pffemu.timing import load_profile
from tests.guest_tools import plain_guest, run

LINE = sum(load_profile().cycles_of(cost) for cost in ("kernel.lock", "kernel.lock.transfer"))
ROUNDS = 40
PAGES = 2000
AREA = 0x2000_0000  # what the first thread changes
TOUCHED = 0x3000_0000  # what the second thread faults in

CALL = "mov eax, SYS_{name}\n{arguments}\nsyscall\ncmp rax, -4096\nja failed\n"


def call(name: str, arguments: str = "") -> str:
    return CALL.format(name=name, arguments=arguments)


def ioctl(request: str, structure: str) -> str:
    return call("ioctl", f"mov rdi, [rip + uffd]\nmov esi, {request}\nlea rdx, [rip + {structure}]")


def mremap(old: int, new: int) -> str:
    return call("mremap", f"mov edi, {AREA}\nmov esi, {old * 4096}\nmov edx, {new * 4096}\nxor r10d, r10d")


FORK = (
    call("fork")
    + "test rax, rax\njz forked\n"
    + call("wait4", "mov edi, -1\nxor esi, esi\nxor edx, edx\nxor r10d, r10d")
)
RANGE = f"mov edi, {AREA}\nmov esi, 0x1000\n"
WRITERS = {
    "register": ioctl("UFFDIO_REGISTER", "registration") + ioctl("UFFDIO_UNREGISTER", "registration"),
    "fork": FORK,
    "mremap": mremap(4, 5) + mremap(5, 4),
    "mprotect": call("mprotect", RANGE + "mov edx, PROT_READ") + call("mprotect", RANGE + "xor edx, edx"),
    "mlock": call("mlock2", RANGE + "mov edx, 1") + call("munlock", RANGE),
    "madvise": call("madvise", RANGE + f"mov edx, {MADV_DONTFORK}")
    + call("madvise", RANGE + f"mov edx, {MADV_DOFORK}"),
}
OPEN = call("userfaultfd", "xor edi, edi") + "mov [rip + uffd], rax\n" + ioctl("UFFDIO_API", "api")
READERS = {
    "discard": call("madvise", RANGE + "mov edx, MADV_DONTNEED"),
    "mincore": call("mincore", RANGE + "lea rdx, [rip + residency]"),
}

GUEST = """
    mov edi, {area}
    mov esi, 0x4000
    call map_there
    mov edi, {touched}
    mov esi, {pages} * 4096
    call map_there
    {prepare}
    mov eax, SYS_clone
    mov edi, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
    lea rsi, [rip + stack + 4096]
    xor edx, edx
    xor r10d, r10d
    xor r8d, r8d
    syscall
    test rax, rax
    jz other
    mov ebx, {rounds}
1:  cmp dword ptr [rip + running], 0
    je 1b
2:  {body}
    imul ecx, ebx, 37               # a pause of another length each time, so that the two do not fall into step
    and ecx, 1023
3:  dec ecx
    jns 3b
    dec ebx
    jnz 2b
    xor edi, edi
    jmp leave_with_edi
other:
    mov dword ptr [rip + running], 1
    mov eax, {touched}
3:  mov cl, [rax]
    add rax, 4096
    cmp rax, {touched} + {pages} * 4096
    jb 3b
4:  pause
    jmp 4b
forked:
    mov eax, SYS_exit_group
    xor edi, edi
    syscall
failed:
    mov edi, 99
    jmp leave_with_edi
map_there:
    mov eax, SYS_mmap
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE
    mov r8, -1
    xor r9d, r9d
    syscall
    ret
"""
DATA = f"""
uffd:         .quad 0
api:          .quad UFFD_API, 0, 0
registration: .quad {AREA}, 0x1000, UFFDIO_REGISTER_MODE_MISSING, 0
running:      .quad 0
residency:    .quad 0
stack:        .zero 4096
"""


def waited(body: str, prepare: str = "") -> int:
    """Cycles that either waited for mmap_lock, while one thread faulted and the other did `body` again and again."""
    text = GUEST.format(area=AREA, touched=TOUCHED, pages=PAGES, rounds=ROUNDS, body=body, prepare=prepare)
    done = run(plain_guest(text, DATA), cpus=2)
    assert done.stop == Exited(0)
    charged: Counter[str] = Counter()
    for cpu in done.machine.cpus:
        for ledger in cpu.ledgers.values():
            charged.update(ledger.units)
        cpu.check_accounts()
    return charged["wait.mmap_lock"]


@pytest.mark.parametrize("writer", WRITERS)
def test_a_page_fault_and_who_changes_the_address_space_wait_for_each_other(writer: str) -> None:
    assert waited(WRITERS[writer], OPEN if writer == "register" else "") > ROUNDS * LINE


@pytest.mark.parametrize("reader", READERS)
def test_a_page_fault_and_who_only_looks_or_discards_wait_for_the_cache_line_at_most(reader: str) -> None:
    assert waited(READERS[reader]) < ROUNDS * LINE


def test_who_does_without_memory_waits_for_nobody() -> None:
    assert waited(call("getppid")) == 0
