"""System V identifiers (ipc/util.c): keys, numbers, owners and permissions of segments, sets and queues."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

from kernel_model.abi.ipc import ID_BITS, IPC_CREAT, IPC_EXCL, IPC_PRIVATE, MIN_CYCLE
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.task.credentials import CAP_IPC_OWNER, CAP_SYS_ADMIN

if TYPE_CHECKING:
    from collections.abc import Callable

    from kernel_model.task.credentials import Credentials

_SEQUENCE_MAX = 1 << 16
_RIGHTS = 0o7


@dataclass(slots=True, eq=False)
class Permissions:
    """struct kern_ipc_perm: `mode` has the access bits, and flags of the kind of object. `id`, `index`: see Ids."""

    key: int
    uid: int
    gid: int
    mode: int
    cuid: int
    cgid: int
    id: int = -1
    sequence: int = 0

    @classmethod
    def of_creator(cls, key: int, credentials: Credentials, mode: int) -> Permissions:
        uid, gid = credentials.user.effective, credentials.group.effective
        return cls(key, uid, gid, mode & 0o777, uid, gid)

    @property
    def index(self) -> int:
        return self.id & (1 << ID_BITS) - 1

    def check(self, credentials: Credentials, wanted: int) -> None:
        """ipcperms: `wanted` has the bits in any of the three places. Raises LinuxError EACCES."""
        asked, granted = wanted >> 6 | wanted >> 3 | wanted, self.mode
        if credentials.user.effective in (self.cuid, self.uid):
            granted >>= 6
        elif credentials.in_group(self.cgid) or credentials.in_group(self.gid):
            granted >>= 3
        if asked & ~granted & _RIGHTS and not credentials.has(CAP_IPC_OWNER):
            raise LinuxError(Errno.EACCES)

    def check_owner(self, credentials: Credentials) -> None:
        """IPC_SET, IPC_RMID: for owner and creator. Raises LinuxError EPERM."""
        if credentials.user.effective not in (self.cuid, self.uid) and not credentials.has(CAP_SYS_ADMIN):
            raise LinuxError(Errno.EPERM)

    def change(self, uid: int, gid: int, mode: int) -> None:
        """IPC_SET."""
        self.uid, self.gid, self.mode = uid, gid, self.mode & ~0o777 | mode & 0o777


class HasPermissions:
    """An object with an identifier."""

    permissions: Permissions


Kind = TypeVar("Kind", bound=HasPermissions)


class Ids(Generic[Kind]):
    """The objects of one kind. An identifier is an index and how often indices have begun anew: they return late.

    `next_id`: the identifier that the next object gets, or one with the next free index; -1: as usual.
    """

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self._by_index: dict[int, Kind] = {}
        self._by_key: dict[int, Kind] = {}  # with entries of objects that have lost their key, or are gone
        self._last = -1
        self._sequence = 0
        self.next_id = -1

    def __len__(self) -> int:
        return len(self._by_index)

    def all(self) -> list[Kind]:
        """By index."""
        return [self._by_index[index] for index in sorted(self._by_index)]

    @property
    def highest(self) -> int:
        """The highest index in use; 0: none is, as the *_INFO commands report it."""
        return max(self._by_index, default=0)

    def get(
        self, key: int, flags: int, credentials: Credentials, make: Callable[[], Kind], fits: Callable[[Kind], None]
    ) -> int:
        """ipcget: the identifier of the object with `key`, or of a new one. `fits` checks an existing one.

        Raises LinuxError ENOENT, EEXIST, EACCES, ENOSPC, and what `make` and `fits` raise.
        """
        found = None
        if key != IPC_PRIVATE:
            found = self._with_key(key)
        if found is None:
            if key != IPC_PRIVATE and not flags & IPC_CREAT:
                raise LinuxError(Errno.ENOENT)
            return self._keyed(key, make())
        if flags & IPC_CREAT and flags & IPC_EXCL:
            raise LinuxError(Errno.EEXIST)
        fits(found)
        found.permissions.check(credentials, flags)
        return found.permissions.id

    def _with_key(self, key: int) -> Kind | None:
        item = self._by_key.get(key)
        return item if item is not None and item.permissions.key == key and self.holds(item) else None

    def _keyed(self, key: int, item: Kind) -> int:
        number = self._add(item)
        if key != IPC_PRIVATE:
            self._by_key[key] = item
        if len(self._by_key) > 2 * len(self._by_index) + MIN_CYCLE:
            self._by_key = {key: item for key, item in self._by_key.items() if self._with_key(key) is not None}
        return number

    def check_room(self) -> None:
        """Raises LinuxError ENOSPC when there are as many objects as there may be."""
        if len(self._by_index) >= self.maximum:
            raise LinuxError(Errno.ENOSPC)

    def _add(self, item: Kind) -> int:
        self.check_room()
        if self.next_id >= 0:
            return self._add_wanted(item)
        limit = min(max(len(self._by_index) * 3 // 2, MIN_CYCLE), self.maximum)
        candidates = chain(range(self._last + 1, limit), range(min(self._last + 1, limit)))
        index = next(number for number in candidates if number not in self._by_index)
        if index <= self._last:
            self._sequence = (self._sequence + 1) % _SEQUENCE_MAX
        self._last = index
        item.permissions.sequence = self._sequence
        item.permissions.id = self._sequence << ID_BITS | index
        self._by_index[index] = item
        return item.permissions.id

    def _add_wanted(self, item: Kind) -> int:
        """Raises LinuxError ENOSPC when no index from the wanted one on is free."""
        wanted, self.next_id = self.next_id, -1
        indices = range(wanted & (1 << ID_BITS) - 1, 1 << ID_BITS)
        index = next((number for number in indices if number not in self._by_index), None)
        if index is None:
            raise LinuxError(Errno.ENOSPC)
        item.permissions.sequence = wanted >> ID_BITS
        item.permissions.id = item.permissions.sequence << ID_BITS | index
        self._by_index[index] = item
        return item.permissions.id

    def find(self, number: int) -> Kind:
        """The object with this identifier. Raises LinuxError EINVAL."""
        item = self._by_index.get(number & (1 << ID_BITS) - 1) if number >= 0 else None
        if item is None or item.permissions.id != number:
            raise LinuxError(Errno.EINVAL)
        return item

    def at(self, index: int) -> Kind:
        """The object at an index, for the *_STAT commands. Raises LinuxError EINVAL."""
        item = self._by_index.get(index & (1 << ID_BITS) - 1) if index >= 0 else None
        if item is None:
            raise LinuxError(Errno.EINVAL)
        return item

    def holds(self, item: Kind) -> bool:
        """Whether the object still has its identifier."""
        return self._by_index.get(item.permissions.index) is item

    def remove(self, item: Kind) -> None:
        del self._by_index[item.permissions.index]
