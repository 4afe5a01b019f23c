"""The context that every system call is given, and the shape of an implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kernel_model.abi.files import AT_FDCWD, O_PATH, S_IFSOCK
from kernel_model.abi.limits import NOFILE
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files import File
from kernel_model.files.tree.change import make_node, socket_at
from kernel_model.files.tree.permission import MAY_WRITE, check
from kernel_model.files.tree.socket_node import SocketNode
from kernel_model.files.tree.walk import How
from kernel_model.mm.user_memory import UserMemory
from kernel_model.wait.queue import Blocked, Interruptible
from pffemu.arch.paging import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.sockets.unix import UnixSocket
    from kernel_model.files.tree.place import Place
    from kernel_model.kernel import Kernel
    from kernel_model.mm.mm import Mm
    from kernel_model.task.fd_table import Descriptor
    from kernel_model.task.sleep import PendingCall
    from kernel_model.task.task import Process, Task
    from pffemu.hw.cpu import Cpu


class Call:
    """One system call of `task` on `cpu`; `memory` is user memory as this thread sees it."""

    __slots__ = (
        "closes_on_exec", "cpu", "events", "kernel", "memory", "mm", "pending", "process", "task", "without_terminal",
    )  # fmt: skip

    def __init__(self, kernel: Kernel, cpu: Cpu, task: Task, pending: PendingCall) -> None:
        self.kernel, self.cpu, self.task, self.pending = kernel, cpu, task, pending
        self.process: Process = task.process
        self.mm: Mm = task.process.mm
        self.memory = UserMemory(cpu, task)
        self.closes_on_exec = self.without_terminal = False  # of open: O_CLOEXEC, O_NOCTTY
        self.events = 0  # userfaultfd events of this call so far; see PendingCall.events_sent

    def descriptor(self, fd: int) -> Descriptor:
        """The descriptor `fd`. Raises LinuxError EBADF, also for one opened with O_PATH."""
        found = self.process.files.descriptor(fd & 0xFFFF_FFFF)
        if found.file.flags & O_PATH:
            raise LinuxError(Errno.EBADF)
        return found

    def file(self, fd: int) -> File:
        """The open file of `fd`. Raises LinuxError EBADF, also for a descriptor opened with O_PATH."""
        return self.descriptor(fd).file

    def any_file(self, fd: int) -> File:
        """The open file of `fd`, which may be opened with O_PATH. Raises LinuxError EBADF."""
        return self.process.files.descriptor(fd & 0xFFFF_FFFF).file

    def walk(self, directory: int, path: bytes, *, follow: bool = True, entry: bool = False, resolve: int = 0) -> Place:
        """Where `path` leads from the directory descriptor (or AT_FDCWD); see Tree.walk. Raises LinuxError."""
        start = self.process.cwd
        if (resolve or not path.startswith(b"/")) and as_int(directory) != AT_FDCWD:
            file = self.any_file(directory)
            if file.place is None or not file.place.is_directory:
                raise LinuxError(Errno.ENOTDIR)
            start = file.place
        return self.kernel.tree.walk(start, path, self, How(follow, entry, resolve))

    def bind_socket(self, path: bytes, sock: UnixSocket) -> None:
        """Make a socket's file at `path`. Raises LinuxError EADDRINUSE, and those of a path."""
        place = self.walk(AT_FDCWD, path, entry=True)
        if place.exists:
            raise LinuxError(Errno.EADDRINUSE)
        node = make_node(self, place, S_IFSOCK | 0o777 & ~self.process.umask)
        assert isinstance(node, SocketNode)
        node.socket, sock.node = sock, node

    def socket_at(self, path: bytes) -> File | None:
        """The socket whose file is at `path`; None: a file of another kind, or a closed socket's. Raises LinuxError."""
        place = self.walk(AT_FDCWD, path)
        if not place.exists:
            raise LinuxError(Errno.ENOENT)
        check(self, place, MAY_WRITE)
        return socket_at(place)

    def unsupported(self, what: str, errno: Errno) -> LinuxError:
        """The error to raise for what Linux has and this kernel lacks: `errno`. Warns once."""
        return self.kernel.unsupported(self.cpu, what, errno)

    def new_fd(self, minimum: int = 0) -> int:
        """The lowest free descriptor. Raises LinuxError EMFILE."""
        return self.process.files.free(minimum, self.process.limits[NOFILE][0])


def whole(call: Caller) -> Call:
    """`call` as the whole Call, for code of this layer or above."""
    assert isinstance(call, Call)
    return call


# arguments are unsigned 64-bit register values; the result is RAX (None: the registers are set already), or LinuxError
# or Blocked is raised
SystemCall = Callable[..., int | None]


def as_int(value: int) -> int:
    """A register value as C's int."""
    value &= 0xFFFF_FFFF
    return value - (1 << 32) if value >> 31 else value


def page_span(start: int, length: int) -> tuple[int, int]:
    """[start, end) in whole pages. Raises LinuxError EINVAL unless `start` is page-aligned."""
    if start % PAGE_SIZE:
        raise LinuxError(Errno.EINVAL)
    return start, start + (length + PAGE_SIZE - 1) // PAGE_SIZE * PAGE_SIZE


def let_others_run(call: Call, cursor: int) -> None:
    """Let the other cores and threads catch up in the middle of a long call (Linux: cond_resched).

    The call starts again later and finds `cursor` in PendingCall. Raises Blocked.
    """
    call.pending.cursor = cursor
    raise Blocked(deadline=call.cpu.clock, why="its turn", sleep=Interruptible.NO)
