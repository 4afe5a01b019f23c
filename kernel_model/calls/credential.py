"""User and group numbers (kernel/sys.c, kernel/groups.c)."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.call.call import as_int
from kernel_model.call.rights import need
from kernel_model.task import setid
from kernel_model.task.credentials import CAP_SETGID, CAP_SETUID, Credentials, Ids

if TYPE_CHECKING:
    from kernel_model.call.call import Call

_KEEP: Final = 0xFFFF_FFFF  # -1: leave this one as it is
_GROUPS_MAX: Final = 65_536


def getuid(call: Call) -> int:
    return call.task.credentials.user.real


def geteuid(call: Call) -> int:
    return call.task.credentials.user.effective


def getgid(call: Call) -> int:
    return call.task.credentials.group.real


def getegid(call: Call) -> int:
    return call.task.credentials.group.effective


def getresuid(call: Call, real: int, effective: int, saved: int) -> int:
    return _get_three(call, call.task.credentials.user, real, effective, saved)


def getresgid(call: Call, real: int, effective: int, saved: int) -> int:
    return _get_three(call, call.task.credentials.group, real, effective, saved)


def _get_three(call: Call, ids: Ids, *addresses: int) -> int:
    for address, number in zip(addresses, (ids.real, ids.effective, ids.saved), strict=True):
        call.memory.write_u32(address, number)
    return 0


def setuid(call: Call, number: int) -> int:
    old = call.task.credentials
    return _use_user(call, _one(old.user, number, old.has(CAP_SETUID)))


def setgid(call: Call, number: int) -> int:
    old = call.task.credentials
    return _use_group(call, _one(old.group, number, old.has(CAP_SETGID)))


def _one(old: Ids, number: int, privileged: bool) -> Ids:
    """Raises LinuxError EINVAL, EPERM."""
    number &= 0xFFFF_FFFF
    if number == _KEEP:
        raise LinuxError(Errno.EINVAL)
    if privileged:
        return Ids(number, number, number, number)
    if number not in (old.real, old.saved):
        raise LinuxError(Errno.EPERM)
    return replace(old, effective=number, fs=number)


def setreuid(call: Call, real: int, effective: int) -> int:
    old = call.task.credentials
    return _use_user(call, _two(old.user, real, effective, old.has(CAP_SETUID)))


def setregid(call: Call, real: int, effective: int) -> int:
    old = call.task.credentials
    return _use_group(call, _two(old.group, real, effective, old.has(CAP_SETGID)))


def _two(old: Ids, real: int, effective: int, privileged: bool) -> Ids:
    """Raises LinuxError EPERM."""
    real, effective = real & 0xFFFF_FFFF, effective & 0xFFFF_FFFF
    if not privileged:
        allowed = (_KEEP, old.real, old.effective, old.saved)
        if real not in (_KEEP, old.real, old.effective) or effective not in allowed:
            raise LinuxError(Errno.EPERM)
    new_effective = old.effective if effective == _KEEP else effective
    saves = real != _KEEP or (effective != _KEEP and effective != old.real)
    return Ids(old.real if real == _KEEP else real, new_effective, new_effective if saves else old.saved, new_effective)


def setresuid(call: Call, real: int, effective: int, saved: int) -> int:
    old = call.task.credentials
    return _use_user(call, _three(old.user, (real, effective, saved), old.has(CAP_SETUID)))


def setresgid(call: Call, real: int, effective: int, saved: int) -> int:
    old = call.task.credentials
    return _use_group(call, _three(old.group, (real, effective, saved), old.has(CAP_SETGID)))


def _three(old: Ids, numbers: tuple[int, int, int], privileged: bool) -> Ids:
    """Raises LinuxError EPERM."""
    now = (old.real, old.effective, old.saved)
    wanted = [number & 0xFFFF_FFFF for number in numbers]
    if not privileged and any(number not in (_KEEP, *now) for number in wanted):
        raise LinuxError(Errno.EPERM)
    real, effective, saved = (kept if number == _KEEP else number for number, kept in zip(wanted, now, strict=True))
    return Ids(real, effective, saved, effective)


def setfsuid(call: Call, number: int) -> int:
    """Returns the old number, also when the new one is refused."""
    old = call.task.credentials
    new = _file_system(old.user, number, old.has(CAP_SETUID))
    commit(call, setid.with_file_user(old, replace(old, user=new), call.task.settings))
    return old.user.fs


def setfsgid(call: Call, number: int) -> int:
    old = call.task.credentials
    commit(call, replace(old, group=_file_system(old.group, number, old.has(CAP_SETGID))))
    return old.group.fs


def _file_system(old: Ids, number: int, privileged: bool) -> Ids:
    number &= 0xFFFF_FFFF
    allowed = number in (old.real, old.effective, old.saved, old.fs) or privileged
    return replace(old, fs=number) if allowed and number != _KEEP else old


def getgroups(call: Call, count: int, address: int) -> int:
    """The number of supplementary groups; they are written unless `count` is 0. Errors: EINVAL, EFAULT."""
    groups, room = call.task.credentials.groups, as_int(count)
    if room < 0 or (room and room < len(groups)):
        raise LinuxError(Errno.EINVAL)
    if room and groups:
        call.memory.write(address, struct.pack(f"<{len(groups)}I", *groups))
    return len(groups)


def setgroups(call: Call, count: int, address: int) -> int:
    """Errors: EPERM, EINVAL, EFAULT."""
    need(call.task, CAP_SETGID)
    number = count & 0xFFFF_FFFF
    if number > _GROUPS_MAX:
        raise LinuxError(Errno.EINVAL)
    groups = struct.unpack(f"<{number}I", call.memory.read(address, 4 * number)) if number else ()
    if _KEEP in groups:
        raise LinuxError(Errno.EINVAL)
    call.task.credentials = replace(call.task.credentials, groups=tuple(sorted(groups)))
    return 0


def _use_user(call: Call, user: Ids) -> int:
    old = call.task.credentials
    return commit(call, setid.with_user(old, replace(old, user=user), call.task.settings))


def _use_group(call: Call, group: Ids) -> int:
    return commit(call, replace(call.task.credentials, group=group))


def commit(call: Call, new: Credentials) -> int:
    """commit_creds: a thread with other rights is not dumpable, and hears nothing of its parent's death."""
    old, call.task.credentials = call.task.credentials, new
    same = (old.user.effective, old.user.fs, old.group.effective, old.group.fs) == (
        new.user.effective, new.user.fs, new.group.effective, new.group.fs
    )  # fmt: skip
    if not same or new.permitted & ~old.permitted:
        call.mm.settings.dumpable = 0
        call.task.settings.parent_death_signal = 0
    return 0
