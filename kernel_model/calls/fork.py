"""clone, clone3, fork, vfork: new threads and processes (kernel/fork.c, copy_process)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi import uapi
from kernel_model.abi.signal import NSIG
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.call.call import Call
from kernel_model.calls.pidfd import new_pidfd
from kernel_model.calls.unshare import check_namespaces
from kernel_model.process import cpu_limit
from kernel_model.signal.traps import TASK_SIZE_MAX
from kernel_model.task.credentials import CAP_CHECKPOINT_RESTORE
from kernel_model.task.posix_timers import PosixTimers
from kernel_model.task.semaphores import UndoList
from kernel_model.task.signals import ProcessSignals
from kernel_model.task.sleep import PendingCall, Sleep, SleepIn
from kernel_model.task.task import Process
from kernel_model.task.usage import Usage
from kernel_model.uffd.events import after_events, await_fork_events, register_child
from kernel_model.wait.queue import Blocked, Interruptible, WaitQueue
from pffemu.arch.paging import PAGE_SIZE, USER_END
from pffemu.errors import OutOfGuestMemory
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from pffemu.hw.cpu import SavedRegisters

RET_FROM_FORK: Final = -1  # pseudo system call in which a new process's thread starts
_CSIGNAL: Final = 0xFF
_SHARED: Final = uapi.CLONE_VM | uapi.CLONE_FS | uapi.CLONE_FILES | uapi.CLONE_SIGHAND
_KNOWN: Final = (
    _SHARED | uapi.CLONE_THREAD | uapi.CLONE_VFORK | uapi.CLONE_PARENT | uapi.CLONE_SYSVSEM | uapi.CLONE_SETTLS
    | uapi.CLONE_PARENT_SETTID | uapi.CLONE_CHILD_CLEARTID | uapi.CLONE_CHILD_SETTID | uapi.CLONE_DETACHED
    | uapi.CLONE_PIDFD | uapi.CLONE_IO | uapi.CLONE_PTRACE | uapi.CLONE_UNTRACED | uapi.CLONE_CLEAR_SIGHAND
)  # fmt: skip
_ARGS: Final = struct.Struct("<11Q")  # struct clone_args
_ARGS_MIN: Final = 64  # bytes, CLONE_ARGS_SIZE_VER0
_PROCESSES_MAX: Final = 4096  # RLIMIT_NPROC, threads included
_NAMESPACES_MAX: Final = 32  # MAX_PID_NS_LEVEL
_PID_MAX: Final = 1 << 22  # kernel.pid_max


@dataclass(frozen=True, slots=True)
class CloneArguments:
    flags: int
    exit_signal: int = 0
    stack: int = 0  # the new RSP; 0: the old one
    parent_tid: int = 0
    child_tid: int = 0
    tls: int = 0
    pidfd: int = 0  # where CLONE_PIDFD's descriptor is written
    tid: int = 0  # the number that clone3's set_tid asks for; 0: any


def clone(call: Call, flags: int, stack: int, parent_tid: int, child_tid: int, tls: int) -> int:
    if flags & uapi.CLONE_PIDFD and flags & (uapi.CLONE_PARENT_SETTID | uapi.CLONE_DETACHED):
        raise LinuxError(Errno.EINVAL)
    arguments = CloneArguments(flags & 0xFFFF_FF00, flags & _CSIGNAL, stack, parent_tid, child_tid, tls, parent_tid)
    return _create(call, arguments)


def clone3(call: Call, address: int, size: int) -> int:
    if size > PAGE_SIZE:
        raise LinuxError(Errno.E2BIG)
    if size < _ARGS_MIN:
        raise LinuxError(Errno.EINVAL)
    octets = call.memory.read(address, size)
    if any(octets[_ARGS.size :]):
        raise LinuxError(Errno.E2BIG)
    flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, _ = _ARGS.unpack(
        octets[: _ARGS.size].ljust(_ARGS.size, b"\0")
    )
    wrong = flags & (_CSIGNAL | uapi.CLONE_DETACHED) or exit_signal > NSIG or bool(stack) != bool(stack_size)
    wrong = wrong or stack + stack_size > TASK_SIZE_MAX  # clone3_stack_valid
    wrong = wrong or set_tid_size > _NAMESPACES_MAX or bool(set_tid) != bool(set_tid_size)
    if wrong or (exit_signal and flags & (uapi.CLONE_THREAD | uapi.CLONE_PARENT)):
        raise LinuxError(Errno.EINVAL)
    both = uapi.CLONE_SIGHAND | uapi.CLONE_CLEAR_SIGHAND
    if flags & both == both:
        raise LinuxError(Errno.EINVAL)
    if flags & uapi.CLONE_PIDFD and flags & uapi.CLONE_PARENT_SETTID and pidfd == parent_tid:
        raise LinuxError(Errno.EINVAL)
    tid = _wanted_tid(call, set_tid, set_tid_size) if set_tid_size else 0
    stack += stack_size
    return _create(call, CloneArguments(flags, exit_signal, stack, parent_tid, child_tid, tls, pidfd, tid))


def _wanted_tid(call: Call, address: int, count: int) -> int:
    """The number in clone3's set_tid. Raises LinuxError EINVAL, EPERM, EEXIST."""
    tids = struct.unpack(f"<{count}i", call.memory.read(address, 4 * count))
    if count > 1 or not 0 < tids[0] < _PID_MAX:
        raise LinuxError(Errno.EINVAL)
    if not call.task.credentials.has(CAP_CHECKPOINT_RESTORE):
        raise LinuxError(Errno.EPERM)
    if call.kernel.find_task(tids[0]) is not None or tids[0] in call.kernel.processes:
        raise LinuxError(Errno.EEXIST)
    return int(tids[0])


