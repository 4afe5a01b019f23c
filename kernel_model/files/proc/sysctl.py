"""/proc/sys (fs/proc/proc_sysctl.c): values of the model. What is written is kept and shown.

It has an effect in vm.dirty_*, vm.drop_caches and what limits or numbers System V objects only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel_model.abi import utsname
from kernel_model.abi.aio import AIO_MAX_NR
from kernel_model.abi.ipc import ID_BITS
from kernel_model.abi.limits import NR_OPEN
from kernel_model.abi.mman import MAX_MAP_COUNT
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.inotify import INSTANCES_MAX, QUEUE_MAX, WATCHES_MAX
from kernel_model.files.proc.memory import memory
from kernel_model.files.proc.text import Folder, Text
from kernel_model.files.tree.tree import MOUNTS_MAX
from kernel_model.mm.aio import requested
from kernel_model.mm.reclaim.writeback import BACKGROUND, EXPIRED, LIMIT, PERIOD
from kernel_model.mm.vma import MMAP_MIN
from pffemu.arch.registers import MASK64

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller

PID_MAX: Final = 1 << 22
_THREADS_MAX: Final = 4096
_SHM_MAX: Final = MASK64 - (1 << 24)
_INT_MAX: Final = (1 << 31) - 1


def _number(key: str, value: int, low: int = 0, high: int = _INT_MAX, mode: int = 0o644) -> Text:
    """A decimal number. Writing raises LinuxError EINVAL for other text, and beyond [low, high]."""

    def make(call: Caller) -> str:
        return call.kernel.sysctls.get(key, str(value)) + "\n"

    def store(call: Caller, data: bytes) -> None:
        wanted = _parsed(data, low, high)
        if wanted is not None:
            call.kernel.sysctls[key] = str(wanted)

    writable = store if mode & 0o200 else None
    return Text(make, writable, mode, checks_rights=True, seeks_end=True, at_once=True, refusal=Errno.EINVAL)


def _parsed(data: bytes, low: int, high: int) -> int | None:
    """The number that was written; None: only white space. Raises LinuxError EINVAL."""
    word = data.split(b"\0")[0].split()[:1]
    if not word:
        return None
    try:
        wanted = int(word[0], 0)
    except ValueError:
        raise LinuxError(Errno.EINVAL) from None
    if not low <= wanted <= high:
        raise LinuxError(Errno.EINVAL)
    return wanted


def _next_id(kind: str) -> Text:
    """kernel.shm_next_id and its like (ipc/ipc_sysctl.c)."""

    def store(call: Caller, data: bytes) -> None:
        wanted = _parsed(data, 0, _INT_MAX)
        if wanted is not None:
            call.kernel.ipc.set_next_id(kind, wanted)

    def make(call: Caller) -> str:
        return f"{call.kernel.ipc.next_id(kind)}\n"

    return Text(make, store, 0o644, checks_rights=True, seeks_end=True, at_once=True)


def _ipc_limit(kind: str) -> Text:
    """kernel.msgmni, kernel.shmmni."""

    def store(call: Caller, data: bytes) -> None:
        wanted = _parsed(data, 0, 1 << ID_BITS)
        if wanted is not None:
            call.kernel.ipc.set_limit(kind, wanted)

    return Text(
        lambda call: f"{call.kernel.ipc.limit(kind)}\n", store, 0o644, checks_rights=True, seeks_end=True, at_once=True
    )


def _computed(make: Callable[[Caller], str]) -> Text:
    """A value that cannot be written."""
    return Text(lambda call: make(call) + "\n", checks_rights=True, seeks_end=True, at_once=True, refusal=Errno.EINVAL)


def _string(key: str, value: str, mode: int = 0o644, size: int = 64) -> Text:
    """A string of at most `size` bytes, up to the first newline."""

    def make(call: Caller) -> str:
        return call.kernel.sysctls.get(key, value) + "\n"

    def store(call: Caller, data: bytes) -> None:
        call.kernel.sysctls[key] = data[:size].split(b"\n")[0].split(b"\0")[0].decode(errors="surrogateescape")

    writable = store if mode & 0o200 else None
    return Text(make, writable, mode, checks_rights=True, seeks_end=True, refusal=Errno.EINVAL)


def _trigger(act: Callable[[Caller, int], None] = lambda _call, _number: None) -> Text:
    """A file that only takes numbers."""

    def store(call: Caller, data: bytes) -> None:
        if not data.strip().isdigit():
            raise LinuxError(Errno.EINVAL)
        act(call, int(data))

    return Text(lambda _call: "", store, 0o200, checks_rights=True, seeks_end=True, at_once=True)


def _open_files(call: Caller) -> str:
    files = {id(file) for process in call.kernel.processes.values() for file in process.files.files()}
    return f"{len(files)}\t0\t{_INT_MAX}"


def _drop_caches(call: Caller, what: int) -> None:
    """1: the clean pages of files on disk that are not mapped; 2 is about slab caches, which do not exist."""
    if what & 1:
        call.kernel.file_memory.drop_all_unused(call.cpu)


VM: Final[Folder] = {
    b"admin_reserve_kbytes": _number("vm.admin_reserve_kbytes", 8192),
    b"compact_memory": _trigger(),
    b"compact_unevictable_allowed": _number("vm.compact_unevictable_allowed", 1, high=1),
    b"compaction_proactiveness": _number("vm.compaction_proactiveness", 20, high=100),
    b"dirty_background_ratio": _number(*BACKGROUND, high=100),
    b"dirty_expire_centisecs": _number(*EXPIRED),
    b"dirty_ratio": _number(*LIMIT, high=100),
    b"dirty_writeback_centisecs": _number(*PERIOD),
    b"drop_caches": _trigger(_drop_caches),
    b"hugetlb_shm_group": _number("vm.hugetlb_shm_group", 0),
    b"laptop_mode": _number("vm.laptop_mode", 0),
    b"legacy_va_layout": _number("vm.legacy_va_layout", 0),
    b"max_map_count": _number("vm.max_map_count", MAX_MAP_COUNT),
    b"memfd_noexec": _number("vm.memfd_noexec", 0, high=2),
    b"min_free_kbytes": _number("vm.min_free_kbytes", 0),
    b"mmap_min_addr": _number("vm.mmap_min_addr", MMAP_MIN, high=(1 << 63) - 1),
    b"mmap_rnd_bits": _number("vm.mmap_rnd_bits", 28, 28, 32, 0o600),
    b"nr_hugepages": _number("vm.nr_hugepages", 0, high=0),
    b"nr_overcommit_hugepages": _number("vm.nr_overcommit_hugepages", 0, high=0),
    b"oom_dump_tasks": _number("vm.oom_dump_tasks", 1),
    b"oom_kill_allocating_task": _number("vm.oom_kill_allocating_task", 0),
    b"overcommit_kbytes": _number("vm.overcommit_kbytes", 0),
    b"overcommit_memory": _number("vm.overcommit_memory", 0, high=2),
    b"overcommit_ratio": _number("vm.overcommit_ratio", 50),
    b"page-cluster": _number("vm.page-cluster", 3, high=31),
    b"panic_on_oom": _number("vm.panic_on_oom", 0, high=2),
    b"swappiness": _number("vm.swappiness", 60, high=200),
    b"unprivileged_userfaultfd": _number("vm.unprivileged_userfaultfd", 0, high=1),
    b"user_reserve_kbytes": _number("vm.user_reserve_kbytes", 0),
    b"vfs_cache_pressure": _number("vm.vfs_cache_pressure", 100),
    b"zone_reclaim_mode": _number("vm.zone_reclaim_mode", 0),
}
KERNEL: Final[Folder] = {
    b"arch": _string("kernel.arch", utsname.MACHINE, 0o444),
    b"cap_last_cap": _number("kernel.cap_last_cap", 40, mode=0o444),
    b"core_pattern": _string("kernel.core_pattern", "core", size=127),
    b"core_uses_pid": _number("kernel.core_uses_pid", 0),
    b"dmesg_restrict": _number("kernel.dmesg_restrict", 0, high=1),
    b"domainname": _string("kernel.domainname", utsname.DOMAIN),
    b"hostname": _string("kernel.hostname", utsname.NODE),
    b"io_uring_disabled": _number("kernel.io_uring_disabled", 2, high=2),
    b"kptr_restrict": _number("kernel.kptr_restrict", 0, high=2),
    b"msg_next_id": _next_id("msg"),
    b"msgmax": _number("kernel.msgmax", 8192),
    b"msgmnb": _number("kernel.msgmnb", 16384),
    b"msgmni": _ipc_limit("msg"),
    b"ngroups_max": _number("kernel.ngroups_max", 65536, mode=0o444),
    b"numa_balancing": _number("kernel.numa_balancing", 0, high=4),
    b"osrelease": _string("kernel.osrelease", utsname.RELEASE, 0o444),
    b"ostype": _string("kernel.ostype", utsname.SYSTEM, 0o444),
    b"overflowgid": _number("kernel.overflowgid", 65534, high=65535),
    b"overflowuid": _number("kernel.overflowuid", 65534, high=65535),
    b"panic": _number("kernel.panic", 0),
    b"perf_event_paranoid": _number("kernel.perf_event_paranoid", 2, -1),
    b"pid_max": _number("kernel.pid_max", PID_MAX, 301, PID_MAX),
    b"printk": _computed(lambda _call: "7\t4\t1\t7"),
    b"random": {
        b"boot_id": _string("kernel.random.boot_id", "00000000-0000-4000-8000-000000000000", 0o444),
        b"entropy_avail": _number("kernel.random.entropy_avail", 256, mode=0o444),
        b"poolsize": _number("kernel.random.poolsize", 256, mode=0o444),
        b"uuid": Text(lambda call: _uuid(call), mode=0o444, checks_rights=True, seeks_end=True),
    },
    b"randomize_va_space": _number("kernel.randomize_va_space", 0, high=2),
    b"pty": {
        b"max": _computed(lambda call: str(call.kernel.terminals.most)),
        b"nr": _computed(lambda call: str(len(call.kernel.terminals.by_number))),
        b"reserve": _number("kernel.pty.reserve", 1024),
    },
    b"sched_rr_timeslice_ms": _number("kernel.sched_rr_timeslice_ms", 100),
    b"sched_rt_period_us": _number("kernel.sched_rt_period_us", 1_000_000, 1),
    b"sched_rt_runtime_us": _number("kernel.sched_rt_runtime_us", 950_000, -1),
    b"sem_next_id": _next_id("sem"),
    b"sem": _computed(lambda _call: "32000\t1024000000\t500\t32000"),
    b"shm_next_id": _next_id("shm"),
    b"shmall": _number("kernel.shmall", _SHM_MAX, high=MASK64),
    b"shmmax": _number("kernel.shmmax", _SHM_MAX, high=MASK64),
    b"shmmni": _ipc_limit("shm"),
    b"tainted": _number("kernel.tainted", 0, mode=0o444),
    b"threads-max": _number("kernel.threads-max", _THREADS_MAX, 1),
    b"version": _string("kernel.version", utsname.VERSION, 0o444),
}
FS: Final[Folder] = {
    b"aio-max-nr": _number("fs.aio-max-nr", AIO_MAX_NR),
    b"aio-nr": _computed(lambda call: str(requested(process.mm for process in call.kernel.processes.values()))),
    b"epoll": {b"max_user_watches": _computed(lambda call: str(memory(call).total // 25 // 192))},
    b"file-max": _number("fs.file-max", _INT_MAX, high=(1 << 63) - 1),
    b"file-nr": _computed(_open_files),
    b"inotify": {
        b"max_queued_events": _number("fs.inotify.max_queued_events", QUEUE_MAX),
        b"max_user_instances": _number("fs.inotify.max_user_instances", INSTANCES_MAX),
        b"max_user_watches": _number("fs.inotify.max_user_watches", WATCHES_MAX),
    },
    b"lease-break-time": _number("fs.lease-break-time", 45),
    b"leases-enable": _number("fs.leases-enable", 1),
    b"mount-max": _number("fs.mount-max", MOUNTS_MAX, 1),
    b"mqueue": {
        b"msg_default": _number("fs.mqueue.msg_default", 10, 1, 65536),
        b"msg_max": _number("fs.mqueue.msg_max", 10, 1, 65536),
        b"msgsize_default": _number("fs.mqueue.msgsize_default", 8192, 128, 1 << 24),
        b"msgsize_max": _number("fs.mqueue.msgsize_max", 8192, 128, 1 << 24),
        b"queues_max": _number("fs.mqueue.queues_max", 256),
    },
    b"nr_open": _number("fs.nr_open", NR_OPEN, 64),
    b"overflowgid": _number("fs.overflowgid", 65534, high=65535),
    b"overflowuid": _number("fs.overflowuid", 65534, high=65535),
    b"pipe-max-size": _number("fs.pipe-max-size", 1 << 20, 4096),
    b"pipe-user-pages-hard": _number("fs.pipe-user-pages-hard", 0),
    b"pipe-user-pages-soft": _number("fs.pipe-user-pages-soft", 16384),
    b"protected_fifos": _number("fs.protected_fifos", 0, high=2),
    b"protected_hardlinks": _number("fs.protected_hardlinks", 0, high=1),
    b"protected_regular": _number("fs.protected_regular", 0, high=2),
    b"protected_symlinks": _number("fs.protected_symlinks", 0, high=1),
    b"suid_dumpable": _number("fs.suid_dumpable", 0, high=2),
}
SYSCTL: Final[Folder] = {b"fs": FS, b"kernel": KERNEL, b"vm": VM}


def _uuid(call: Caller) -> str:
    """A random UUID, new at each read."""
    octets = bytearray(call.kernel.random.take(16))
    octets[6], octets[8] = octets[6] & 0x0F | 0x40, octets[8] & 0x3F | 0x80
    text = octets.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}\n"
