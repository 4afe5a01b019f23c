"""/proc/PID/fd and fdinfo (fs/proc/fd.c): the descriptors of a process as links to the open files, and as texts."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from kernel_model.abi.files import O_CLOEXEC, O_PATH
from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.files.proc.mounts import mount_id
from kernel_model.files.proc.process_file import owner
from kernel_model.files.proc.seq_file import SeqNode
from kernel_model.files.proc.subject import Subject, is_visible, owner_of
from kernel_model.files.tree.generated import GeneratedDirectory, GeneratedLink
from kernel_model.files.tree.opened import place_of_file

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.file import File
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.node import Node
    from kernel_model.files.tree.place import Place
    from kernel_model.task.fd_table import Descriptor

_LINK_SIZE = 64  # bytes: st_size of the links, whatever they say
_FD_MAX = 9  # digits of a descriptor's name


class FdDirectory(GeneratedDirectory):
    """`name`: fd or fdinfo. Those of a zombie are empty."""

    def __init__(self, fs: FileSystem, key: bytes, subject: Subject, name: bytes) -> None:
        super().__init__(fs, key, 0o500 if name == b"fd" else 0o555)
        self.pid, self.tid, self.whole, self.name, self.key = subject.process.pid, subject.tid, subject.whole, name, key
        self.uid, self.gid = owner_of(subject, self.mode)
        self.file_owner = owner_of(subject, stat.S_IFREG)
        self.count = len(subject.process.files) if subject.task is not None and name == b"fd" else 0

    @property
    def size(self) -> int:
        return self.count

    def looked_up(self, caller: Caller, subject: Subject) -> FdDirectory:
        """A process may use its own; fdinfo needs the right to trace (proc_fd_permission, proc_fdinfo_permission)."""
        if subject.process is caller.process:
            self.verdict = True
        elif self.name == b"fdinfo" and not is_visible(caller, subject):
            self.verdict = False
        return self

    def names(self, caller: Caller) -> list[bytes]:
        subject = owner(caller, self.pid, self.tid, self.whole)
        if subject is None or subject.task is None:
            return []
        return [b"%d" % fd for fd in subject.process.files]

    def find(self, caller: Caller | None, name: bytes) -> Node | None:
        found = descriptor(caller, self, name)
        if found is None:
            return None
        key, is_link = self.key + b"/" + name, self.name == b"fd"
        node = FdLink(self.fs, key, found.file) if is_link else FdInfo(self.fs, key, self, name)
        node.uid, node.gid = self.file_owner
        return node


def descriptor(call: Caller | None, directory: FdDirectory, name: bytes) -> Descriptor | None:
    subject = owner(call, directory.pid, directory.tid, directory.whole) if call is not None else None
    if subject is None or subject.task is None or not name.isdigit() or len(name) > _FD_MAX:
        return None
    try:
        return subject.process.files.descriptor(int(name)) if name == b"%d" % int(name) else None
    except LinuxError:
        return None


class FdLink(GeneratedLink):
    """A link to an open file, whatever its text says. Its mode tells for what the file is open."""

    def __init__(self, fs: FileSystem, key: bytes, file: File) -> None:
        is_path = bool(file.flags & O_PATH)
        rights = 0 if is_path else (0o500 if file.readable else 0) | (0o300 if file.writable else 0)
        super().__init__(fs, key, rights)
        self.file = file

    @property
    def size(self) -> int:
        return _LINK_SIZE

    def target(self, caller: Caller | None) -> bytes:
        return self.file.link

    def jump(self, caller: Caller | None) -> Place | None:
        return None if caller is None else place_of_file(caller, self.file)


class FdInfo(SeqNode):
    """Position, flags, mount and inode of an open file, and what its kind adds."""

    can_splice = False

    def __init__(self, fs: FileSystem, key: bytes, directory: FdDirectory, name: bytes) -> None:
        super().__init__(fs, key)
        self.directory, self.name = directory, name

    def text(self, caller: Caller) -> bytes:
        found = descriptor(caller, self.directory, self.name)
        if found is None:
            raise LinuxError(Errno.ENOENT)
        file = found.file
        flags = file.flags | (O_CLOEXEC if found.close_on_exec else 0)
        head = f"pos:\t{file.position}\nflags:\t0{flags:o}\nmnt_id:\t{mount_id(caller, file)}\n"
        return f"{head}ino:\t{file.status().inode}\n{file.fdinfo(caller.cpu)}".encode()
