"""kcmp (kernel/kcmp.c): whether two threads share a resource, and an order of those that they do not share."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import as_int
from kernel_model.call.rights import check_trace
from kernel_model.files.epoll import Epoll

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_model.call.call import Call
    from kernel_model.task.task import Task


class Kcmp(IntEnum):
    """KCMP_*: what is compared."""

    FILE = 0
    VM = 1
    FILES = 2
    FS = 3
    SIGHAND = 4
    IO = 5
    SYSVSEM = 6
    EPOLL_TFD = 7


_SLOT: Final = struct.Struct("<III")  # struct kcmp_epoll_slot: epoll, target, how many of these
_SHARED: Final[dict[int, Callable[[Task], Any]]] = {
    Kcmp.VM: lambda task: task.process.mm,
    Kcmp.FILES: lambda task: task.process.files,
    Kcmp.FS: lambda task: task.process,
    Kcmp.SIGHAND: lambda task: task.process.signals.handlers,
    Kcmp.IO: lambda task: None,
    Kcmp.SYSVSEM: lambda task: task.undo,
}


def kcmp(call: Call, first: int, second: int, kind: int, one: int, two: int) -> int:
    """0: the same; 1, 2: the first comes before or behind the second. Errors: ESRCH, EPERM, EINVAL, EBADF, EFAULT."""
    tasks = [call.kernel.find_task(as_int(pid)) for pid in (first, second)]
    a, b = tasks
    if a is None or b is None:
        raise LinuxError(Errno.ESRCH)
    for task in (a, b):
        check_trace(call.task, task.process, real=True)
    match as_int(kind):
        case Kcmp.FILE:
            return _order(call, _file(a, one), _file(b, two))
        case Kcmp.EPOLL_TFD:
            return _order(call, _file(a, one), _watched(call, b, two))
        case number if number in _SHARED:
            return _order(call, _SHARED[number](a), _SHARED[number](b))
    raise LinuxError(Errno.EINVAL)


def _file(task: Task, fd: int) -> Any:
    """The open file behind a descriptor of `task`. Raises LinuxError EBADF."""
    return task.process.files.descriptor(as_int(fd)).file


def _watched(call: Call, task: Task, address: int) -> Any:
    """The file that an epoll of `task` watches. Raises LinuxError EFAULT, EBADF, EINVAL, ENOENT."""
    fd, target, count = _SLOT.unpack(call.memory.read(address, _SLOT.size))
    epoll = _file(task, fd)
    if not isinstance(epoll, Epoll):
        raise LinuxError(Errno.EINVAL)
    found = [item.file for item in epoll.items() if item.fd == target]
    if count >= len(found):
        raise LinuxError(Errno.ENOENT)
    return found[count]


def _order(call: Call, one: Any, two: Any) -> int:
    """By the first process and descriptor that has them."""
    if one is two:
        return 0
    known: list[Any] = []
    for process in call.kernel.processes.values():
        known += [process.mm, process.files, process, process.signals.handlers, *(task.undo for task in process.tasks)]
        known += process.files.files()
    places = [next((i for i, other in enumerate(known) if other is item), len(known)) for item in (one, two)]
    return 1 if places[0] <= places[1] else 2
