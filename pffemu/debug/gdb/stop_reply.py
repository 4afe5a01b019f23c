"""What the stub tells gdb when the guest has stopped, as the data of a packet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from kernel_model.abi.signal import NSIG
from pffemu.debug.gdb.thread_id import shown

SIGINT: Final = 2
SIGKILL: Final = 9
SIGTRAP: Final = 5
# Linux's signal numbers to gdb's (include/gdb/signals.def), where they differ
_GDB_SIGNALS: Final[Mapping[int, int]] = {
    7: 10, 10: 30, 12: 31, 16: 143, 17: 20, 18: 19, 19: 17, 20: 18, 23: 16, 29: 23, 30: 32, 31: 12,
    32: 77, **{number: number + 12 for number in range(33, 64)}, 64: 78,
}  # fmt: skip
_LINUX_SIGNALS: Final[Mapping[int, int]] = {gdb_signal: linux for linux, gdb_signal in _GDB_SIGNALS.items()}


class Why(Enum):
    """Why the guest stopped; values are the stop reasons of a T packet, empty where none is sent."""

    STEP = ""
    BREAKPOINT = "swbreak"
    HARDWARE_BREAKPOINT = "hwbreak"
    WATCH = "watch"
    READ_WATCH = "rwatch"
    ACCESS_WATCH = "awatch"
    SYSCALL_ENTRY = "syscall_entry"
    SYSCALL_RETURN = "syscall_return"
    HISTORY_BEGIN = "replaylog:begin"
    HISTORY_END = "replaylog:end"
    INTERRUPTED = "interrupted"
    SIGNAL = "signal"
    FORKED = "fork"
    EXECED = "exec"
    PROCESS_ENDED = "process ended"  # one of several; the guest runs on
    EXITED = "exited"
    KILLED = "killed"
    DEADLOCK = "deadlock"


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stop.

    `value`: a watchpoint's address, a system call's number, a forked process's number, an exit status or a signal
    (Linux's number). `pid`: the process that ended; `path`: of the program that an execve has started.
    """

    why: Why
    tid: int
    value: int = 0
    pid: int = 0
    path: str = ""
    message: str = ""  # for the user: the cause of a signal or a deadlock


def end_reply(stopped: Stopped, multiprocess: bool) -> bytes:
    """W or X: a process's end. The status of a process that a signal killed is 128 + the signal, as in a shell."""
    process = b";process:%x" % stopped.pid if multiprocess else b""
    if stopped.why is Why.KILLED:
        return b"X%02x" % gdb_signal(stopped.value) + process
    return b"W%02x" % (stopped.value & 0xFF) + process


def stop_reply(stopped: Stopped, thread: str, core: int, registers: Mapping[int, bytes]) -> bytes:
    """T: `thread` has stopped. `registers`: values by number that gdb then need not ask for."""
    fields = [f"{number:x}:{value.hex()}" for number, value in registers.items()]
    fields.append(f"thread:{thread}")
    fields.append(f"core:{core:x}")
    reason = _reason(stopped)
    if reason:
        fields.append(reason)
    return f"T{_signal(stopped):02x}{';'.join(fields)};".encode()


def gdb_signal(linux: int) -> int:
    """gdb's number for a Linux signal."""
    return _GDB_SIGNALS.get(linux, linux)


def linux_signal(gdb: int) -> int:
    """Linux's number for one of gdb's; 0: Linux has no such signal."""
    linux = _LINUX_SIGNALS.get(gdb, gdb)
    return linux if gdb_signal(linux) == gdb and 0 < linux <= NSIG else 0


def _signal(stopped: Stopped) -> int:
    if stopped.why is Why.SIGNAL:
        return gdb_signal(stopped.value)
    return SIGINT if stopped.why in (Why.INTERRUPTED, Why.DEADLOCK) else SIGTRAP


def _reason(stopped: Stopped) -> str:
    why = stopped.why
    if why in (Why.WATCH, Why.READ_WATCH, Why.ACCESS_WATCH, Why.SYSCALL_ENTRY, Why.SYSCALL_RETURN):
        return f"{why.value}:{stopped.value:x}"
    if why is Why.FORKED:
        return f"fork:{shown(stopped.value, stopped.value, multiprocess=True)}"
    if why is Why.EXECED:
        return f"exec:{os.fsencode(stopped.path).hex()}"
    if why in (Why.BREAKPOINT, Why.HARDWARE_BREAKPOINT):
        return f"{why.value}:"
    return why.value if why in (Why.HISTORY_BEGIN, Why.HISTORY_END) else ""