def fork(call: Call) -> int:
    return _create(call, CloneArguments(0, int(Signal.SIGCHLD)))


def vfork(call: Call) -> int:
    return _create(call, CloneArguments(uapi.CLONE_VFORK | uapi.CLONE_VM, int(Signal.SIGCHLD)))


def _check(call: Call, arguments: CloneArguments) -> None:
    flags = arguments.flags
    if flags & uapi.CLONE_THREAD and not flags & uapi.CLONE_SIGHAND:
        raise LinuxError(Errno.EINVAL)
    if flags & uapi.CLONE_SIGHAND and not flags & uapi.CLONE_VM:
        raise LinuxError(Errno.EINVAL)
    check_namespaces(call, flags, "clone")
    if flags & ~_KNOWN:  # control groups: as in a kernel built without them
        raise call.unsupported(f"clone with flags {flags & ~_KNOWN:#x}", Errno.EINVAL)
    if flags & uapi.CLONE_PARENT and call.process is call.kernel.first_process:
        raise LinuxError(Errno.EINVAL)
    if flags & uapi.CLONE_SETTLS and arguments.tls >= USER_END:
        raise LinuxError(Errno.EPERM)
    if sum(len(process.tasks) or 1 for process in call.kernel.processes.values()) >= _PROCESSES_MAX:
        raise LinuxError(Errno.EAGAIN)


def _create(call: Call, arguments: CloneArguments) -> int:
    """Make the thread; returns its number, and writes it where CLONE_PARENT_SETTID and CHILD_SETTID ask."""
    _check(call, arguments)
    flags, tid = arguments.flags, call.kernel.peek_tid()
    shares_memory = bool(flags & uapi.CLONE_VM)
    tid = arguments.tid or tid
    if flags & uapi.CLONE_PIDFD:
        call.new_fd()
        call.memory.parts(arguments.pidfd, 4, WRITE)
    if flags & uapi.CLONE_PARENT_SETTID:
        call.memory.parts(arguments.parent_tid, 4, WRITE)
    if flags & uapi.CLONE_CHILD_SETTID and shares_memory:
        call.memory.write_u32(arguments.child_tid, tid)
    if flags & uapi.CLONE_PARENT_SETTID:
        call.memory.write_u32(arguments.parent_tid, tid)
    registers = _registers(call, arguments)
    process = call.process if flags & uapi.CLONE_THREAD else _copy_process(call, arguments, tid)
    child = call.kernel.create_thread(call.cpu, process, registers, arguments.tid)
    if process is not call.process:
        cpu_limit.watch(call.kernel, call.cpu, process)
    if flags & uapi.CLONE_PIDFD:
        fd = new_pidfd(call, process, child if flags & uapi.CLONE_THREAD else None, 0)
        call.memory.write_u32(arguments.pidfd, fd)
    child.name, child.settings = call.task.name, call.task.settings.inherited()
    if flags & uapi.CLONE_SYSVSEM:
        call.task.undo = call.task.undo or UndoList()
        child.undo = call.task.undo
        child.undo.users += 1
    child.scheduling = call.task.scheduling.inherited()
    child.credentials = call.task.credentials
    child.signals.blocked = call.task.signals.blocked
    if not shares_memory or flags & uapi.CLONE_VFORK:
        child.signals.altstack = replace(call.task.signals.altstack)
    if flags & uapi.CLONE_CHILD_CLEARTID:
        child.clear_child_tid = arguments.child_tid
    if flags & uapi.CLONE_CHILD_SETTID and not shares_memory:
        child.set_child_tid = arguments.child_tid
    events = [] if shares_memory else register_child(call.cpu, call.mm, child.process.mm)
    if events or (flags & uapi.CLONE_CHILD_SETTID and not shares_memory):
        child.sleep = Sleep(SleepIn.CALL, PendingCall(RET_FROM_FORK))
    if flags & uapi.CLONE_VFORK:
        why = f"its vfork child {tid} to start another program, or to end"
        raise Blocked(child.process.vfork_done, result=tid, why=why, sleep=Interruptible.NO)
    return after_events(call, events, tid)


