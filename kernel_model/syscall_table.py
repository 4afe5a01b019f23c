"""System-call number -> (function, number of arguments): the one place that says what exists."""

from __future__ import annotations

from typing import Final

from kernel_model import (
    file_calls,
    identity_calls,
    limit_calls,
    memory_calls,
    poll_calls,
    signal_calls,
    stat_calls,
    thread_calls,
    uintr_calls,
)
from kernel_model.syscall import SystemCall
from kernel_model.uapi import Sys

TABLE: Final[dict[int, tuple[SystemCall, int]]] = {
    Sys.READ: (file_calls.read, 3),
    Sys.WRITE: (file_calls.write, 3),
    Sys.CLOSE: (file_calls.close, 1),
    Sys.POLL: (poll_calls.poll, 3),
    Sys.MMAP: (memory_calls.mmap, 6),
    Sys.MPROTECT: (memory_calls.mprotect, 3),
    Sys.MUNMAP: (memory_calls.munmap, 2),
    Sys.PREAD64: (file_calls.pread64, 4),
    Sys.PWRITE64: (file_calls.pwrite64, 4),
    Sys.PREADV: (file_calls.preadv, 4),
    Sys.PWRITEV: (file_calls.pwritev, 4),
    Sys.LSEEK: (file_calls.lseek, 3),
    Sys.BRK: (memory_calls.brk, 1),
    Sys.IOCTL: (file_calls.ioctl, 3),
    Sys.WRITEV: (file_calls.writev, 3),
    Sys.READV: (file_calls.readv, 3),
    Sys.FSTAT: (stat_calls.fstat, 2),
    Sys.NEWFSTATAT: (stat_calls.newfstatat, 4),
    Sys.READLINK: (stat_calls.readlink, 3),
    Sys.SCHED_YIELD: (thread_calls.sched_yield, 0),
    Sys.MADVISE: (memory_calls.madvise, 3),
    Sys.CLONE: (thread_calls.clone, 5),
    Sys.EXIT: (thread_calls.exit_thread, 1),
    Sys.GETTID: (thread_calls.gettid, 0),
    Sys.GETPID: (identity_calls.getpid, 0),
    Sys.GETUID: (identity_calls.root_id, 0),
    Sys.GETGID: (identity_calls.root_id, 0),
    Sys.GETEUID: (identity_calls.root_id, 0),
    Sys.GETEGID: (identity_calls.root_id, 0),
    Sys.UNAME: (identity_calls.uname, 1),
    Sys.SYSINFO: (identity_calls.sysinfo, 1),
    Sys.GETRANDOM: (identity_calls.getrandom, 3),
    Sys.ARCH_PRCTL: (identity_calls.arch_prctl, 2),
    Sys.SET_TID_ADDRESS: (identity_calls.set_tid_address, 1),
    Sys.SET_ROBUST_LIST: (identity_calls.set_robust_list, 2),
    Sys.RSEQ: (identity_calls.rseq, 4),
    Sys.GETRLIMIT: (limit_calls.getrlimit, 2),
    Sys.SETRLIMIT: (limit_calls.setrlimit, 2),
    Sys.PRLIMIT64: (limit_calls.prlimit64, 4),
    Sys.RT_SIGACTION: (signal_calls.rt_sigaction, 4),
    Sys.RT_SIGPROCMASK: (signal_calls.rt_sigprocmask, 4),
    Sys.RT_SIGRETURN: (signal_calls.rt_sigreturn, 0),
    Sys.RT_SIGPENDING: (signal_calls.rt_sigpending, 2),
    Sys.RT_SIGTIMEDWAIT: (signal_calls.rt_sigtimedwait, 4),
    Sys.RT_SIGQUEUEINFO: (signal_calls.rt_sigqueueinfo, 3),
    Sys.RT_TGSIGQUEUEINFO: (signal_calls.rt_tgsigqueueinfo, 4),
    Sys.RT_SIGSUSPEND: (signal_calls.rt_sigsuspend, 2),
    Sys.SIGALTSTACK: (signal_calls.sigaltstack, 2),
    Sys.PAUSE: (signal_calls.pause, 0),
    Sys.KILL: (signal_calls.kill, 2),
    Sys.TKILL: (signal_calls.tkill, 2),
    Sys.TGKILL: (signal_calls.tgkill, 3),
    Sys.FUTEX: (thread_calls.futex, 4),
    Sys.CLOCK_GETTIME: (thread_calls.clock_gettime, 2),
    Sys.EXIT_GROUP: (thread_calls.exit_group, 1),
    Sys.USERFAULTFD: (file_calls.userfaultfd, 1),
    Sys.UINTR_REGISTER_HANDLER: (uintr_calls.register_handler, 2),
    Sys.UINTR_UNREGISTER_HANDLER: (uintr_calls.unregister_handler, 1),
}
# calls that charge what they do themselves
COSTED: Final = frozenset({Sys.READ, Sys.POLL, Sys.IOCTL})
NAMES: Final[dict[int, str]] = {number: Sys(number).name.lower() for number in TABLE}
