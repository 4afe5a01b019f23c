"""Events of the kernel: page faults it takes, system calls, threads, processes."""

from __future__ import annotations

from typing import NamedTuple

from pffemu.events.fields import Hex, Label


class KernelPageFault(NamedTuple):
    """The kernel takes a #PF (from ring 3, or its own access to user memory when `user` is 0)."""

    time: int
    cpu: int
    tid: int
    address: Hex
    user: int
    fault: int  # 0: the kernel's own access


class MinorFault(NamedTuple):
    """The kernel resolved the fault at once; `page`: zero, cache, copy, reuse (its last user stores), present."""

    time: int
    cpu: int
    tid: int
    address: Hex
    page: Label
    fault: int  # 0: the kernel's own access


class FaultAbandoned(NamedTuple):
    """The fault will not resume, nor will those inside it: its wait was `interrupted`, or its thread has `exited`."""

    time: int
    cpu: int
    tid: int
    fault: int
    why: Label


class Syscall(NamedTuple):
    time: int
    cpu: int
    tid: int
    number: int
    name: Label
    rip: Hex


class SyscallReturned(NamedTuple):
    time: int
    cpu: int
    tid: int
    name: Label
    result: int


class ThreadCreated(NamedTuple):
    time: int
    cpu: int
    tid: int
    child: int
    child_cpu: int


class ThreadBlocked(NamedTuple):
    time: int
    cpu: int
    tid: int
    waits_for: Label


class ThreadWoken(NamedTuple):
    """`woken` may run again; `tid` woke it (0: a timer)."""

    time: int
    cpu: int
    tid: int
    woken: int
    woken_cpu: int


class ContextSwitch(NamedTuple):
    """`tid` runs now on this core, `previous` before (0: the core was idle)."""

    time: int
    cpu: int
    tid: int
    previous: int


class ForwardingSwitched(NamedTuple):
    """The kernel set or cleared forwarding_active[vector] for the thread that runs next."""

    time: int
    cpu: int
    tid: int
    vector: int
    active: int


class ThreadExited(NamedTuple):
    time: int
    cpu: int
    tid: int
    status: int


class ProcessExited(NamedTuple):
    time: int
    cpu: int
    tid: int
    pid: int
    status: int


class ProcessKilled(NamedTuple):
    time: int
    cpu: int
    tid: int
    signal: int
    why: str


class Warned(NamedTuple):
    """A warning to the user, given once."""

    time: int
    cpu: int
    tid: int
    what: str
