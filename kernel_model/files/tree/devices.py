"""Character devices: which driver a number means, and the nodes of /dev (drivers/char/mem.c)."""

from __future__ import annotations

import stat
from collections.abc import Hashable
from typing import TYPE_CHECKING, ClassVar, Final

from kernel_model.abi.files import O_ASYNC
from kernel_model.abi.terminal import PTMX, TTY, UNIX98_PTY_SLAVE_MAJOR
from kernel_model.abi.uapi import POLLIN, POLLRDNORM, Errno, LinuxError
from kernel_model.files.file import File, faulted
from kernel_model.files.status import FileStatus
from kernel_model.files.tree.node import Node

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.attributes import Attributes
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.place import Place
    from kernel_model.files.user_buffer import UserBuffer

_AT_ONCE: Final = 1 << 16  # bytes
NULL, ZERO, FULL, RANDOM, URANDOM = ((1, minor) for minor in (3, 5, 7, 8, 9))
DEVICES: Final = {  # name in /dev -> number and rights
    b"null": (NULL, 0o666), b"zero": (ZERO, 0o666), b"full": (FULL, 0o666), b"random": (RANDOM, 0o666),
    b"urandom": (URANDOM, 0o666), b"tty": (TTY, 0o666), b"dma": ((10, 200), 0o666),
    b"userfaultfd": ((10, 126), 0o600), b"exmap": ((10, 201), 0o666), b"ptmx": (PTMX, 0o666),
}  # fmt: skip
_DRIVERS: Final = {  # devices with a driver of their own
    (10, 200): "/dev/dma", (10, 126): "/dev/userfaultfd", (10, 201): "/dev/exmap",
}  # fmt: skip


class DeviceNode(Node):
    """A character or block device, which may lie anywhere in RAM."""

    def __init__(self, fs: FileSystem, number: int, mode: int, device: tuple[int, int], now: int) -> None:
        """`mode` with S_IFCHR or S_IFBLK; `device`: major and minor number."""
        super().__init__(fs, number, mode, now)
        self.device = device

    @property
    def rdev(self) -> int:
        major, minor = self.device
        return minor & 0xFF | major << 8 | (minor & ~0xFF) << 12

    def open(self, call: Caller, place: Place, flags: int) -> File:
        """Raises LinuxError ENXIO for a number without a driver."""
        if stat.S_ISCHR(self.mode) and self.device in (NULL, ZERO, FULL, RANDOM, URANDOM):
            return MemoryDevice(self, place, flags)
        is_terminal = self.device in (TTY, PTMX) or self.device[0] == UNIX98_PTY_SLAVE_MAJOR
        if stat.S_ISCHR(self.mode) and is_terminal:
            return call.kernel.terminals.open(call, self, place, flags)
        if stat.S_ISCHR(self.mode) and self.device in _DRIVERS:
            file = call.kernel.open_device(_DRIVERS[self.device], flags)
            if file is not None:
                return file
        raise LinuxError(Errno.ENXIO)


class DeviceFile(File):
    """What is opened at a node."""

    node: DeviceNode

    @property
    def inode(self) -> Hashable:
        return self.node.identity

    @property
    def attributes(self) -> Attributes:
        return self.node

    def status(self) -> FileStatus:
        return self.node.status()


class MemoryDevice(DeviceFile):
    """/dev/null, zero, full, random, urandom."""

    can_seek: ClassVar[bool] = True

    def __init__(self, node: DeviceNode, place: Place, flags: int) -> None:
        self.name, self.flags, self.place = place.path.decode(errors="surrogateescape"), flags, place
        self.node = node
        self.can_poll = node.device == RANDOM
        self.maps_zeros = node.device == ZERO
        self.splices_from, self.splices_to = node.device != NULL, node.device != FULL
        if node.device in (RANDOM, URANDOM):
            self.settable |= O_ASYNC

    def poll(self) -> int:
        return POLLIN | POLLRDNORM if self.can_poll else super().poll()

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        if self.node.device == NULL or not buffer.size:
            return 0
        room = left = buffer.room(buffer.size)
        if not room:
            return faulted(0)
        while left:
            size = min(left, _AT_ONCE)
            is_random = self.node.device in (RANDOM, URANDOM)
            buffer.scatter(call.kernel.random.take(size) if is_random else bytes(size))
            buffer.skip(size)
            left -= size
        return room

    def write(self, call: Caller, buffer: UserBuffer) -> int:
        if self.node.device == FULL:
            raise LinuxError(Errno.ENOSPC)
        return buffer.size

    def read_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        return self.read(call, buffer)

    def write_at(self, call: Caller, buffer: UserBuffer, offset: int) -> int:
        return self.write(call, buffer)
