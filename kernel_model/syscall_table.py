"""System-call number -> (function, number of arguments): the one place that says what exists."""

from __future__ import annotations

from typing import Final

from kernel_model import file_calls, memory_calls, thread_calls, uintr_calls
from kernel_model.syscall import SystemCall
from kernel_model.uapi import Sys

TABLE: Final[dict[int, tuple[SystemCall, int]]] = {
    Sys.READ: (file_calls.read, 3),
    Sys.WRITE: (file_calls.write, 3),
    Sys.CLOSE: (file_calls.close, 1),
    Sys.POLL: (file_calls.poll, 3),
    Sys.MMAP: (memory_calls.mmap, 6),
    Sys.MPROTECT: (memory_calls.mprotect, 3),
    Sys.MUNMAP: (memory_calls.munmap, 2),
    Sys.IOCTL: (file_calls.ioctl, 3),
    Sys.SCHED_YIELD: (thread_calls.sched_yield, 0),
    Sys.MADVISE: (memory_calls.madvise, 3),
    Sys.CLONE: (thread_calls.clone, 5),
    Sys.EXIT: (thread_calls.exit_thread, 1),
    Sys.GETTID: (thread_calls.gettid, 0),
    Sys.FUTEX: (thread_calls.futex, 4),
    Sys.CLOCK_GETTIME: (thread_calls.clock_gettime, 2),
    Sys.EXIT_GROUP: (thread_calls.exit_group, 1),
    Sys.USERFAULTFD: (file_calls.userfaultfd, 1),
    Sys.UINTR_REGISTER_HANDLER: (uintr_calls.register_handler, 2),
    Sys.UINTR_UNREGISTER_HANDLER: (uintr_calls.unregister_handler, 1),
}
NAMES: Final[dict[int, str]] = {number: Sys(number).name.lower() for number in TABLE}
