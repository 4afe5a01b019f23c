"""Rows of the tables of generated files: what makes a file's text, and what takes what is written to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_model.abi.uapi import Errno

if TYPE_CHECKING:
    from kernel_model.files.caller import Caller
    from kernel_model.files.proc.subject import Subject


@dataclass(frozen=True, slots=True)
class Text:
    """A file that is the same for every process. `store`: None: it cannot be written to. Both raise LinuxError.

    `size`: st_size; `refusal`: errno of a write without `store`; `checks_rights`: opening it fails where the mode
    grants nothing, also for root (sysctl, sysfs); `seeks_end`: SEEK_END works; `at_once`: a read that does not begin
    at its start finds nothing (proc_dointvec).
    """

    make: Callable[[Caller], str]
    store: Callable[[Caller, bytes], None] | None = None
    mode: int = 0o444
    size: int = 0
    refusal: Errno = Errno.EIO
    checks_rights: bool = False
    seeks_end: bool = False
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class ProcessText:
    """A file of /proc/PID; see Text. `of_thread`: a thread's directory has it, too.

    `needs_memory`: opening that of a zombie fails. `shows_memory`: opening it needs the right to trace the process.
    """

    make: Callable[[Caller, Subject], str | bytes]
    store: Callable[[Caller, Subject, bytes], None] | None = None
    mode: int = 0o444
    seeks_end: bool = False
    of_thread: bool = True
    needs_memory: bool = False
    shows_memory: bool = False


Folder = Mapping[bytes, "Text | Folder"]  # a directory of files that are the same for every process
