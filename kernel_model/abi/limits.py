"""Resource limits: RLIMIT_* numbers, and what the first process starts with (asm-generic/resource.h)."""

from __future__ import annotations

from typing import Final

from pffemu.arch.registers import MASK64

INFINITY: Final = MASK64
CPU: Final = 0
MSGQUEUE, NICE, RTPRIO = 12, 13, 14
FSIZE, STACK, NPROC, NOFILE, MEMLOCK, SIGPENDING = 1, 3, 6, 7, 8, 11
COUNT: Final = 16
NR_OPEN: Final = 1 << 20  # fs.nr_open: RLIMIT_NOFILE's ceiling

# include/asm-generic/resource.h; RLIMIT_MEMLOCK and the counts of tasks and signals as for 1 GiB of RAM
_INITIAL: Final[dict[int, tuple[int, int]]] = {
    STACK: (8 << 20, INFINITY),
    4: (0, INFINITY),  # CORE
    NPROC: (4096, 4096),
    NOFILE: (1024, 4096),
    MEMLOCK: (8 << 20, 8 << 20),
    SIGPENDING: (4096, 4096),
    MSGQUEUE: (819_200, 819_200),
    NICE: (0, 0),
    RTPRIO: (0, 0),
}


def initial() -> list[tuple[int, int]]:
    """(soft, hard) by RLIMIT_* number for the first process."""
    return [_INITIAL.get(resource, (INFINITY, INFINITY)) for resource in range(COUNT)]
