"""What a mechanism may add to userfaultfd: ways to answer a fault before a message is queued, and ioctls of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.mm.page_fault import EntersHandler, Fault
    from kernel_model.uffd.context import Userfaultfd

Ioctl = Callable[["Userfaultfd", "Call", int], "int | None"]  # None: the registers are as they are to be


class Answers(Protocol):
    """One a kernel. `features`: bits that UFFDIO_API reports beside Linux's."""

    features: int

    def ioctl(self, request: int) -> Ioctl | None:
        """Its own ioctl of that number."""

    def answer(self, uffd: Userfaultfd, fault: Fault) -> EntersHandler | None:
        """How the faulting thread handles `fault` itself; None: a message is queued, and the thread sleeps."""


class NoAnswers:
    """What Linux has."""

    features = 0

    def ioctl(self, _request: int) -> Ioctl | None:
        return None

    def answer(self, _uffd: Userfaultfd, _fault: Fault) -> EntersHandler | None:
        return None
