"""The rows of /proc/sysvipc (sysvipc_shm_proc_show, sysvipc_sem_proc_show, sysvipc_msg_proc_show)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.ipc import SHM_DEST

if TYPE_CHECKING:
    from kernel_model.ipc.ids import Permissions
    from kernel_model.ipc.msg import MsgQueue
    from kernel_model.ipc.sem import SemSet
    from kernel_model.ipc.shm import ShmSegment

Row = tuple[int, ...]


def segment_row(item: ShmSegment) -> Row:
    """key, id, mode, bytes, creator, last process, attachments, owners, times, bytes in RAM, in swap."""
    key, number, mode = _names(item.permissions)
    flags = SHM_DEST if item.is_doomed else 0
    return (
        key, number, mode | flags, item.bytes, item.creator, item.last, item.attachments, *_owners(item.permissions),
        item.attached_at, item.detached_at, item.changed_at, item.cached_bytes, 0,
    )  # fmt: skip


def set_row(item: SemSet) -> Row:
    """key, id, mode, semaphores, owners, times."""
    return (
        *_names(item.permissions), len(item.values), *_owners(item.permissions), item.operated_at, item.changed_at
    )  # fmt: skip


def queue_row(item: MsgQueue) -> Row:
    """key, id, mode, bytes, messages, last sender, last receiver, owners, times."""
    return (
        *_names(item.permissions), item.bytes, len(item.messages), item.last_sender, item.last_receiver,
        *_owners(item.permissions), item.sent_at, item.received_at, item.changed_at,
    )  # fmt: skip


def _names(permissions: Permissions) -> Row:
    return permissions.key, permissions.id, permissions.mode


def _owners(permissions: Permissions) -> Row:
    return permissions.uid, permissions.gid, permissions.cuid, permissions.cgid
