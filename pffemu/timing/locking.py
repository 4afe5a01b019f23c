"""Whose locks the kernel of a machine has."""

from __future__ import annotations

from enum import Enum


class Locking(Enum):
    """A version of Linux, by what protects the areas of an address space."""

    LINUX_6_0 = "6.0"  # mmap_lock alone
    LINUX_6_18 = "6.18"  # each area has a lock, which faults and fills take instead (6.4 to 6.17 made them do so)

    @property
    def has_area_locks(self) -> bool:
        return self is not Locking.LINUX_6_0

    @classmethod
    def of_release(cls, release: str) -> Locking:
        """Which one Linux `release` (uname -r) is nearest to: userfaultfd's ioctls take area locks since 6.9."""
        numbers = [int(part) for part in release.split("-")[0].split(".")[:2] if part.isdecimal()]
        return cls.LINUX_6_18 if numbers >= [6, 9] else cls.LINUX_6_0
