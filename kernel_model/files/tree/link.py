"""A symbolic link in RAM."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from kernel_model.files.tree.node import LinkNode

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.tree.file_system import FileSystem


class Link(LinkNode):
    def __init__(self, fs: FileSystem, number: int, text: bytes, now: int) -> None:
        super().__init__(fs, number, stat.S_IFLNK | 0o777, now)
        self.text = text

    @property
    def size(self) -> int:
        return len(self.text)

    def target(self, caller: Caller | None) -> bytes:
        return self.text
