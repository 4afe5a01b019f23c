"""Locks of an address space between two threads: one changes areas, the other's page faults look at them.

Under Linux 6.0's locking all of it meets in mmap_lock; under 6.18's only what concerns the same area.
"""

from __future__ import annotations

from collections import Counter

import pytest

from kernel_model.abi.mman import MADV_DOFORK, MADV_DONTFORK, MADV_POPULATE_WRITE
from pffemu import Exited
from pffemu.timing import load_profile
from pffemu.timing.locking import Locking
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
OWN_RANGE = f"mov edi, {TOUCHED}\nmov esi, 0x1000\n"  # in the area of the faults
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


def waits(body: str, prepare: str = "", locking: Locking = Locking.LINUX_6_0) -> Counter[str]:
    """Cycles that either waited for a lock, by its name, while one thread faulted and the other repeated `body`."""
    text = GUEST.format(area=AREA, touched=TOUCHED, pages=PAGES, rounds=ROUNDS, body=body, prepare=prepare)
    done = run(plain_guest(text, DATA), cpus=2, locking=locking)
    assert done.stop == Exited(0)
    charged: Counter[str] = Counter()
    for cpu in done.machine.cpus:
        for ledger in cpu.ledgers.values():
            charged.update(ledger.units)
        cpu.check_accounts()
    return Counter({name: units for name, units in charged.items() if name.endswith("_lock")})


@pytest.mark.parametrize("writer", WRITERS)
def test_a_page_fault_and_a_change_of_the_address_space_wait_for_each_other(writer: str) -> None:
    assert waits(WRITERS[writer], OPEN if writer == "register" else "")["wait.mmap_lock"] > ROUNDS * LINE


@pytest.mark.parametrize("reader", READERS)
def test_a_page_fault_and_a_call_that_only_looks_or_discards_wait_for_the_cache_line_at_most(reader: str) -> None:
    assert waits(READERS[reader])["wait.mmap_lock"] < ROUNDS * LINE


def test_a_call_without_memory_waits_for_no_lock() -> None:
    assert not waits(call("getppid"))


@pytest.mark.parametrize("writer", sorted(WRITERS.keys() - {"fork"}))
def test_with_locks_of_areas_a_fault_waits_for_no_change_of_another_area(writer: str) -> None:
    assert not waits(WRITERS[writer], OPEN if writer == "register" else "", Locking.LINUX_6_18)


@pytest.mark.parametrize("locking", Locking)
def test_a_fault_waits_for_changes_of_its_own_area_under_every_locking(locking: Locking) -> None:
    own = call("mprotect", OWN_RANGE + "mov edx, PROT_READ") + call("mprotect", OWN_RANGE + "mov edx, 3")
    found = waits(own, locking=locking)
    assert found["wait.mmap_lock"] > 0
    assert found.total() > ROUNDS * LINE


def test_fork_locks_every_area() -> None:
    assert waits(FORK, locking=Locking.LINUX_6_18)["wait.mmap_lock"] > ROUNDS * LINE


def test_munmap_lets_faults_go_on_while_it_frees_pages() -> None:
    """It is a reader of mmap_lock then, so that a fault does not wait for all that it frees."""
    pages = 64
    place = f"mov edi, {AREA}\nmov esi, {pages * 4096}\n"
    mapped = place + "call map_there\n" + call("madvise", place + f"mov edx, {MADV_POPULATE_WRITE}")
    more = waits(mapped + call("munmap", place))["wait.mmap_lock"] - waits(mapped)["wait.mmap_lock"]
    assert more < ROUNDS * load_profile().cycles_of("kernel.page.free", pages) // 2
