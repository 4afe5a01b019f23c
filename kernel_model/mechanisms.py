"""Every way to bring in a page: one row each, read by `--mode` and by the tests' `# mode:` and `# forward:`.

A new mechanism needs a row here, and what the kernel adds for it (uffd.answers); CONTRIBUTING.md has the recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from kernel_model.abi import uapi
from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.prctl import PR_USER_FAULTS_ENABLE, PrctlOption
from kernel_model.abi.syscalls import Sys
from kernel_model.uffd.answers import Answers, NoAnswers
from kernel_model.uffd.daemon import Daemons
from kernel_model.uffd.directions import Directions
from kernel_model.uffd.policy import Policies
from kernel_model.uffd.upcall import Upcalls
from pffemu.arch.frames import FrameLayout
from pffemu.hw.mmu import UffdLookup

UFFD, HANDLER = "userfaultfd", "handler"  # a descriptor, and the handler's address, in a Registration


class Handles(Enum):
    """Which code brings the page in."""

    KERNEL = "kernel"
    THREADS = "threads"  # the program's threads that read messages; or a signal handler of the faulting one
    DAEMON = "daemon"  # another process
    FAULTING_THREAD = "faulting thread"  # in a handler whose address it registers


class Registration(NamedTuple):
    """The system call by which a thread registers its handler, and the instruction that follows it."""

    call: Sys
    arguments: tuple[int | str, ...]
    then: str = ""


class Mechanism(NamedTuple):
    """A row. `forwarding`: the hardware may deliver page faults of userfaultfd memory to ring 3. `cores`: options of
    the cores (CpuOptions) that the mode sets. `answers`: additions to userfaultfd.
    """

    handles: Handles
    userfaultfd: bool = True
    forwarding: bool = False
    cores: Mapping[str, Any] = MappingProxyType({})
    registration: Registration | None = None
    answers: Callable[[], Answers] = NoAnswers


class Mode(Enum):
    """The mechanisms by name. One guest binary runs under all of them: it asks for what there is, as on Linux."""

    KERNEL = "kernel"  # the kernel's own faults; userfaultfd() is ENOSYS
    UFFD = "uffd"  # handler threads read userfaultfd's messages
    PFF = "pff"  # page faults are forwarded to the faulting thread's user-interrupt handler
    PFF_PTE = "pff-pte"  # the same, where bit 58 of the page-table entry takes the place of the region table
    USERFAULT = "userfault"  # every page fault of ring 3 enters the faulting thread's handler, while its flag is set
    DAEMON = "daemon"  # a thread of another process answers over shared memory
    POLICY = "policy"  # the kernel answers by a policy that the program has chosen for a range
    HW = "hw"  # the core's own unit resolves page faults as directives say; what it declines is forwarded
    UPCALL = "upcall"  # the kernel enters a handler in the faulting thread without a signal's frame

    @property
    def mechanism(self) -> Mechanism:
        return _MECHANISMS[self]


_FORWARD_PF: Final = Registration(
    Sys.UINTR_REGISTER_HANDLER, (HANDLER, uapi.UINTR_HANDLER_FLAG_FORWARD_PF), then="stui"
)
_MECHANISMS: Final = {
    Mode.KERNEL: Mechanism(Handles.KERNEL, userfaultfd=False),
    Mode.UFFD: Mechanism(Handles.THREADS),
    Mode.PFF: Mechanism(Handles.FAULTING_THREAD, forwarding=True, registration=_FORWARD_PF),
    Mode.PFF_PTE: Mechanism(
        Handles.FAULTING_THREAD, forwarding=True, cores={"uffd_lookup": UffdLookup.PTE_BIT}, registration=_FORWARD_PF
    ),
    Mode.USERFAULT: Mechanism(
        Handles.FAULTING_THREAD,
        cores={"user_faults": True, "frame_layout": FrameLayout.USER_FAULT},
        registration=Registration(Sys.PRCTL, (PrctlOption.PR_USER_FAULTS, PR_USER_FAULTS_ENABLE, HANDLER), then="stuf"),
    ),
    Mode.DAEMON: Mechanism(Handles.DAEMON, answers=Daemons),
    Mode.POLICY: Mechanism(Handles.KERNEL, answers=Policies),
    Mode.HW: Mechanism(Handles.FAULTING_THREAD, forwarding=True, registration=_FORWARD_PF, answers=Directions),
    Mode.UPCALL: Mechanism(
        Handles.FAULTING_THREAD,
        registration=Registration(Sys.IOCTL, (UFFD, uffd_abi.UPCALL, HANDLER)),
        answers=Upcalls,
    ),
}


class Named(NamedTuple):
    """What a name of `compare --mechanism` stands for: the machine's mode, and the guest's choice among its offers."""

    mode: Mode
    guest: str  # how the guest brings pages in and throws them out: a file of its cache library


# every way to bring in a page; several share a mode, where the choice is the guest's alone
NAMED: Final = {
    "kernel": Named(Mode.KERNEL, "kernel"),
    "pin": Named(Mode.KERNEL, "pin"),
    "swizzle": Named(Mode.KERNEL, "swizzle"),
    "sigsegv": Named(Mode.KERNEL, "sigsegv"),
    "uffd": Named(Mode.UFFD, "uffd"),
    "uffd-sigbus": Named(Mode.UFFD, "uffd-sigbus"),
    "daemon": Named(Mode.DAEMON, "daemon"),
    "policy": Named(Mode.POLICY, "kernel-policy"),
    "upcall": Named(Mode.UPCALL, "upcall"),
    "exmap": Named(Mode.KERNEL, "exmap"),
    "userfault": Named(Mode.USERFAULT, "userfault"),
    "pff": Named(Mode.PFF, "pff"),
    "pff-pte": Named(Mode.PFF_PTE, "pff"),
    "hw": Named(Mode.HW, "hw"),
}
