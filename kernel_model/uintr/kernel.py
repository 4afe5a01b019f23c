"""The kernel as user interrupts know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kernel_model.task.kernel import Kernel

if TYPE_CHECKING:
    from kernel_model.uintr.user_interrupts import UserInterrupts


class UintrOptions(Protocol):
    @property
    def uintr_wait_forever(self) -> bool:
        """uintr_wait(flags), as in the first patches."""


class UintrKernel(Kernel, Protocol):
    @property
    def uintr(self) -> UserInterrupts: ...

    @property
    def options(self) -> UintrOptions: ...
