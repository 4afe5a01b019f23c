"""What changing numbers of a user does to capabilities (security/commoncap.c), and what execve does."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from kernel_model.task.credentials import ALL_CAPABILITIES, FILE_CAPABILITIES, Credentials
from kernel_model.task.settings import KEEP_CAPS, ThreadSettings

NO_ROOT, NO_SETUID_FIXUP, NO_AMBIENT_RAISE = 1, 1 << 2, 1 << 6  # SECBIT_*
_ROOT: Final = 0


def with_user(old: Credentials, new: Credentials, settings: ThreadSettings) -> Credentials:
    """cap_emulate_setxuid: `new` with the capabilities that are left after setuid, setreuid or setresuid."""
    if settings.securebits & NO_SETUID_FIXUP:
        return new
    before, after = old.user, new.user
    was_root = _ROOT in (before.real, before.effective, before.saved)
    if was_root and _ROOT not in (after.real, after.effective, after.saved):
        if not settings.securebits & KEEP_CAPS:
            new = replace(new, permitted=0, effective=0)
        new = replace(new, ambient=0)
    if before.effective == _ROOT != after.effective:
        return replace(new, effective=0)
    if after.effective == _ROOT != before.effective:
        return replace(new, effective=new.permitted)
    return new


def with_file_user(old: Credentials, new: Credentials, settings: ThreadSettings) -> Credentials:
    """setfsuid: the capabilities that concern files go, or return."""
    if settings.securebits & NO_SETUID_FIXUP:
        return new
    if old.user.fs == _ROOT != new.user.fs:
        return replace(new, effective=new.effective & ~FILE_CAPABILITIES)
    if new.user.fs == _ROOT != old.user.fs:
        return replace(new, effective=new.effective | new.permitted & FILE_CAPABILITIES)
    return new


def of_new_program(old: Credentials, settings: ThreadSettings) -> Credentials:
    """execve of a file without set-id bits and capabilities (cap_bprm_creds_from_file)."""
    user, group = old.user, old.group
    user = replace(user, saved=user.effective, fs=user.effective)
    group = replace(group, saved=group.effective, fs=group.effective)
    permitted, all_effective = old.ambient, True
    if not settings.securebits & NO_ROOT and _ROOT in (user.real, user.effective):
        permitted = old.inheritable | ALL_CAPABILITIES & ~settings.dropped_capabilities
        all_effective = user.effective == _ROOT
    effective = permitted if all_effective else old.ambient
    return replace(old, user=user, group=group, permitted=permitted, effective=effective)
