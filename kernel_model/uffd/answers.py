"""What a mechanism may add to userfaultfd: ways to answer a fault before a message is queued, and ioctls of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.mm.page_fault import EntersHandler, Fault
    from kernel_model.uffd.context import Userfaultfd

Ioctl = Callable[["Userfaultfd", "Call", int], "int | None"]  # None: the registers are set already


class Answers(Protocol):
    """One value a kernel. `features`: bits that UFFDIO_API reports beside Linux's."""

    features: int

    def ioctl(self, request: int) -> Ioctl | None:
        """The mechanism's own ioctl with number `request`; None: it has none."""

    def answer(self, uffd: Userfaultfd, fault: Fault) -> EntersHandler | None:
        """The handler in the faulting thread for `fault`; None: a message is queued, and the thread sleeps."""


class NoAnswers:
    """Linux's userfaultfd: messages only."""

    features = 0

    def ioctl(self, _request: int) -> Ioctl | None:
        return None

    def answer(self, _uffd: Userfaultfd, _fault: Fault) -> EntersHandler | None:
        return None
