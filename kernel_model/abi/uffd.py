"""userfaultfd numbers (linux/userfaultfd.h, Linux 6.18) beside uapi's basic ones, and PAGEMAP_SCAN (linux/fs.h)."""

from __future__ import annotations

from typing import Final

FEATURE_PAGEFAULT_FLAG_WP: Final = 1 << 0
FEATURE_EVENT_FORK: Final = 1 << 1
FEATURE_EVENT_REMAP: Final = 1 << 2
FEATURE_EVENT_REMOVE: Final = 1 << 3
FEATURE_MISSING_HUGETLBFS: Final = 1 << 4
FEATURE_MISSING_SHMEM: Final = 1 << 5
FEATURE_EVENT_UNMAP: Final = 1 << 6
FEATURE_SIGBUS: Final = 1 << 7
FEATURE_THREAD_ID: Final = 1 << 8
FEATURE_MINOR_HUGETLBFS: Final = 1 << 9
FEATURE_MINOR_SHMEM: Final = 1 << 10
FEATURE_EXACT_ADDRESS: Final = 1 << 11
FEATURE_WP_HUGETLBFS_SHMEM: Final = 1 << 12
FEATURE_WP_UNPOPULATED: Final = 1 << 13
FEATURE_POISON: Final = 1 << 14
FEATURE_WP_ASYNC: Final = 1 << 15
FEATURE_MOVE: Final = 1 << 16
FEATURE_DIRECTED: Final = 1 << 60  # pffemu's additions
FEATURE_DAEMON: Final = 1 << 59
FEATURE_ZEROPAGE_WRITE: Final = 1 << 61
FEATURE_POLICY: Final = 1 << 62
FEATURE_UPCALL: Final = 1 << 63
FEATURES: Final = (1 << 17) - 1  # all of them: what UFFDIO_API reports

EVENT_PAGEFAULT: Final = 0x12
EVENT_FORK: Final = 0x13
EVENT_REMAP: Final = 0x14
EVENT_REMOVE: Final = 0x15
EVENT_UNMAP: Final = 0x16

PAGEFAULT_FLAG_WRITE: Final = 1
PAGEFAULT_FLAG_WP: Final = 2
PAGEFAULT_FLAG_MINOR: Final = 4

MODE_MISSING: Final = 1
MODE_WP: Final = 2
MODE_MINOR: Final = 4
MODES: Final = 7

DONTWAKE: Final = 1  # of COPY, ZEROPAGE, CONTINUE, POISON, MOVE
COPY_MODE_WP: Final = 2
ZEROPAGE_MODE_WRITE: Final = 1 << 63  # with FEATURE_ZEROPAGE_WRITE: a page of its own, which a store finds writable
CONTINUE_MODE_WP: Final = 2
WRITEPROTECT_MODE_WP: Final = 1
WRITEPROTECT_MODE_DONTWAKE: Final = 2
MOVE_MODE_ALLOW_SRC_HOLES: Final = 2
DIRECT_ZERO: Final = 1  # kinds of DIRECT
DIRECT_MAP: Final = 2
DIRECT_COPY: Final = 3
DIRECT_READ: Final = 1  # its rights
DIRECT_WRITE: Final = 2
DIRECT_WP: Final = 1  # its flags: pages come in write-protected
DONATE_EACH: Final = 0xFFFF_FFFF  # DONATE's core: each of them

NR_REGISTER: Final = 0x00
NR_UNREGISTER: Final = 0x01
NR_WAKE: Final = 0x02
NR_COPY: Final = 0x03
NR_ZEROPAGE: Final = 0x04
NR_MOVE: Final = 0x05
NR_WRITEPROTECT: Final = 0x06
NR_CONTINUE: Final = 0x07
NR_POISON: Final = 0x08
NR_API: Final = 0x3F

POLICY_NONE: Final = 0  # of UFFDIO_POLICY
POLICY_ZERO: Final = 1
POLICY_COPY: Final = 2
POLICY_MAP: Final = 3
POLICY_SYNC: Final = 4  # not a policy: write dirty pages back to the source
POLICY_EVICT_FIFO: Final = 0
POLICY_EVICT_CLOCK: Final = 1

_WRITE, _READ = 1, 2


def ioc(direction: int, kind: int, number: int, size: int) -> int:
    """_IOC of asm-generic/ioctl.h."""
    return direction << 30 | size << 16 | kind << 8 | number


API: Final = ioc(_READ | _WRITE, 0xAA, NR_API, 24)
REGISTER: Final = ioc(_READ | _WRITE, 0xAA, NR_REGISTER, 32)
UNREGISTER: Final = ioc(_READ, 0xAA, NR_UNREGISTER, 16)
WAKE: Final = ioc(_READ, 0xAA, NR_WAKE, 16)
COPY: Final = ioc(_READ | _WRITE, 0xAA, NR_COPY, 40)
ZEROPAGE: Final = ioc(_READ | _WRITE, 0xAA, NR_ZEROPAGE, 32)
MOVE: Final = ioc(_READ | _WRITE, 0xAA, NR_MOVE, 40)
WRITEPROTECT: Final = ioc(_READ | _WRITE, 0xAA, NR_WRITEPROTECT, 24)
CONTINUE: Final = ioc(_READ | _WRITE, 0xAA, NR_CONTINUE, 32)
POISON: Final = ioc(_READ | _WRITE, 0xAA, NR_POISON, 32)
UPCALL: Final = ioc(_READ, 0xAA, 0x30, 8)  # pffemu's additions; the argument is the handler's address, or the frame's
UPCALL_RETURN: Final = ioc(_READ, 0xAA, 0x31, 96)
POLICY: Final = ioc(_WRITE, 0xAA, 0x32, 40)
DAEMON: Final = ioc(_WRITE, 0xAA, 0x33, 16)
EVICT: Final = ioc(_WRITE, 0xAA, 0x34, 16)
DIRECT: Final = ioc(_READ | _WRITE, 0xAA, 0x20, 72)  # directed resolution (docs/hardware-resolution.md)
REVOKE: Final = ioc(_WRITE, 0xAA, 0x21, 8)
DONATE: Final = ioc(_READ | _WRITE, 0xAA, 0x22, 32)
DRAIN: Final = ioc(_READ | _WRITE, 0xAA, 0x23, 32)
RINGS: Final = ioc(_READ | _WRITE, 0xAA, 0x24, 40)
USERFAULTFD_IOC_NEW: Final = ioc(0, 0xAA, 0, 0)  # of /dev/userfaultfd

API_IOCTLS: Final = 1 << NR_REGISTER | 1 << NR_UNREGISTER | 1 << NR_API
RANGE_IOCTLS: Final = (
    1 << NR_WAKE | 1 << NR_COPY | 1 << NR_ZEROPAGE | 1 << NR_MOVE | 1 << NR_WRITEPROTECT | 1 << NR_CONTINUE
    | 1 << NR_POISON
)  # fmt: skip
