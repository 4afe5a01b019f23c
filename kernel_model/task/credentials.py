"""A thread's credentials (struct cred): its users and groups, and its capabilities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

LAST_CAPABILITY: Final = 40  # CAP_CHECKPOINT_RESTORE
ALL_CAPABILITIES: Final = (1 << LAST_CAPABILITY + 1) - 1
# linux/capability.h
CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID = range(8)
CAP_SETPCAP, CAP_LINUX_IMMUTABLE, CAP_NET_BIND_SERVICE = 8, 9, 10
CAP_IPC_LOCK, CAP_IPC_OWNER, CAP_SYS_RAWIO = 14, 15, 17
CAP_SYS_PTRACE, CAP_SYS_PACCT, CAP_SYS_ADMIN, CAP_SYS_BOOT, CAP_SYS_NICE, CAP_SYS_RESOURCE = 19, 20, 21, 22, 23, 24
CAP_MKNOD, CAP_SYSLOG, CAP_CHECKPOINT_RESTORE = 27, 34, 40
# what the file system user's number grants (CAP_FS_SET)
FILE_CAPABILITIES: Final = sum(
    1 << number
    for number in (
        CAP_CHOWN,
        CAP_DAC_OVERRIDE,
        CAP_DAC_READ_SEARCH,
        CAP_FOWNER,
        CAP_FSETID,
        CAP_LINUX_IMMUTABLE,
        CAP_MKNOD,
        32,
    )
)  # 32: CAP_MAC_OVERRIDE


@dataclass(frozen=True, slots=True)
class Ids:
    """Numbers of a user or of a group. `fs`: the one that file permissions look at."""

    real: int = 0
    effective: int = 0
    saved: int = 0
    fs: int = 0


@dataclass(frozen=True, slots=True)
class Credentials:
    """The first process is root with every capability; sets of capabilities are masks."""

    user: Ids = field(default_factory=Ids)
    group: Ids = field(default_factory=Ids)
    groups: tuple[int, ...] = ()  # supplementary ones
    inheritable: int = 0
    permitted: int = ALL_CAPABILITIES
    effective: int = ALL_CAPABILITIES
    ambient: int = 0

    def has(self, capability: int) -> bool:
        """Whether the capability CAP_* is in force."""
        return bool(self.effective >> capability & 1)

    def may_access(self, uid: int, gid: int, mode: int, wanted: int) -> bool:
        """Whether file permissions grant `wanted` (4 read, 2 write), or CAP_DAC_OVERRIDE does."""
        if self.user.fs == uid:
            mode >>= 6
        elif gid == self.group.fs or gid in self.groups:
            mode >>= 3
        return not wanted & ~mode or self.has(CAP_DAC_OVERRIDE)

    def in_group(self, group: int) -> bool:
        """Linux: in_egroup_p, of System V IPC and POSIX message queues."""
        return group == self.group.effective or group in self.groups
