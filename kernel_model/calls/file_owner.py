"""fcntl's commands for the owner of a file: F_SETOWN, F_GETOWN, F_SETOWN_EX, F_GETOWN_EX, F_SETSIG, F_GETSIG."""

from __future__ import annotations

from kernel_model.abi.files import O_ASYNC
from kernel_model.abi.locks import (
    F_GETOWN,
    F_GETOWN_EX,
    F_GETSIG,
    F_OWNER_EX,
    F_OWNER_PGRP,
    F_OWNER_PID,
    F_OWNER_TID,
    F_SETOWN,
    F_SETOWN_EX,
    F_SETSIG,
)
from kernel_model.abi.signal import NSIG
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import Call, as_int
from kernel_model.files import File
from kernel_model.files.file_owner import owner_of, set_async

COMMANDS = frozenset({F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG, F_SETOWN_EX, F_GETOWN_EX})
_INT_MIN = -(1 << 31)


def fcntl_owner(call: Call, file: File, command: int, argument: int) -> int:
    """Errors: EINVAL, ESRCH, EFAULT."""
    owner = owner_of(file)
    kind, number = owner.kind, owner.number if _exists(call, owner.kind, owner.number) else 0
    if command == F_GETSIG:
        return owner.signo
    if command == F_GETOWN:
        return -number if kind == F_OWNER_PGRP else number
    if command == F_GETOWN_EX:
        call.memory.write(argument, F_OWNER_EX.pack(kind, number))
    elif command == F_SETSIG:
        if argument > NSIG:
            raise LinuxError(Errno.EINVAL)
        owner.signo = argument
    elif command == F_SETOWN:
        value = as_int(argument)
        if value == _INT_MIN:
            raise LinuxError(Errno.EINVAL)
        _set(call, file, F_OWNER_PGRP if value < 0 else F_OWNER_PID, abs(value))
    else:
        kind, number = F_OWNER_EX.unpack(call.memory.read(argument, F_OWNER_EX.size))
        if kind not in (F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP):
            raise LinuxError(Errno.EINVAL)
        _set(call, file, kind, number)
    return 0


def _set(call: Call, file: File, kind: int, number: int) -> None:
    if number and not _exists(call, kind, number):
        raise LinuxError(Errno.ESRCH)
    owner = owner_of(file)
    owner.kind, owner.number = kind, number


def _exists(call: Call, kind: int, number: int) -> bool:
    processes = call.kernel.processes
    if kind == F_OWNER_TID:
        return any(task.tid == number for process in processes.values() for task in process.tasks)
    if kind == F_OWNER_PGRP:
        return any(process.group == number for process in processes.values())
    return number in processes


def set_flags(call: Call, file: File, fd: int, flags: int) -> None:
    """F_SETFL: the flags that the file lets change."""
    file.flags = file.flags & ~file.settable | flags & file.settable
    if file.settable & O_ASYNC:
        set_async(file, fd, bool(flags & O_ASYNC), call.kernel.file_signals)
