"""Directories and files that are the same for every process: /sys, /proc/sys, and the files of /proc itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.files.host_tree import Names
from kernel_model.files.proc.seq_file import SeqNode
from kernel_model.files.proc.sysfs import CPU, core_folder
from kernel_model.files.proc.tables import FOLDERS
from kernel_model.files.proc.text import Folder, Text
from kernel_model.files.tree.generated import GeneratedDirectory

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.file_system import FileSystem
    from kernel_model.files.tree.node import Node

_CORE = b"cpu"


def row(fs: FileSystem, at: Names) -> Text | Folder:
    """What the tables have at `at`, which exists."""
    found: Text | Folder = FOLDERS[fs.name]
    for name in at:
        assert not isinstance(found, Text)
        found = core_folder(int(name[len(_CORE) :])) if found is CPU and _is_core(name) else found[name]
    return found


def _is_core(name: bytes) -> bool:
    number = name[len(_CORE) :]
    return name.startswith(_CORE) and number.isdigit() and number == b"%d" % int(number)


class FolderDirectory(GeneratedDirectory):
    """A directory of the tables. `at`: its names below the root of its file system.

    `links` counts directories in sysfs; 1 elsewhere means that it does not, as in /proc/sys.
    """

    def __init__(self, fs: FileSystem, at: Names = ()) -> None:
        super().__init__(fs, b"/" + b"/".join(at), 0o755 if fs.name == "sysfs" and at else 0o555)
        self.at = at
        folders = sum(not isinstance(each, Text) for each in self._folder().values())
        self.links = 2 + folders if fs.name == "sysfs" else 1

    def _folder(self) -> Folder:
        folder = row(self.fs, self.at)
        assert not isinstance(folder, Text)
        return folder

    def names(self, caller: Caller) -> list[bytes]:
        folder = self._folder()
        cores = range(caller.kernel.scheduler.cores) if folder is CPU else ()
        return [*(b"cpu%d" % i for i in cores), *folder]

    def find(self, caller: Caller | None, name: bytes) -> Node | None:
        folder = self._folder()
        is_core = folder is CPU and caller is not None and name in self.names(caller) and _is_core(name)
        if not is_core and name not in folder:
            return None
        at = (*self.at, name)
        return TextNode(self.fs, at) if isinstance(row(self.fs, at), Text) else FolderDirectory(self.fs, at)


class TextNode(SeqNode):
    """A file of the tables."""

    def __init__(self, fs: FileSystem, at: Names) -> None:
        found = row(fs, at)
        assert isinstance(found, Text)
        super().__init__(fs, b"/" + b"/".join(at), found.mode)
        self.at = at
        self.refusal, self.checks_rights = found.refusal, found.checks_rights
        self.seeks_end, self.at_once = found.seeks_end, found.at_once

    def _row(self) -> Text:
        found = row(self.fs, self.at)
        assert isinstance(found, Text)
        return found

    @property
    def size(self) -> int:
        return self._row().size

    def text(self, caller: Caller) -> bytes:
        return self._row().make(caller).encode(errors="surrogateescape")

    def store(self, call: Caller, data: bytes) -> None:
        store = self._row().store
        if store is None:
            super().store(call, data)
        else:
            store(call, data)
