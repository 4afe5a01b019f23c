"""times and getrusage (kernel/sys.c): virtual processor time."""

from __future__ import annotations

from typing import Final

from kernel_model.abi import uapi
from kernel_model.abi.structs import Tms
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call import clocks
from kernel_model.call.call import Call, as_int
from kernel_model.call.timespec import NS
from kernel_model.sched import rusage

_TICK: Final = NS // 100  # USER_HZ


def getrusage(call: Call, who: int, address: int) -> int:
    """Write the usage for RUSAGE_SELF, RUSAGE_CHILDREN (those waited for) or RUSAGE_THREAD."""
    match as_int(who):
        case uapi.RUSAGE_CHILDREN:
            found = rusage.of_children(call.kernel.scheduler, call.process)
        case uapi.RUSAGE_SELF:
            found = rusage.of_process(call.kernel.scheduler, call.process)
        case uapi.RUSAGE_THREAD:
            found = rusage.of_thread(call.kernel.scheduler, call.task)
        case _:
            raise LinuxError(Errno.EINVAL)
    call.memory.write_struct(address, found)
    return 0


def times(call: Call, address: int) -> int:
    """Clock ticks (1/100 s) since the machine started."""
    if address:
        scheduler, children = call.kernel.scheduler, call.process.children_usage
        user, total = scheduler.times.user_of_process(call.process), scheduler.times.of_process(call.process)
        spans = (user, total - user, children.user, children.time - children.user)
        call.memory.write_struct(address, Tms(*(call.cpu.profile.to_ns(cycles) // _TICK for cycles in spans)))
    return clocks.now(call, uapi.CLOCK_MONOTONIC) // _TICK
