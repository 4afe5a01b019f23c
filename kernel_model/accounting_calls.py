"""times and getrusage (kernel/sys.c): virtual processor time. It is not split: all of it is user time.

Faults and context switches are counted for the machine (pffemu run --json), not for a process: they are 0 here.
"""

from __future__ import annotations

from typing import Final

from kernel_model import clocks, uapi
from kernel_model.abi_structs import Rusage, Timeval, Tms
from kernel_model.syscall import Call, as_int
from kernel_model.timespec import NS
from kernel_model.uapi import Errno, LinuxError
from pffemu.arch.paging import PAGE_SIZE, USER_END

_RUSAGE_SELF, _RUSAGE_CHILDREN, _RUSAGE_THREAD = 0, -1, 1
_TICK: Final = NS // 100  # USER_HZ


def getrusage(call: Call, who: int, address: int) -> int:
    """RUSAGE_SELF, RUSAGE_CHILDREN (those waited for), RUSAGE_THREAD."""
    clock = {_RUSAGE_SELF: uapi.CLOCK_PROCESS_CPUTIME_ID, _RUSAGE_THREAD: uapi.CLOCK_THREAD_CPUTIME_ID}
    if as_int(who) == _RUSAGE_CHILDREN:
        ns, resident = call.cpu.profile.to_ns(call.process.children_time), 0
    elif as_int(who) in clock:
        ns = clocks.now(call, clock[as_int(who)])
        resident = sum(1 for _ in call.mm.pages.used(0, USER_END)) * PAGE_SIZE // 1024
    else:
        raise LinuxError(Errno.EINVAL)
    spent = Timeval(ns // NS, ns % NS // 1000)
    call.memory.write_struct(address, Rusage(ru_utime=spent, ru_maxrss=resident))
    return 0


def times(call: Call, address: int) -> int:
    """Clock ticks (1/100 s) since the machine started."""
    if address:
        own = clocks.now(call, uapi.CLOCK_PROCESS_CPUTIME_ID) // _TICK
        children = call.cpu.profile.to_ns(call.process.children_time) // _TICK
        call.memory.write_struct(address, Tms(tms_utime=own, tms_cutime=children))
    return clocks.now(call, uapi.CLOCK_MONOTONIC) // _TICK
