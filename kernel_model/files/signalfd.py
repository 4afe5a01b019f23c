"""signalfd (fs/signalfd.c): pending signals as records to read."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import O_NONBLOCK, O_RDWR
from kernel_model.abi.signal import SI_KERNEL, SI_QUEUE, SI_TIMER
from kernel_model.abi.uapi import POLLIN, Errno, LinuxError, Signal
from kernel_model.files.file import File
from kernel_model.signal import send as signal_send
from kernel_model.task.siginfo import SigInfo
from kernel_model.wait.queue import Blocked, WaitQueue

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.task.task import Process
    from pffemu.hw.cpu import Cpu

# signo errno code pid uid fd tid band overrun trapno status int ptr utime stime addr addr_lsb
_RECORD: Final = struct.Struct("<IiiIIiIIIIiiQQQQH46x")
_FAULTS: Final = (Signal.SIGSEGV, Signal.SIGBUS, Signal.SIGILL, Signal.SIGFPE, Signal.SIGTRAP)


class SignalFd(File):
    """Reading takes pending signals of `mask` from the reading thread; polling asks the process that made it."""

    def __init__(self, process: Process, mask: int, flags: int) -> None:
        self.name, self.flags = "signalfd", O_RDWR | flags & O_NONBLOCK
        self.mask = mask
        self._process = process

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        wanted = buffer.size // _RECORD.size
        if not wanted:
            raise LinuxError(Errno.EINVAL)
        if signal_send.first_pending(call.task, self.mask) is None:
            if self.nonblocking:
                raise LinuxError(Errno.EAGAIN)
            raise Blocked(call.process.signals.arrivals, why="a signal for a signalfd")
        room = buffer.room(wanted * _RECORD.size) // _RECORD.size
        records: list[bytes] = []
        while len(records) < room and (found := signal_send.first_pending(call.task, self.mask)) is not None:
            info, pending = signal_send.settled(call.cpu, *found), found[1]
            signal_send.take(call.kernel, call.cpu, call.task, info, pending)
            records.append(_record(info))
        if not records:
            raise LinuxError(Errno.EFAULT)
        buffer.scatter(b"".join(records))
        return _RECORD.size * len(records)

    def fdinfo(self, cpu: Cpu) -> str:
        return f"sigmask:\t{self.mask:016x}\n"

    def poll(self) -> int:
        queues = (self._process.signals.pending, *(task.signals.pending for task in self._process.tasks))
        return POLLIN if any(queue.mask & self.mask for queue in queues) else 0

    def poll_queue(self) -> WaitQueue:
        return self._process.signals.arrivals


def _record(info: SigInfo) -> bytes:
    """signalfd_copyinfo: the fields that this kind of signal has."""
    fields = info.fields.ljust(112, b"\0")
    pid, uid = struct.unpack_from("<iI", fields)
    address = lsb = status = number = pointer = utime = stime = tid = overrun = 0
    if info.signo in _FAULTS and 0 < info.code < SI_KERNEL:
        address, lsb = struct.unpack_from("<QH", fields)
        pid = uid = 0
    elif info.signo == Signal.SIGCHLD and info.code > 0:
        status, utime, stime = struct.unpack_from("<i4xQQ", fields, 8)
    elif info.code == SI_TIMER:
        tid, overrun = struct.unpack_from("<II", fields)
        pid = uid = 0
    if info.code in (SI_QUEUE, SI_TIMER):
        number, pointer = struct.unpack_from("<i", fields, 8)[0], struct.unpack_from("<Q", fields, 8)[0]
    return _RECORD.pack(
        info.signo, info.errno, info.code, pid & 0xFFFF_FFFF, uid, 0, tid, 0, overrun, 0, status, number, pointer,
        utime, stime, address, lsb,
    )  # fmt: skip
