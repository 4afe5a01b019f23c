"""Every way to bring in a page: one row each, read by `--mode` and by the tests' `# mode:` and `# forward:`.

A new mechanism needs a row here, and what the kernel adds for it (uffd.answers); CONTRIBUTING.md has the recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from kernel_model.abi import uapi
from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.syscalls import Sys
from kernel_model.uffd.answers import Answers, NoAnswers
from kernel_model.uffd.upcall import Upcalls

UFFD, HANDLER = "userfaultfd", "handler"  # a descriptor, and the handler's address, in a Registration


class Handles(Enum):
    """Which code brings the page in."""

    KERNEL = "kernel"
    THREADS = "threads"  # the program's threads that read messages; or a signal handler of the faulting one
    FAULTING_THREAD = "faulting thread"  # in a handler whose address it registers


class Registration(NamedTuple):
    """The system call by which a thread registers its handler, and whether STUI follows."""

    call: Sys
    arguments: tuple[int | str, ...]
    stui: bool = False


class Mechanism(NamedTuple):
    """A row. `forwarding`: the hardware may deliver page faults to ring 3. `answers`: additions to userfaultfd."""

    handles: Handles
    userfaultfd: bool = True
    forwarding: bool = False
    registration: Registration | None = None
    answers: Callable[[], Answers] = NoAnswers


class Mode(Enum):
    """The mechanisms by name. One guest binary runs under all of them: it asks for what there is, as on Linux."""

    KERNEL = "kernel"  # the kernel's own faults; userfaultfd() is ENOSYS
    UFFD = "uffd"  # handler threads read userfaultfd's messages
    PFF = "pff"  # page faults are forwarded to the faulting thread's user-interrupt handler
    UPCALL = "upcall"  # the kernel enters a handler in the faulting thread without a signal's frame

    @property
    def mechanism(self) -> Mechanism:
        return _MECHANISMS[self]


_MECHANISMS: Final = {
    Mode.KERNEL: Mechanism(Handles.KERNEL, userfaultfd=False),
    Mode.UFFD: Mechanism(Handles.THREADS),
    Mode.PFF: Mechanism(
        Handles.FAULTING_THREAD,
        forwarding=True,
        registration=Registration(Sys.UINTR_REGISTER_HANDLER, (HANDLER, uapi.UINTR_HANDLER_FLAG_FORWARD_PF), stui=True),
    ),
    Mode.UPCALL: Mechanism(
        Handles.FAULTING_THREAD,
        registration=Registration(Sys.IOCTL, (UFFD, uffd_abi.UPCALL, HANDLER)),
        answers=Upcalls,
    ),
}
