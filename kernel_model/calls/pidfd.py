"""pidfd_open, pidfd_send_signal, pidfd_getfd, process_mrelease, process_madvise (kernel/pid.c, signal.c, mm/)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel_model.abi import mman
from kernel_model.abi.files import IOV_MAX
from kernel_model.abi.signal import NSIG, SI_TKILL, SI_USER
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import as_int
from kernel_model.call.rights import check_trace, may_signal, need
from kernel_model.calls import madvise
from kernel_model.files.pidfd import PIDFD_NONBLOCK, PIDFD_THREAD, PidFd
from kernel_model.signal import send as signal_send
from kernel_model.task.credentials import CAP_SYS_NICE
from kernel_model.task.siginfo import SIGINFO_SIZE, SigInfo

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.task.task import Process, Task

_THREAD, _THREAD_GROUP, _PROCESS_GROUP = 1, 2, 4  # PIDFD_SIGNAL_*
_SELF_THREAD, _SELF_PROCESS = -10_000, -10_001  # PIDFD_SELF_*
_OF_OTHERS: Final = (mman.MADV_COLD, mman.MADV_PAGEOUT, mman.MADV_WILLNEED, mman.MADV_COLLAPSE)
_RW_MAX: Final = 0x7FFF_F000  # bytes, MAX_RW_COUNT


def pidfd_open(call: Call, pid: int, flags: int) -> int:
    """Errors: EINVAL, ESRCH, ENOENT (a thread, without PIDFD_THREAD), EMFILE."""
    number, flags = as_int(pid), flags & 0xFFFF_FFFF
    if flags & ~(PIDFD_NONBLOCK | PIDFD_THREAD) or number <= 0:
        raise LinuxError(Errno.EINVAL)
    process, task = call.kernel.processes.get(number), call.kernel.find_task(number)
    if process is None and task is None:
        raise LinuxError(Errno.ESRCH)
    if process is None and not flags & PIDFD_THREAD:
        raise LinuxError(Errno.ENOENT)
    thread = task if flags & PIDFD_THREAD else None
    return new_pidfd(call, process or _process(task), thread, flags)


def _process(task: Task | None) -> Process:
    assert task is not None
    return task.process


def new_pidfd(call: Call, process: Process, task: Task | None, flags: int) -> int:
    """A close-on-exec descriptor for the process, or for its thread `task`. Raises LinuxError EMFILE."""
    fd = call.new_fd()
    return call.process.files.install(fd, PidFd(process, task, flags), close_on_exec=True)


def pidfd_of(call: Call, fd: int) -> PidFd:
    """The pidfd `fd`, also one of the constants for the caller itself. Raises LinuxError EBADF."""
    if as_int(fd) in (_SELF_THREAD, _SELF_PROCESS):
        return PidFd(call.process, call.task if as_int(fd) == _SELF_THREAD else None, 0)
    file = call.any_file(fd)
    if not isinstance(file, PidFd):
        raise LinuxError(Errno.EBADF)
    return file


def _directory_of(call: Call, fd: int) -> PidFd | None:
    """A descriptor of /proc/PID as a pidfd; None: it is none."""
    if as_int(fd) < 0:
        return None
    place = call.any_file(fd).place
    names = place.path.split(b"/") if place is not None and place.is_directory else []
    if len(names) != 3 or names[1] != b"proc" or not names[2].isdigit():
        return None
    process = call.kernel.processes.get(int(names[2]))
    return PidFd(process, None, 0) if process is not None else None


def pidfd_send_signal(call: Call, fd: int, signo: int, info: int, flags: int) -> int:
    """Errors: EINVAL, EBADF, ESRCH, EPERM, EAGAIN (too many signals wait)."""
    flags, number = flags & 0xFFFF_FFFF, as_int(signo)
    if flags not in (0, _THREAD, _THREAD_GROUP, _PROCESS_GROUP):
        raise LinuxError(Errno.EINVAL)
    file = _directory_of(call, fd) or pidfd_of(call, fd)
    to_thread = flags == _THREAD or (not flags and file.task is not None)
    sent = _info(call, number, info, file, to_thread=to_thread, plain=flags != _PROCESS_GROUP)
    if not 0 <= number <= NSIG:
        raise LinuxError(Errno.EINVAL)
    process = file.living()
    targets = [process]
    if flags == _PROCESS_GROUP:
        targets = [other for other in call.kernel.processes.values() if other.group == process.pid]
        targets.sort(key=lambda other: other is call.process)
    if not targets:
        raise LinuxError(Errno.ESRCH)
    allowed = [target for target in targets if may_signal(call.task, target, number)]
    if not allowed:
        raise LinuxError(Errno.EPERM)
    for target in allowed if number else []:
        thread = file.task or (target.tasks[0] if target.tasks else None)
        if to_thread and thread is not None:
            queued = signal_send.send_to_task(call.kernel, call.cpu, sent, thread)
        else:
            queued = signal_send.send_to_process(call.kernel, call.cpu, sent, target)
        if not queued:
            raise LinuxError(Errno.EAGAIN)
    return 0


def _info(call: Call, number: int, address: int, file: PidFd, *, to_thread: bool, plain: bool) -> SigInfo:
    """The caller's siginfo, which must not pretend to be the kernel's; or that of kill and tgkill."""
    if not address:
        code = SI_TKILL if to_thread else SI_USER
        return SigInfo.from_user(number, code, call.process.pid, call.task.credentials.user.real)
    octets = call.memory.read(address, SIGINFO_SIZE)
    info = SigInfo.unpack(octets, number)
    if int.from_bytes(octets[:4], "little", signed=True) != number:
        raise LinuxError(Errno.EINVAL)
    own = file.process is call.process and plain
    if not own and (info.code >= 0 or info.code == SI_TKILL):
        raise LinuxError(Errno.EPERM)
    return info


def pidfd_getfd(call: Call, fd: int, target: int, flags: int) -> int:
    """A copy of another process's descriptor. Errors: EINVAL, EBADF, ESRCH, EPERM, EMFILE."""
    if flags & 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)
    process = pidfd_of(call, fd).living()
    if not process.tasks:
        raise LinuxError(Errno.ESRCH)
    check_trace(call.task, process, real=True)
    file = process.files.descriptor(as_int(target)).file
    return call.process.files.install(call.new_fd(), file, close_on_exec=True)


