"""The descriptors of a process (fs/file.c): numbers that point to open files, which dup and fork share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from kernel_model.abi.uapi import Errno, LinuxError

if TYPE_CHECKING:
    from kernel_model.files.file import File
    from pffemu.hw.cpu import Cpu

_DESCRIPTORS_MIN: Final = 1 << 16
_BYTES_A_DESCRIPTOR: Final = 1024  # of RAM
_BYTES_A_WATCH: Final = 192  # EP_ITEM_COST, of one byte in 25
NOFILE: Final = 1024  # RLIMIT_NOFILE as every process starts with


class RecordLocks(Protocol):
    """The machine's file locks (kernel_model.files.file_locks)."""

    def closed(self, cpu: Cpu, table: FileTable, file: File) -> None:
        """A descriptor of `file` was closed."""


@dataclass(slots=True)
class DescriptorAccount:
    """What all tables of a machine hold together, which Linux bounds by fs.file-max and by the memory of tables."""

    most: int = 1 << 30
    used: int = 0
    watches_max: int = 1 << 30  # fs.epoll.max_user_watches
    watches: int = 0  # entries of all epolls

    @classmethod
    def for_ram(cls, ram: int) -> DescriptorAccount:
        """The limits of a machine with `ram` bytes."""
        most = max(_DESCRIPTORS_MIN, ram // _BYTES_A_DESCRIPTOR)
        return cls(most, watches_max=ram // 25 // _BYTES_A_WATCH)

    def charge_watch(self) -> None:
        """One more entry of an epoll. Raises LinuxError ENOSPC."""
        if self.watches >= self.watches_max:
            raise LinuxError(Errno.ENOSPC)
        self.watches += 1


class Descriptor:
    """One entry: what it points to, and FD_CLOEXEC."""

    def __init__(self, file: File, close_on_exec: bool = False) -> None:
        self.file, self.close_on_exec = file, close_on_exec


class FileTable:
    """Descriptor -> open file. A file is closed with its last descriptor in any table."""

    def __init__(self, account: DescriptorAccount | None = None) -> None:
        self.account = account if account is not None else DescriptorAccount()
        self._descriptors: dict[int, Descriptor] = {}
        self._lowest = 0  # every number below is in use
        self.record_locks: RecordLocks | None = None  # since it first had one

    def __iter__(self) -> Iterator[int]:
        """Descriptors in use, ascending."""
        return iter(sorted(self._descriptors))

    def __len__(self) -> int:
        return len(self._descriptors)

    def get(self, fd: int) -> File | None:
        descriptor = self._descriptors.get(fd)
        return None if descriptor is None else descriptor.file

    def descriptor(self, fd: int) -> Descriptor:
        """The entry of `fd`. Raises LinuxError EBADF."""
        descriptor = self._descriptors.get(fd)
        if descriptor is None:
            raise LinuxError(Errno.EBADF)
        return descriptor

    def files(self) -> list[File]:
        """Every open file once, by its lowest descriptor."""
        return list(dict.fromkeys(self._descriptors[fd].file for fd in self))

    def free(self, minimum: int = 0, limit: int = NOFILE) -> int:
        """The lowest free number from `minimum` on. Raises LinuxError EMFILE when it is not below `limit`, ENFILE."""
        fd = max(minimum, self._lowest)
        while fd in self._descriptors:
            fd += 1
        if fd >= limit:
            raise LinuxError(Errno.EMFILE)
        if self.account.used >= self.account.most:
            raise LinuxError(Errno.ENFILE)
        return fd

    def replace(self, cpu: Cpu, fd: int, file: File, close_on_exec: bool) -> int:
        """dup2: point `fd` to `file`, and close what it pointed to. Returns `fd`."""
        file.references += 1
        if fd in self._descriptors:
            self.close(cpu, fd)
        file.references -= 1
        return self.install(fd, file, close_on_exec)

    def install(self, fd: int, file: File, close_on_exec: bool = False) -> int:
        """Point the free number `fd` to `file`. Returns `fd`."""
        self._descriptors[fd] = Descriptor(file, close_on_exec)
        self.account.used += 1
        file.references += 1
        while self._lowest in self._descriptors:
            self._lowest += 1
        return fd

    def add(self, file: File, close_on_exec: bool = False, limit: int = NOFILE) -> int:
        """Point the lowest free number to `file`. Raises LinuxError EMFILE."""
        return self.install(self.free(0, limit), file, close_on_exec)

    def close(self, cpu: Cpu, fd: int) -> None:
        """Remove `fd`; closes its file with the last descriptor. Raises LinuxError EBADF."""
        file = self.descriptor(fd).file
        del self._descriptors[fd]
        self.account.used -= 1
        self._lowest = min(self._lowest, fd)
        if self.record_locks is not None:
            self.record_locks.closed(cpu, self, file)
        file.leave(cpu, self)
        file.drop(cpu)

    def close_all(self, cpu: Cpu) -> None:
        """The process ends."""
        for fd in self:
            self.close(cpu, fd)

    def close_on_exec(self, cpu: Cpu) -> None:
        """execve: descriptors with FD_CLOEXEC go."""
        for fd in self:
            if self._descriptors[fd].close_on_exec:
                self.close(cpu, fd)

    def check_room_for_copy(self) -> None:
        """Raises LinuxError ENOMEM when a copy would be more than the machine's tables may hold."""
        if self.account.used + len(self) > self.account.most:
            raise LinuxError(Errno.ENOMEM)

    def copy(self) -> FileTable:
        """fork: a table of its own that shares the open files."""
        table = FileTable(self.account)
        for fd in self:
            descriptor = self._descriptors[fd]
            table.install(fd, descriptor.file, descriptor.close_on_exec)
        return table
