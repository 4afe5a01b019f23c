"""Linux x86-64 ABI numbers (include/uapi/) of signals, memory, waiting and processes; other files hold the rest."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from kernel_model.abi.errno import Errno as Errno
from kernel_model.abi.errno import LinuxError as LinuxError
from kernel_model.abi.files import O_CLOEXEC as O_CLOEXEC
from kernel_model.abi.files import O_NONBLOCK as O_NONBLOCK
from kernel_model.abi.syscalls import Sys as Sys


class Signal(IntEnum):
    SIGHUP = 1
    SIGINT = 2
    SIGQUIT = 3
    SIGILL = 4
    SIGTRAP = 5
    SIGABRT = 6
    SIGBUS = 7
    SIGFPE = 8
    SIGKILL = 9
    SIGUSR1 = 10
    SIGSEGV = 11
    SIGUSR2 = 12
    SIGPIPE = 13
    SIGALRM = 14
    SIGTERM = 15
    SIGSTKFLT = 16
    SIGCHLD = 17
    SIGCONT = 18
    SIGSTOP = 19
    SIGTSTP = 20
    SIGTTIN = 21
    SIGTTOU = 22
    SIGURG = 23
    SIGXCPU = 24
    SIGXFSZ = 25
    SIGVTALRM = 26
    SIGPROF = 27
    SIGWINCH = 28
    SIGIO = 29
    SIGPWR = 30
    SIGSYS = 31

    @classmethod
    def _missing_(cls, value: object) -> Signal | None:
        """Real-time signals are members too, made when asked for."""
        if not isinstance(value, int) or not 32 <= value <= 64:
            return None
        member = int.__new__(cls, value)
        member._name_, member._value_ = (f"SIGRTMIN+{value - 34}" if value >= 34 else f"SIG{value}"), value
        return member


# mman
PROT_READ: Final = 1
PROT_WRITE: Final = 2
PROT_EXEC: Final = 4
PROT_SEM: Final = 8
MAP_SHARED: Final = 0x01
MAP_PRIVATE: Final = 0x02
MAP_FIXED: Final = 0x10
MAP_ANONYMOUS: Final = 0x20
MAP_NORESERVE: Final = 0x4000
MAP_POPULATE: Final = 0x8000
MAP_FIXED_NOREPLACE: Final = 0x100000
MADV_DONTNEED: Final = 4

# poll
POLLIN: Final = 0x001
POLLPRI: Final = 0x002
POLLOUT: Final = 0x004
POLLERR: Final = 0x008
POLLHUP: Final = 0x010
POLLNVAL: Final = 0x020
POLLRDNORM: Final = 0x040
POLLRDBAND: Final = 0x080
POLLWRNORM: Final = 0x100
POLLWRBAND: Final = 0x200
POLLRDHUP: Final = 0x2000
NFDS_MAX: Final = 1024

# sched (clone)
CLONE_VM: Final = 0x100
CLONE_FS: Final = 0x200
CLONE_FILES: Final = 0x400
CLONE_SIGHAND: Final = 0x800
CLONE_PIDFD: Final = 0x1000
CLONE_PTRACE: Final = 0x2000
CLONE_VFORK: Final = 0x4000
CLONE_PARENT: Final = 0x8000
CLONE_THREAD: Final = 0x10000
CLONE_NEWTIME: Final = 0x80
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x200_0000, 0x400_0000, 0x800_0000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x1000_0000, 0x2000_0000, 0x4000_0000
NAMESPACES: Final = (  # flags that ask for a new namespace
    CLONE_NEWTIME | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID
    | CLONE_NEWNET
)  # fmt: skip
CLONE_SYSVSEM: Final = 0x40000
CLONE_SETTLS: Final = 0x80000
CLONE_PARENT_SETTID: Final = 0x100000
CLONE_CHILD_CLEARTID: Final = 0x200000
CLONE_DETACHED: Final = 0x400000
CLONE_UNTRACED: Final = 0x800000
CLONE_CHILD_SETTID: Final = 0x1000000
CLONE_IO: Final = 0x8000_0000
CLONE_CLEAR_SIGHAND: Final = 0x1_0000_0000
RUSAGE_SELF, RUSAGE_CHILDREN, RUSAGE_THREAD = 0, -1, 1
WNOHANG: Final = 1
WUNTRACED: Final = 2
WEXITED: Final = 4
WCONTINUED: Final = 8
WNOWAIT: Final = 0x100_0000
WNOTHREAD: Final = 0x2000_0000
WALL: Final = 0x4000_0000
WCLONE: Final = 0x8000_0000
P_ALL: Final = 0
P_PID: Final = 1
P_PGID: Final = 2
P_PIDFD: Final = 3

# futex
FUTEX_WAIT: Final = 0
FUTEX_WAKE: Final = 1
FUTEX_REQUEUE: Final = 3
FUTEX_CMP_REQUEUE: Final = 4
FUTEX_WAKE_OP: Final = 5
FUTEX_LOCK_PI: Final = 6
FUTEX_UNLOCK_PI: Final = 7
FUTEX_TRYLOCK_PI: Final = 8
FUTEX_WAIT_BITSET: Final = 9
FUTEX_WAKE_BITSET: Final = 10
FUTEX_WAIT_REQUEUE_PI: Final = 11
FUTEX_CMP_REQUEUE_PI: Final = 12
FUTEX_LOCK_PI2: Final = 13
FUTEX_PRIVATE_FLAG: Final = 128
FUTEX_CLOCK_REALTIME: Final = 256
FUTEX_OP_OPARG_SHIFT: Final = 8

# time
CLOCK_REALTIME: Final = 0
CLOCK_MONOTONIC: Final = 1
CLOCK_PROCESS_CPUTIME_ID: Final = 2
CLOCK_THREAD_CPUTIME_ID: Final = 3
CLOCK_MONOTONIC_RAW: Final = 4
CLOCK_REALTIME_COARSE: Final = 5
CLOCK_MONOTONIC_COARSE: Final = 6
CLOCK_BOOTTIME: Final = 7
CLOCK_TAI: Final = 11
TIMER_ABSTIME: Final = 1

# userfaultfd (linux/userfaultfd.h)
UFFD_USER_MODE_ONLY: Final = 1
UFFD_API: Final = 0xAA
UFFD_FEATURE_MISSING_HUGETLBFS: Final = 1 << 4
UFFD_FEATURE_THREAD_ID: Final = 1 << 8
UFFD_FEATURE_EXACT_ADDRESS: Final = 1 << 11
UFFD_EVENT_PAGEFAULT: Final = 0x12
UFFD_PAGEFAULT_FLAG_WRITE: Final = 1
UFFDIO_REGISTER_MODE_MISSING: Final = 1
UFFDIO_REGISTER_MODE_WP: Final = 2
UFFDIO_REGISTER_MODE_MINOR: Final = 4
UFFDIO_COPY_MODE_DONTWAKE: Final = 1
UFFDIO_COPY_MODE_WP: Final = 2
UFFDIO_ZEROPAGE_MODE_DONTWAKE: Final = 1
UFFDIO_NR_REGISTER: Final = 0x00
UFFDIO_NR_UNREGISTER: Final = 0x01
UFFDIO_NR_WAKE: Final = 0x02
UFFDIO_NR_COPY: Final = 0x03
UFFDIO_NR_ZEROPAGE: Final = 0x04
UFFDIO_NR_API: Final = 0x3F


def _ioc(direction: int, number: int, size: int) -> int:
    """_IOC(direction, 0xAA, number, size) of asm-generic/ioctl.h; direction 1 write, 2 read."""
    return direction << 30 | size << 16 | 0xAA << 8 | number


UFFDIO_API: Final = _ioc(3, UFFDIO_NR_API, 24)
UFFDIO_REGISTER: Final = _ioc(3, UFFDIO_NR_REGISTER, 32)
UFFDIO_UNREGISTER: Final = _ioc(2, UFFDIO_NR_UNREGISTER, 16)
UFFDIO_WAKE: Final = _ioc(2, UFFDIO_NR_WAKE, 16)
UFFDIO_COPY: Final = _ioc(3, UFFDIO_NR_COPY, 40)
UFFDIO_ZEROPAGE: Final = _ioc(3, UFFDIO_NR_ZEROPAGE, 32)

# user interrupts: flags of uintr_register_handler
UINTR_HANDLER_FLAG_WAITING_RECEIVER: Final = 0x1000
UINTR_HANDLER_FLAG_WAITING_SENDER: Final = 0x2000
UINTR_HANDLER_FLAG_FORWARD_PF: Final = 0x10000  # pffemu's addition: deliver this thread's userfaultfd faults to it
XUI_DMA_START: Final = 0x4020_5801  # ioctls of /dev/dma: _IOW('X', 1, struct xui_dma)
XUI_DMA_FORWARD: Final = 0x5802  # _IO('X', 2), the argument is a user vector
XUI_DMA_UNFORWARD: Final = 0x5803
XUI_KB_TIMER_ENABLE: Final = 1  # flag of xui_kb_timer
UINTR_REDZONE: Final = 128  # bytes; what Linux puts in UISTACKADJUST

# auxiliary vector (linux/auxvec.h)
AT_NULL: Final = 0
AT_PHDR: Final = 3
AT_PHENT: Final = 4
AT_PHNUM: Final = 5
AT_PAGESZ: Final = 6
AT_BASE: Final = 7
AT_FLAGS: Final = 8
AT_ENTRY: Final = 9
AT_UID: Final = 11
AT_EUID: Final = 12
AT_GID: Final = 13
AT_EGID: Final = 14
AT_PLATFORM: Final = 15
AT_HWCAP: Final = 16
AT_CLKTCK: Final = 17
AT_SECURE: Final = 23
AT_RANDOM: Final = 25
AT_HWCAP2: Final = 26
AT_EXECFN: Final = 31
AT_MINSIGSTKSZ: Final = 51
