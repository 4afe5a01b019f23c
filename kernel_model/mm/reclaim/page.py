"""A page of a file on disk while it has a frame (Linux: struct folio)."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernel_model.mm.disk import DiskRequest
    from kernel_model.mm.disk_pages import DiskPages


class Where(Enum):
    """The list a page is on."""

    NOWHERE = auto()  # it has left the page cache
    INACTIVE = auto()
    ACTIVE = auto()
    UNEVICTABLE = auto()


class CachedPage:
    """The page at byte `offset` of `file`; `frame`: its physical address.

    `referenced`: it was used once since it came to its list (PG_referenced). `workingset`: it was active before it was
    evicted. `marker`: its first use starts the next read-ahead (PG_readahead). `dirty`: its file on disk has other
    bytes. `reading`, `writing`: the request in progress.
    """

    def __init__(self, file: DiskPages, offset: int, frame: int) -> None:
        self.file, self.offset, self.frame = file, offset, frame
        self.where = Where.NOWHERE
        self.referenced = self.workingset = self.marker = False
        self.awaited = False  # a thread slept until it was read, and has not used it yet
        self.dirty, self.dirty_since = False, 0  # cycles
        self.reclaim = False  # to be evicted first once it is clean (PG_reclaim)
        self.reading: DiskRequest | None = None
        self.writing: DiskRequest | None = None

    @property
    def is_busy(self) -> bool:
        """Whether the disk works on it."""
        return self.reading is not None or self.writing is not None
