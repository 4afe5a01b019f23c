"""System V shared memory segments (ipc/shm.c): shmem files that live until they are removed and nothing maps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.ipc.ids import HasPermissions, Ids, Permissions
from kernel_model.mm.page_cache import PageCache

if TYPE_CHECKING:
    from kernel_model.mm.frames import FrameAllocator
    from kernel_model.mm.mm import Mm
    from pffemu.hw.ram import Ram


class ShmSegment(PageCache, HasPermissions):
    """A segment of `bytes` bytes. Times in seconds of CLOCK_REALTIME; `creator` and `last`: process ids."""

    def __init__(
        self, ids: Ids[ShmSegment], permissions: Permissions, size: int, creator: int, ram: Ram, frames: FrameAllocator
    ) -> None:
        super().__init__(f"/SYSV{permissions.key & 0xFFFF_FFFF:08x} (deleted)", size, ram, frames)
        self._ids = ids
        self.permissions, self.bytes, self.creator = permissions, size, creator
        self.last = 0
        self.attached_at = self.detached_at = self.changed_at = 0
        self.open_files = 1  # until it is removed
        self.is_doomed = False  # SHM_DEST

    @property
    def attachments(self) -> int:
        """shm_nattch: the areas that map it."""
        return sum(vma.file is self for mm in self._mms for vma in mm.vmas)

    def remove(self) -> None:
        """IPC_RMID: it ends now, or with its last attachment; no key leads to it any more."""
        self.is_doomed, self.open_files, self.permissions.key = True, 0, 0
        self.unmapped()

    def unmapped(self) -> None:
        super().unmapped()
        if self.is_doomed and not self._mms and self._ids.holds(self):
            self._ids.remove(self)


def note_exit(mm: Mm, pid: int, now: int) -> None:
    """The last process leaves `mm`: its segments show when, and which."""
    for vma in mm.vmas:
        if isinstance(vma.file, ShmSegment):
            vma.file.last, vma.file.detached_at = pid, now
