"""What a mechanism may add to userfaultfd: ways to answer a fault before a message is queued, and ioctls of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.mm.page_fault import EntersHandler, Fault
    from kernel_model.task.task import Task
    from kernel_model.uffd.context import Userfaultfd

Ioctl = Callable[["Userfaultfd", "Call", int], "int | None"]  # None: the registers are set already


class Resolved(NamedTuple):
    """The kernel has brought the page in: the access is repeated."""


class Answers(Protocol):
    """One value a kernel. `features`: bits that UFFDIO_API reports beside Linux's.

    What the mechanism keeps for one userfaultfd is that one's `added`, so that it ends with it.
    """

    @property
    def features(self) -> int: ...

    def ioctl(self, request: int) -> Ioctl | None:
        """The mechanism's own ioctl with number `request`; None: it has none."""

    def answer(self, uffd: Userfaultfd, fault: Fault, reason: int) -> EntersHandler | Resolved | None:
        """The answer to `fault` of the kind `reason` (MODE_*); None: a message is queued, and the thread sleeps."""

    def forget(self, uffd: Userfaultfd, task: Task) -> None:
        """The thread no longer waits for an answer."""

    def closed(self, uffd: Userfaultfd) -> None:
        """The userfaultfd is closed."""


class NoAnswers:
    """Linux's userfaultfd: messages only. Mechanisms begin from it."""

    features: ClassVar[int] = 0

    def ioctl(self, _request: int) -> Ioctl | None:
        return None

    def answer(self, _uffd: Userfaultfd, _fault: Fault, _reason: int) -> EntersHandler | Resolved | None:
        return None

    def forget(self, _uffd: Userfaultfd, _task: Task) -> None:
        pass

    def closed(self, _uffd: Userfaultfd) -> None:
        pass
