"""/proc/locks (fs/locks.c: locks_show): held locks and leases, and behind each the requests that wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.locks import F_RDLCK, F_UNLCK, F_WRLCK
from kernel_model.files.seek import OFFSET_MAX

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file_lock import Lock
    from kernel_model.files.status import FileStatus

_KINDS: Final = {F_RDLCK: "READ ", F_WRLCK: "WRITE", F_UNLCK: "UNLCK"}
_OF_OPEN_FILE: Final = -1  # the pid of a lock of an open file description


def locks(call: Caller) -> str:
    lines: list[str] = []
    number = 0
    for inode in call.kernel.file_locks.of_inodes():
        for lock in inode.records:
            number += 1
            owner = "OFDLCK" if lock.pid == _OF_OPEN_FILE else "POSIX "
            lines += _with_waiters(number, owner, lock, inode.status, _range(lock))
        for lock in inode.flocks:
            number += 1
            lines += _with_waiters(number, "FLOCK ", lock, inode.status, "0 EOF")
    for lease in call.kernel.file_locks.leases.all():
        number += 1
        status = lease.file.status()
        progress, kind = ("ACTIVE  ", lease.kind) if lease.goal is None else ("BREAKING", lease.goal)
        lines.append(f"{number}: LEASE  {progress}  {_KINDS[kind]} {lease.pid} {_inode(status)} 0 EOF\n")
    return "".join(lines)


def _with_waiters(number: int, kind: str, lock: Lock, status: FileStatus, extent: str, depth: int = 0) -> list[str]:
    arrow = " " * depth + "-> " if depth else ""
    lines = [f"{number}: {arrow}{kind} ADVISORY  {_KINDS[lock.kind]} {lock.pid} {_inode(status)} {extent}\n"]
    for waiter in lock.waiters:
        if waiter.waits:
            behind = extent if extent == "0 EOF" else _range(waiter)
            lines += _with_waiters(number, kind, waiter, status, behind, depth + 1)
    return lines


def _range(lock: Lock) -> str:
    return f"{lock.start} {'EOF' if lock.end == OFFSET_MAX else lock.end}"


def _inode(status: FileStatus) -> str:
    return f"{status.device >> 8:02x}:{status.device & 0xFF:02x}:{status.inode}"
