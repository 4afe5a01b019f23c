"""The files of /proc/self that programs read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import O_ACCMODE, O_RDONLY
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.pagemap import PagemapFile
from kernel_model.files.tree.generated import GeneratedDirectory, GeneratedFile, GeneratedLink

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.node import Node
    from kernel_model.files.tree.place import Place
    from kernel_model.task.task import Process

PROC_MAGIC: Final = 0x9FA0
_LINKS: Final = (b"exe", b"cwd", b"root")


class ProcRoot(GeneratedDirectory):
    """/proc. A process finds itself there only."""

    def __init__(self, fs: FileSystem) -> None:
        super().__init__(fs, b"/")

    def names(self, caller: Caller) -> list[bytes]:
        return [str(caller.process.pid).encode(), b"self"]

    def find(self, caller: Caller | None, name: bytes) -> Node | None:
        if caller is None:
            return None
        if name == b"self":
            return ProcLink(self.fs, b"self", caller.process.pid)
        pid = caller.process.pid
        return ProcDirectory(self.fs, pid) if name == str(pid).encode() else None


class ProcDirectory(GeneratedDirectory):
    """/proc/PID."""

    def __init__(self, fs: FileSystem, pid: int) -> None:
        super().__init__(fs, b"/%d" % pid)
        self.pid = pid

    def names(self, caller: Caller) -> list[bytes]:
        return sorted((*_LINKS, *_TEXTS, b"pagemap"))

    def find(self, caller: Caller | None, name: bytes) -> Node | None:
        if name in _LINKS:
            return ProcLink(self.fs, name, self.pid)
        if name in _TEXTS:
            return ProcText(self.fs, name, self.pid)
        return ProcPagemap(self.fs, self.pid) if name == b"pagemap" else None


class ProcLink(GeneratedLink):
    def __init__(self, fs: FileSystem, name: bytes, pid: int) -> None:
        super().__init__(fs, b"/%d/%s" % (pid, name))
        self.name, self.pid = name, pid

    def target(self, caller: Caller | None) -> bytes:
        if self.name == b"self":
            return str(self.pid).encode()
        process = caller.kernel.processes.get(self.pid) if caller is not None else None
        if process is None:
            raise LinuxError(Errno.ENOENT)
        if self.name == b"exe":
            return process.exe.encode(errors="surrogateescape")
        return process.cwd.path if self.name == b"cwd" and process.cwd is not None else b"/"


class ProcText(GeneratedFile):
    def __init__(self, fs: FileSystem, name: bytes, pid: int) -> None:
        super().__init__(fs, b"/%d/%s" % (pid, name))
        self.name, self.pid = name, pid

    def text(self, caller: Caller) -> bytes:
        return _TEXTS[self.name](_process(caller, self.pid)).encode(errors="surrogateescape")


class ProcPagemap(GeneratedFile):
    def __init__(self, fs: FileSystem, pid: int) -> None:
        super().__init__(fs, b"/%d/pagemap" % pid, 0o400)
        self.pid = pid

    def open(self, call: Caller, place: Place, flags: int) -> File:
        if flags & O_ACCMODE != O_RDONLY:
            raise LinuxError(Errno.EACCES)
        return PagemapFile(_process(call, self.pid).mm)


def _process(caller: Caller, pid: int) -> Process:
    process = caller.kernel.processes.get(pid)
    if process is None:
        raise LinuxError(Errno.ESRCH)
    return process


def maps(process: Process) -> str:
    """/proc/PID/maps; the kernel's own areas are not in it."""
    lines = []
    for vma in process.mm.vmas:
        rights = "".join(letter if vma.prot & 1 << i else "-" for i, letter in enumerate("rwx"))
        shared = "s" if vma.shared else "p"
        name = vma.name if vma.name.startswith(("[", "/")) or vma.file is not None else ""
        head = f"{vma.start:08x}-{vma.end:08x} {rights}{shared} {vma.offset:08x} 00:00 0"
        lines.append(f"{head:<73}{name}\n" if name else f"{head} \n")
    return "".join(lines)


def _comm(process: Process) -> str:
    return process.tasks[0].name.decode(errors="surrogateescape")


def _status(process: Process) -> str:
    """/proc/PID/status: the lines for what this kernel models."""
    size = sum(vma.end - vma.start for vma in process.mm.vmas) // 1024
    ids = "0\t0\t0\t0"
    return (
        f"Name:\t{_comm(process)}\nState:\tR (running)\n"
        f"Tgid:\t{process.pid}\nPid:\t{process.pid}\nUid:\t{ids}\nGid:\t{ids}\n"
        f"VmSize:\t{size:8} kB\nThreads:\t{len(process.tasks)}\n"
    )


_TEXTS: Final[dict[bytes, Callable[[Process], str]]] = {  # by name under /proc/self
    b"maps": maps,
    b"status": _status,
    b"comm": lambda process: _comm(process) + "\n",
    b"cmdline": lambda process: "\0".join(process.arguments) + "\0",
}
