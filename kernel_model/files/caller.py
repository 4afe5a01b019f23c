"""A system call as a file knows it (kernel_model.call is the whole)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kernel_model.task.kernel import Kernel, Scheduling

if TYPE_CHECKING:
    from kernel_model.files.file import File
    from kernel_model.files.file_locks import FileLocks
    from kernel_model.files.pipe import PipeAccount
    from kernel_model.files.sockets.network import Network
    from kernel_model.files.sockets.unix import UnixSocket
    from kernel_model.files.terminals.terminals import Terminals
    from kernel_model.files.tree.tree import Tree
    from kernel_model.mm.frames import FrameAllocator
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.reclaim.file_memory import FileMemory
    from kernel_model.mm.user_memory import UserMemory
    from kernel_model.random import RandomSource
    from kernel_model.task.sleep import PendingCall
    from kernel_model.task.task import Process, Task
    from pffemu.hw.cpu import Cpu, SavedRegisters


class Times(Protocol):
    """Cycles that a thread, or all threads of a process, have run; `user_`: in ring 3."""

    def of_thread(self, task: Task) -> int: ...

    def of_process(self, process: Process) -> int: ...

    def user_of_thread(self, task: Task) -> int: ...

    def user_of_process(self, process: Process) -> int: ...


class FileScheduling(Scheduling, Protocol):
    @property
    def cores(self) -> int:
        """The number of cores."""

    @property
    def times(self) -> Times:
        """Processor time."""

    def registers_of(self, task: Task) -> SavedRegisters:
        """The thread's registers, wherever they are now."""


class IpcTables(Protocol):
    """System V IPC, by kind: "shm", "sem", "msg"."""

    def rows(self, kind: str) -> list[tuple[int, ...]]:
        """The lines of /proc/sysvipc/KIND."""

    def next_id(self, kind: str) -> int:
        """The identifier that the next object gets; -1: any."""

    def set_next_id(self, kind: str, number: int) -> None: ...

    def limit(self, kind: str) -> int:
        """How many objects there may be."""

    def set_limit(self, kind: str, number: int) -> None: ...


class FileKernel(Kernel, Protocol):
    @property
    def scheduler(self) -> FileScheduling: ...

    @property
    def cpus(self) -> list[Cpu]: ...

    @property
    def frames(self) -> FrameAllocator: ...

    @property
    def file_memory(self) -> FileMemory: ...

    @property
    def tree(self) -> Tree: ...

    @property
    def file_locks(self) -> FileLocks: ...

    @property
    def network(self) -> Network: ...

    @property
    def terminals(self) -> Terminals: ...

    @property
    def ipc(self) -> IpcTables: ...

    @property
    def pipes(self) -> PipeAccount: ...

    @property
    def shootdowns(self) -> list[int]:
        """TLB shootdowns that interrupted each core."""

    @property
    def sysctls(self) -> dict[str, str]:
        """What was written to /proc/sys and /sys, by name."""

    def next_code_version(self) -> int:
        """A new version, for an address space whose code has changed."""

    def peek_tid(self) -> int:
        """The tid the next thread gets."""

    @property
    def random(self) -> RandomSource: ...

    def open_device(self, path: str, flags: int) -> File | None:
        """The device file that a driver has at `path`; None: no driver has one."""


class Caller(Protocol):
    @property
    def kernel(self) -> FileKernel: ...

    @property
    def cpu(self) -> Cpu: ...

    @property
    def task(self) -> Task: ...

    @property
    def pending(self) -> PendingCall: ...

    @property
    def process(self) -> Process: ...

    @property
    def mm(self) -> Mm: ...

    @property
    def closes_on_exec(self) -> bool:
        """open: whether its descriptor will be closed by execve."""

    without_terminal: bool  # open: O_NOCTTY

    def new_fd(self, minimum: int = 0) -> int:
        """The lowest free descriptor. Raises LinuxError EMFILE."""

    @property
    def memory(self) -> UserMemory: ...

    def bind_socket(self, path: bytes, sock: UnixSocket) -> None:
        """Make a socket's file. Raises LinuxError EADDRINUSE, and those of a path."""

    def socket_at(self, path: bytes) -> File | None:
        """The socket whose file is at `path`; None: a file of another kind, or a closed socket's. Raises LinuxError."""
