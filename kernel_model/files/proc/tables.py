"""The tables: every file of /proc with the function that makes its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kernel_model.files.proc import (
    cpus,
    devices,
    limits,
    locks,
    memory,
    mounts,
    net,
    smaps,
    stat,
    status,
    strings,
    system,
    sysvipc,
    thread,
    vmstat,
)
from kernel_model.files.proc.maps import maps
from kernel_model.files.proc.sysctl import SYSCTL
from kernel_model.files.proc.sysfs import SYSFS
from kernel_model.files.proc.text import Folder, ProcessText, Text

PROC: Final[Folder] = {
    b"cmdline": Text(system.command_line),
    b"cpuinfo": Text(cpus.cpuinfo),
    b"diskstats": Text(devices.diskstats),
    b"filesystems": Text(system.filesystems),
    b"interrupts": Text(devices.interrupts),
    b"loadavg": Text(system.loadavg),
    b"locks": Text(locks.locks),
    b"meminfo": Text(memory.meminfo),
    b"net": net.NET,
    b"stat": Text(cpus.stat),
    b"swaps": Text(system.swaps),
    b"sys": SYSCTL,
    b"sysvipc": sysvipc.SYSVIPC,
    b"uptime": Text(system.uptime),
    b"version": Text(system.version),
    b"vmstat": Text(vmstat.vmstat),
    b"zoneinfo": Text(vmstat.zoneinfo),
}
FOLDERS: Final[Mapping[str, Folder]] = {"proc": PROC, "sysfs": SYSFS}

PROCESS: Final[Mapping[bytes, ProcessText]] = {  # of /proc/PID, by name
    b"auxv": ProcessText(strings.auxv, mode=0o400, seeks_end=True, needs_memory=True, shows_memory=True),
    b"cgroup": ProcessText(thread.cgroup),
    b"children": ProcessText(thread.children),
    b"clear_refs": ProcessText(thread.nothing, smaps.clear_refs, mode=0o200, of_thread=False),
    b"cmdline": ProcessText(strings.cmdline, seeks_end=True),
    b"comm": ProcessText(thread.comm, thread.set_comm, mode=0o644),
    b"coredump_filter": ProcessText(
        thread.coredump_filter, thread.set_coredump_filter, mode=0o644, seeks_end=True, of_thread=False
    ),
    b"environ": ProcessText(strings.environ, mode=0o400, seeks_end=True, needs_memory=True, shows_memory=True),
    b"gid_map": ProcessText(thread.user_map, thread.refuse, mode=0o644),
    b"io": ProcessText(thread.io, mode=0o400),
    b"limits": ProcessText(limits.limits),
    b"loginuid": ProcessText(thread.login_user, thread.set_login_user, mode=0o644, seeks_end=True),
    b"maps": ProcessText(lambda _call, subject: maps(subject.process), shows_memory=True),
    b"mountinfo": ProcessText(mounts.mountinfo),
    b"mounts": ProcessText(mounts.mounts),
    b"mountstats": ProcessText(mounts.mountstats, mode=0o400, of_thread=False),
    b"numa_maps": ProcessText(smaps.numa_maps, shows_memory=True),
    b"oom_adj": ProcessText(thread.oom_adj, thread.set_oom_adj, mode=0o644, seeks_end=True),
    b"oom_score": ProcessText(thread.oom_score),
    b"oom_score_adj": ProcessText(thread.oom_score_adj, thread.set_oom_score_adj, mode=0o644, seeks_end=True),
    b"personality": ProcessText(thread.personality, mode=0o400),
    b"sched": ProcessText(thread.sched, thread.accept, mode=0o644),
    b"schedstat": ProcessText(thread.schedstat),
    b"sessionid": ProcessText(thread.session, seeks_end=True),
    b"smaps": ProcessText(smaps.smaps, shows_memory=True),
    b"smaps_rollup": ProcessText(smaps.smaps_rollup, shows_memory=True),
    b"stat": ProcessText(stat.stat),
    b"statm": ProcessText(stat.statm),
    b"status": ProcessText(status.status),
    b"syscall": ProcessText(thread.current_call, mode=0o400),
    b"timerslack_ns": ProcessText(thread.timer_slack, thread.set_timer_slack, mode=0o666, of_thread=False),
    b"uid_map": ProcessText(thread.user_map, thread.refuse, mode=0o644),
    b"wchan": ProcessText(thread.sleeps_in),
}
ONLY_OF_THREAD: Final = frozenset({b"children"})
