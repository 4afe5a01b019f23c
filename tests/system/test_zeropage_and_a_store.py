"""A store after UFFDIO_ZEROPAGE is a second fault; COPY of a zero page, and ZEROPAGE's writable mode, save it."""

from __future__ import annotations

import pytest

from guest.paths import INCLUDE
from guest.workloads import FaultWorkload
from pffemu import Exited, Machine, Mode, assemble
from pffemu.cli.measure import Setup, measure
from pffemu.machine.options import MachineOptions

PAGES = 40


def faults(mode: Mode, *, copy: bool = False, writable_zero: bool = False) -> tuple[int, int]:
    """(faults, cycles a page) of stores to PAGES pages."""
    setup = Setup(MachineOptions(writable_zero=writable_zero))
    run = measure(FaultWorkload(PAGES, write=True, copy=copy), mode, setup).summary
    assert run.correct
    return run.counts["faults"], run.cycles // PAGES


def test_both_cures_save_the_second_fault_and_make_forwarding_faster_than_the_kernel() -> None:
    kernel = faults(Mode.KERNEL)
    two, copied, writable = (
        faults(Mode.PFF), faults(Mode.PFF, copy=True), faults(Mode.PFF, writable_zero=True),
    )  # fmt: skip
    assert (kernel[0], two[0], copied[0], writable[0]) == (PAGES, 2 * PAGES, PAGES, PAGES)
    assert writable[1] < copied[1] < kernel[1] < two[1]


ZEROPAGE = """
.include "pff.inc"
.globl _start
_start:
    mov eax, SYS_userfaultfd
    mov edi, O_CLOEXEC
    syscall
    mov ebx, eax
    mov eax, SYS_ioctl
    mov edi, ebx
    mov esi, UFFDIO_API
    lea rdx, [rip + api]
    syscall
    mov eax, SYS_mmap
    mov edi, 0x10000000
    mov esi, 4096
    mov edx, PROT_READ | PROT_WRITE
    mov r10d, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
    mov r8, -1
    xor r9d, r9d
    syscall
    mov eax, SYS_ioctl
    mov edi, ebx
    mov esi, UFFDIO_REGISTER
    lea rdx, [rip + area]
    syscall
    mov eax, SYS_ioctl
    mov edi, ebx
    mov esi, UFFDIO_ZEROPAGE
    lea rdx, [rip + zeropage]
    syscall
    neg eax
    mov edi, eax
    bt qword ptr [rip + api + 8], 61
    jnc 1f
    add edi, 100
1:  mov eax, SYS_exit_group
    syscall
.data
api:  .quad UFFD_API, 0, 0
area: .quad 0x10000000, 4096, 1, 0
zeropage: .quad 0x10000000, 4096, UFFDIO_ZEROPAGE_MODE_WRITE, 0
"""


@pytest.mark.parametrize(("offered", "status"), [(False, 22), (True, 100)])
def test_the_mode_exists_where_the_kernel_says_so(*, offered: bool, status: int) -> None:
    machine = Machine(mode=Mode.UFFD, ram=16 << 20, writable_zero=offered)
    machine.load(assemble(ZEROPAGE, include_dirs=(INCLUDE,)))
    assert machine.run() == Exited(status)  # 22: EINVAL, and no feature; 100: the feature, and no error
