"""/proc: one directory for each process, and the files about the whole system (fs/proc/root.c, base.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from kernel_model.files.file import DELETED
from kernel_model.files.proc.descriptors import FdDirectory
from kernel_model.files.proc.folder import FolderDirectory
from kernel_model.files.proc.process_file import ProcessFile, SpecialFile, living_process, owner
from kernel_model.files.proc.subject import Subject, find_process, find_thread, owner_of
from kernel_model.files.proc.tables import ONLY_OF_THREAD, PROCESS
from kernel_model.files.tree.directory import Directory
from kernel_model.files.tree.generated import GeneratedDirectory, GeneratedLink

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.node import Node
    from kernel_model.files.tree.place import Place

PROC_MAGIC: Final = 0x9FA0
SYSFS_MAGIC: Final = 0x6265_6572
_LINKS: Final = (b"cwd", b"exe", b"root")
_FD: Final = (b"fd", b"fdinfo")
_SPECIAL: Final = {b"mem": 0o600, b"pagemap": 0o400}
_TASK, _SELF, _THREAD_SELF, _MOUNTS, _NET = b"task", b"self", b"thread-self", b"mounts", b"net"


class ProcRoot(FolderDirectory):
    """/proc: `self`, `thread-self`, the tables' files, and the processes by number."""

    def names(self, caller: Caller) -> list[bytes]:
        own = sorted({*super().names(caller), _MOUNTS, _SELF, _THREAD_SELF})
        return own + [b"%d" % pid for pid in sorted(caller.kernel.processes)]

    def find(self, caller: Caller | None, name: bytes) -> Node | None:
        """Threads are found by their number, too, but only processes are listed."""
        if name in (_SELF, _THREAD_SELF, _MOUNTS, _NET):
            return RootLink(self.fs, name)
        found = super().find(caller, name)
        if found is not None or caller is None:
            return found
        subject = find_process(caller, name)
        return None if subject is None else ProcessDirectory(self.fs, subject)


class RootLink(GeneratedLink):
    """/proc/self, thread-self, mounts, net."""

    def __init__(self, fs: FileSystem, name: bytes) -> None:
        super().__init__(fs, b"/" + name)
        self.name = name

    def target(self, caller: Caller | None) -> bytes:
        pid, tid = (caller.process.pid, caller.task.tid) if caller is not None else (0, 0)
        thread = b"%d/task/%d" % (pid, tid)
        texts = {_SELF: b"%d" % pid, _THREAD_SELF: thread, _MOUNTS: b"self/mounts", _NET: b"self/net"}
        return texts[self.name]


class ProcessDirectory(GeneratedDirectory):
    """/proc/PID, or with `whole` False /proc/PID/task/TID."""

    def __init__(self, fs: FileSystem, subject: Subject) -> None:
        self.pid, self.tid, self.whole = subject.process.pid, subject.tid, subject.whole
        super().__init__(fs, self._key(b""))
        self.links = 2 + len((*_FD, _NET)) + self.whole
        self.uid, self.gid = owner_of(subject, self.mode)

    def _key(self, name: bytes) -> bytes:
        base = b"/%d" % self.tid if self.whole else b"/%d/task/%d" % (self.pid, self.tid)
        return base + b"/" + name if name else base

    def names(self, caller: Caller) -> list[bytes]:
        texts = [name for name in PROCESS if self._has(name)]
        return sorted((*texts, *_LINKS, *_FD, *_SPECIAL, _NET, *((_TASK,) if self.whole else ())))

    def _has(self, name: bytes) -> bool:
        return name not in ONLY_OF_THREAD if self.whole else PROCESS[name].of_thread

    def find(self, caller: Caller | None, name: bytes) -> Node | None:
        subject = None if caller is None else owner(caller, self.pid, self.tid, self.whole)
        if caller is None or subject is None:
            return None
        if name in PROCESS and self._has(name):
            return ProcessFile(self.fs, self._key(name), subject, name)
        if name in _LINKS:
            return ProcessLink(self.fs, self._key(name), subject, name)
        if name in _FD:
            return FdDirectory(self.fs, self._key(name), subject, name).looked_up(caller, subject)
        if name in _SPECIAL:
            return SpecialFile(self.fs, self._key(name), subject, name, _SPECIAL[name])
        if name == _NET:
            return FolderDirectory(self.fs, (_NET,))
        return TaskDirectory(self.fs, self._key(name), subject) if name == _TASK and self.whole else None


class TaskDirectory(GeneratedDirectory):
    """/proc/PID/task: the threads."""

    def __init__(self, fs: FileSystem, key: bytes, subject: Subject) -> None:
        super().__init__(fs, key)
        self.pid, self.links = subject.process.pid, 2 + max(1, len(subject.process.tasks))
        self.uid, self.gid = owner_of(subject, self.mode)

    def names(self, caller: Caller) -> list[bytes]:
        process = caller.kernel.processes.get(self.pid)
        tids = [task.tid for task in process.tasks] or [self.pid] if process is not None else []
        return [b"%d" % tid for tid in sorted(tids)]

    def find(self, caller: Caller | None, name: bytes) -> Node | None:
        process = caller.kernel.processes.get(self.pid) if caller is not None else None
        subject = find_thread(process, name) if process is not None else None
        return None if subject is None else ProcessDirectory(self.fs, subject)


class ProcessLink(GeneratedLink):
    """cwd, exe, root. A zombie has none of them (ENOENT); EACCES without the right to trace the process."""

    magic: ClassVar[bool] = True

    def __init__(self, fs: FileSystem, key: bytes, subject: Subject, name: bytes) -> None:
        super().__init__(fs, key)
        self.pid, self.name = subject.process.pid, name
        self.uid, self.gid = owner_of(subject, self.mode)

    def target(self, caller: Caller | None) -> bytes:
        process = living_process(caller, self.pid)
        if self.name == b"exe":
            return process.exe.encode(errors="surrogateescape")
        if self.name != b"cwd" or process.cwd is None or caller is None:
            return b"/"
        now = caller.kernel.tree.again(process.cwd)
        return now.path + DELETED if isinstance(now.node, Directory) and now.node.removed else now.path

    def jump(self, caller: Caller | None) -> Place | None:
        """A current directory stays where it is when it is renamed, or removed."""
        return living_process(caller, self.pid).cwd if self.name == b"cwd" else None
