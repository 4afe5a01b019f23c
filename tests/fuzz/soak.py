"""python -m tests.fuzz.soak [MINUTES]: one guest that never ends; the host's memory must not grow with its faults.

Two threads touch all pages of a mapping and give them back, a timer interrupts them, a child is forked, touches pages
of its own and exits, round after round. After a warm-up, resident memory is measured without Python's garbage.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import Final

from guest.paths import INCLUDE
from pffemu import Machine, Mode, assemble
from pffemu.events.hw import WalkRefused
from pffemu.events.kernel import ProcessExited
from pffemu.machine.stop import BudgetUsedUp
from tests.fuzz.batch import Nowhere
from tests.fuzz.runner import resident

_PAGES: Final = 256
_REGION: Final = 0x1000_0000
_STEP: Final = 10_000  # instructions between two looks at the clock
_WARM: Final = 0.2  # of the time, before memory is measured
LIMIT: Final = 1 << 20  # bytes that memory may grow by for a million faults
_SLACK: Final = 1 << 20  # bytes: what one look may differ from another for other reasons

SOURCE: Final = f"""
.include "pff.inc"
.text
_start:
    mov eax, SYS_rt_sigaction
    mov edi, SIGALRM
    lea rsi, [rip + action]
    xor edx, edx
    mov r10d, 8
    syscall
    mov eax, SYS_setitimer
    xor edi, edi
    lea rsi, [rip + interval]
    xor edx, edx
    syscall
    mov eax, SYS_clone
    mov edi, 0x10f00
    lea rsi, [rip + stack_top]
    syscall
    test eax, eax
    jz thread
    mov ebx, {_REGION:#x}
    call make
again:
    mov ebx, {_REGION:#x}
    call round
    mov eax, SYS_fork
    syscall
    test eax, eax
    jz child
wait:
    mov edi, -1
    mov eax, SYS_wait4
    lea rsi, [rip + status]
    xor edx, edx
    xor r10d, r10d
    syscall
    cmp rax, -4
    je wait
    jmp again
child:
    mov ebx, {_REGION:#x}
    mov ebp, 8
    call touch
    mov eax, SYS_exit_group
    xor edi, edi
    syscall
thread:
    mov ebx, {2 * _REGION:#x}
    call make
1:  mov ebx, {2 * _REGION:#x}
    call round
    jmp 1b
make:
    mov eax, SYS_mmap
    mov edi, ebx
    mov esi, {_PAGES * 4096}
    mov edx, 3
    mov r10d, 0x32
    mov r8, -1
    xor r9d, r9d
    syscall
    ret
round:
    mov ebp, {_PAGES}
    call touch
    mov eax, SYS_madvise
    mov edi, ebx
    mov esi, {_PAGES * 4096}
    mov edx, 4
    syscall
    ret
touch:
    mov rcx, rbx
1:  inc qword ptr [rcx]
    add rcx, 4096
    dec ebp
    jnz 1b
    ret
on_alarm:
    inc qword ptr [rip + alarms]
    ret
back:
    mov eax, SYS_rt_sigreturn
    syscall
.data
alarms: .quad 0
status: .quad 0
interval: .quad 0, 1000, 0, 1000
action: .quad on_alarm, SA_RESTORER, back, 0
.bss
.balign 16
stack: .zero 8192
stack_top: .zero 16
"""


def soak(seconds: float, mode: Mode = Mode.UFFD) -> tuple[int, int, int]:
    """Run for so long; (faults, forks, bytes by which resident memory grew) after the warm-up."""
    machine = Machine(ram=64 << 20, cpus=2, mode=mode, stdout=Nowhere(), stderr=Nowhere())
    machine.load(assemble(SOURCE, include_dirs=(INCLUDE,)))
    started = time.monotonic()
    _run_until(machine, started + seconds * _WARM)
    before = _measured(machine)
    _run_until(machine, started + seconds)
    after = _measured(machine)
    return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def _run_until(machine: Machine, end: float) -> None:
    while True:
        stop = machine.run(_STEP)
        assert isinstance(stop, BudgetUsedUp), stop
        if time.monotonic() >= end:
            return


def _measured(machine: Machine) -> tuple[int, int, int]:
    gc.collect()
    return machine.events.counts[WalkRefused], machine.events.counts[ProcessExited], resident()


def grew_too_much(faults: int, grown: int) -> bool:
    return grown > _SLACK + LIMIT * faults / 1e6


def main(arguments: list[str]) -> int:
    faults, forks, grown = soak(60 * float(arguments[0]) if arguments else 600)
    per_million = grown / max(faults, 1) * 1e6 / (1 << 20)
    print(f"{faults:,} faults, {forks:,} forks, {grown >> 10:,} KiB more: {per_million:.2f} MiB a million faults")
    return int(grew_too_much(faults, grown))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
