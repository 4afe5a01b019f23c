"""The files of /proc/PID: those of the tables, and the two that are no text (mem, pagemap)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.pagemap import PagemapFile
from kernel_model.files.proc.mem_file import MemFile
from kernel_model.files.proc.seq_file import MountsFile, SeqNode
from kernel_model.files.proc.subject import Subject, is_visible, leader, owner_of
from kernel_model.files.proc.tables import PROCESS
from kernel_model.files.tree.generated import GeneratedFile
from kernel_model.task.task import Process
from kernel_model.task.trace_rights import may_trace

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.place import Place

_POLLED: Final = (b"mounts", b"mountinfo")


def owner(call: Caller, pid: int, tid: int, whole: bool) -> Subject | None:
    """Who a node of process `pid` is about; None: the process or thread is gone."""
    process = call.kernel.processes.get(pid)
    if process is None:
        return None
    for task in process.tasks:
        if task.tid == tid:
            return Subject(process, tid, task, whole)
    return Subject(process, tid, leader(process), whole) if tid == pid else None


def living_process(call: Caller | None, pid: int) -> Process:
    """The process of a link. Raises LinuxError ENOENT when it has ended, EACCES (proc_fd_access_allowed)."""
    process = call.kernel.processes.get(pid) if call is not None else None
    if process is None or not process.tasks:
        raise LinuxError(Errno.ENOENT)
    if call is not None and not may_trace(call.task, process):
        raise LinuxError(Errno.EACCES)
    return process


class ProcessFile(SeqNode):
    """A text of the tables about a process or thread, known by its numbers: they are never used again."""

    def __init__(self, fs: FileSystem, key: bytes, subject: Subject, name: bytes) -> None:
        super().__init__(fs, key, PROCESS[name].mode)
        self.pid, self.tid, self.whole, self.name = subject.process.pid, subject.tid, subject.whole, name
        self.uid, self.gid = owner_of(subject, self.mode)
        self.seeks_end = PROCESS[name].seeks_end
        self.can_splice = name.startswith(b"mount")

    def _subject(self, call: Caller) -> Subject:
        subject = owner(call, self.pid, self.tid, self.whole)
        if subject is None:
            raise LinuxError(Errno.ESRCH)
        return subject

    def open(self, call: Caller, place: Place, flags: int) -> File:
        row, subject = PROCESS[self.name], self._subject(call)
        if row.needs_memory and subject.mm is None:
            raise LinuxError(Errno.ESRCH)
        if row.shows_memory and not is_visible(call, subject):
            raise LinuxError(Errno.EACCES)
        if self.name in _POLLED:
            return MountsFile(place, self, flags, call.kernel.tree)
        return super().open(call, place, flags)

    def text(self, caller: Caller) -> bytes:
        made = PROCESS[self.name].make(caller, self._subject(caller))
        return made.encode(errors="surrogateescape") if isinstance(made, str) else made

    def store(self, call: Caller, data: bytes) -> None:
        store = PROCESS[self.name].store
        if store is None:
            super().store(call, data)
        else:
            store(call, self._subject(call), data)


class SpecialFile(GeneratedFile):
    """mem and pagemap: they open the address space that the process has now."""

    def __init__(self, fs: FileSystem, key: bytes, subject: Subject, name: bytes, mode: int) -> None:
        super().__init__(fs, key, mode)
        self.uid, self.gid = owner_of(subject, self.mode)
        self.pid, self.tid, self.whole, self.name = subject.process.pid, subject.tid, subject.whole, name

    def open(self, call: Caller, place: Place, flags: int) -> File:
        subject = owner(call, self.pid, self.tid, self.whole)
        if subject is None or subject.mm is None:
            raise LinuxError(Errno.ESRCH)
        if not is_visible(call, subject):
            raise LinuxError(Errno.EACCES)
        return MemFile(place, flags, subject.mm) if self.name == b"mem" else PagemapFile(subject.mm, flags, place)
