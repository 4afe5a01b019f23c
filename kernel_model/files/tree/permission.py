"""Who may read, write, search and change what (fs/namei.c: generic_permission, may_delete; fs/attr.c)."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.task.credentials import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.attributes import Attributes
    from kernel_model.files.tree.place import Place
    from kernel_model.task.credentials import Credentials

MAY_EXEC, MAY_WRITE, MAY_READ = 1, 2, 4
_ANY_EXEC: Final = 0o111


def grants(who: Credentials, inode: Attributes, mode: int, wanted: int) -> bool:
    """Linux: generic_permission. `wanted`: MAY_* bits; `mode`: of the inode."""
    if who.user.fs == inode.uid:
        rights = mode >> 6
    else:
        rights = mode >> 3 if inode.gid == who.group.fs or inode.gid in who.groups else mode
    return not wanted & ~rights or _overrides(who, mode, wanted)


def _overrides(who: Credentials, mode: int, wanted: int) -> bool:
    """Whether a capability allows what the mode does not."""
    reads_only = not wanted & MAY_WRITE if stat.S_ISDIR(mode) else wanted == MAY_READ
    if reads_only and who.has(CAP_DAC_READ_SEARCH):
        return True
    executable = stat.S_ISDIR(mode) or not wanted & MAY_EXEC or mode & _ANY_EXEC
    return bool(executable) and who.has(CAP_DAC_OVERRIDE)


def check(caller: Caller, place: Place, wanted: int, who: Credentials | None = None) -> None:
    """Raises LinuxError EACCES unless the caller (or `who`) may do all of `wanted` with what lies at `place`."""
    who = who or caller.task.credentials
    if _overrides(who, place.mode, wanted) or (place.node is not None and place.node.verdict):
        return
    refused = place.node is not None and place.node.verdict is False
    if refused or not grants(who, inode_at(caller, place), place.mode, wanted):
        raise LinuxError(Errno.EACCES)


def inode_at(caller: Caller, place: Place) -> Attributes:
    """Owner and times of what lies at `place`, to be looked at."""
    tree = caller.kernel.tree
    if place.node is not None:
        return place.node
    assert place.key is not None
    return tree.host_inodes.at(place.key, place.names)


def of_real_user(who: Credentials) -> Credentials:
    """Linux: access_override_creds; whom access(2) asks about."""
    user, group = replace(who.user, fs=who.user.real), replace(who.group, fs=who.group.real)
    return replace(who, user=user, group=group, effective=0 if who.user.real else who.permitted)


def is_owner(who: Credentials, inode: Attributes) -> bool:
    """Linux: inode_owner_or_capable."""
    return who.user.fs == inode.uid or who.has(CAP_FOWNER)


def check_owner(caller: Caller, inode: Attributes) -> None:
    """Raises LinuxError EPERM unless the caller owns the inode, or may act as if."""
    if not is_owner(caller.task.credentials, inode):
        raise LinuxError(Errno.EPERM)


def check_directory(caller: Caller, place: Place) -> None:
    """Linux: may_create. Raises LinuxError EACCES unless the caller may make the name `place` in its directory."""
    if not caller.task.credentials.has(CAP_DAC_OVERRIDE):
        check(caller, caller.kernel.tree.holder(place, caller), MAY_WRITE | MAY_EXEC)


def check_removal(caller: Caller, place: Place) -> None:
    """Linux: may_delete. Raises LinuxError EACCES; EPERM for another user's file in a sticky directory."""
    who = caller.task.credentials
    check_directory(caller, place)
    if who.has(CAP_FOWNER):
        return
    above = caller.kernel.tree.holder(place, caller)
    if above.mode & stat.S_ISVTX:
        owners = (inode_at(caller, place).uid, inode_at(caller, above).uid)
        if who.user.fs not in owners:
            raise LinuxError(Errno.EPERM)