def process_mrelease(call: Call, fd: int, flags: int) -> int:
    """Free the memory of a dying process: here it is free when the signal has killed. Errors: EINVAL, EBADF, ESRCH."""
    if flags & 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)
    if not pidfd_of(call, fd).living().tasks:
        raise LinuxError(Errno.ESRCH)
    raise LinuxError(Errno.EINVAL)  # it is not dying


def process_madvise(call: Call, fd: int, vector: int, count: int, advice: int, flags: int) -> int:
    """madvise on ranges of a process; the bytes done. Other processes' memory: only advice that loses no data."""
    what = as_int(advice)
    if flags & 0xFFFF_FFFF:
        raise LinuxError(Errno.EINVAL)
    if count > IOV_MAX:
        raise LinuxError(Errno.EINVAL)
    words = struct.unpack(f"<{2 * count}Q", call.memory.read(vector, 16 * count)) if count else ()
    process = pidfd_of(call, fd).living()
    if not process.tasks:
        raise LinuxError(Errno.ESRCH)
    if process.mm is not call.mm and what not in _OF_OTHERS:
        raise LinuxError(Errno.EINVAL)
    check_trace(call.task, process)
    if process.mm is not call.mm:
        need(call.task, CAP_SYS_NICE)
    done = 0
    for start, length in zip(words[::2], words[1::2], strict=True):
        length = min(length, _RW_MAX - done)
        try:
            if process.mm is call.mm:
                madvise.madvise(call, start, length, advice)
            else:
                madvise.check_remote(process.mm, start, length, what)
        except LinuxError:
            if done:
                return done
            raise
        done += length
    return done
