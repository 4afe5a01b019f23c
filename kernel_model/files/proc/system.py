"""Small files of /proc about the whole machine (fs/proc/uptime.c, loadavg.c, version.c; fs/filesystems.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi import utsname
from kernel_model.files.proc.state import state_of_thread
from kernel_model.files.proc.subject import ticks

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller

_FILE_SYSTEMS: Final = ("sysfs", "tmpfs", "proc", "devtmpfs", "sockfs", "pipefs", "ramfs", "mqueue")  # "nodev"


def uptime(call: Caller) -> str:
    """Seconds since reset, and the seconds that all cores together idled."""
    now = call.cpu.clock
    up = ticks(call, now)
    idle = ticks(call, sum(now - min(now, cpu.busy) for cpu in call.kernel.cpus))
    return f"{up // 100}.{up % 100:02} {idle // 100}.{idle % 100:02}\n"


def loadavg(call: Caller) -> str:
    """The averages are 0: they are sampled every five seconds, which few runs last."""
    states = [state_of_thread(task) for process in call.kernel.processes.values() for task in process.tasks]
    return f"0.00 0.00 0.00 {states.count('R')}/{len(states)} {call.kernel.peek_tid() - 1}\n"


def version(_call: Caller) -> str:
    return f"{utsname.SYSTEM} version {utsname.RELEASE} (pffemu@pffemu) {utsname.VERSION}\n"


def filesystems(_call: Caller) -> str:
    return "".join(f"nodev\t{name}\n" for name in _FILE_SYSTEMS)


def swaps(_call: Caller) -> str:
    return "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def command_line(_call: Caller) -> str:
    return "\n"