def ret_from_fork(call: Call) -> int:
    """A new process's first thread, before ring 3: CLONE_CHILD_SETTID, in its own memory.

    It waits until the userfaultfd events of the fork were read.
    """
    await_fork_events(call)
    address, call.task.set_child_tid = call.task.set_child_tid, 0
    if not address:
        return 0
    try:
        call.memory.write_u32(address, call.task.tid)
    except Blocked:
        call.task.set_child_tid = address
        raise
    except LinuxError:
        pass  # Linux ignores a bad address here
    return 0


def _registers(call: Call, arguments: CloneArguments) -> SavedRegisters:
    registers = call.cpu.engine.save_registers()
    changes = {"rax": 0, "rcx": registers.word("rip"), "r11": registers.word("rflags")}
    if arguments.stack:
        changes["rsp"] = arguments.stack
    if arguments.flags & uapi.CLONE_SETTLS:
        changes["fs_base"] = arguments.tls
    return registers.replace(**changes)


def _copy_process(call: Call, arguments: CloneArguments, pid: int) -> Process:
    """The child: memory is copied on write unless shared, and keeps its target table of user interrupts.

    It inherits no other state of user interrupts, no pending signals, no timers.
    """
    parent, flags = call.process, arguments.flags
    relative, maker = (parent.parent, parent.parent_task) if flags & uapi.CLONE_PARENT else (parent, call.task)
    if not flags & uapi.CLONE_FILES:
        parent.files.check_room_for_copy()
    try:
        mm = parent.mm if flags & uapi.CLONE_VM else call.kernel.fork_mm(call.cpu, parent.mm)
    except OutOfGuestMemory:
        raise LinuxError(Errno.ENOMEM) from None
    if mm is not parent.mm:
        call.kernel.uintr.fork_mm(parent.mm, mm)
    handlers = parent.signals.handlers
    if not flags & uapi.CLONE_SIGHAND:
        handlers = handlers.copy()
    if flags & uapi.CLONE_CLEAR_SIGHAND:
        handlers.reset()
    child = replace(
        parent, pid=pid, mm=mm, parent=relative, parent_task=maker, children=[], tasks=[], timers=[],
        posix_timers=PosixTimers(),
        arguments=list(parent.arguments), limits=list(parent.limits),
        files=parent.files if flags & uapi.CLONE_FILES else parent.files.copy(),
        signals=ProcessSignals(handlers), child_changes=WaitQueue("children"), vfork_done=WaitQueue("vfork"),
        exits=WaitQueue("exits"),
        exit_signal=parent.exit_signal if flags & uapi.CLONE_PARENT else arguments.exit_signal,
        parent_has_execed=parent.parent_has_execed if flags & uapi.CLONE_PARENT else False,
        lost_group=0, is_subreaper=False, has_execed=False, stop_seen=True, continue_seen=True,
        dead_usage=Usage(), children_usage=Usage(), peak_pages=0, children_peak_pages=0,
    )  # fmt: skip
    if relative is not None:
        relative.children.append(child)
    return child
