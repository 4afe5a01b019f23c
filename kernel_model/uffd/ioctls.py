"""The ioctls of a userfaultfd by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel_model.abi import uffd as uffd_abi
from kernel_model.uffd import fill, move, protect, register

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.uffd.context import Userfaultfd

Ioctl = Callable[["Userfaultfd", "Call", int], int]


def _timed(ioctl: Ioctl) -> Ioctl:
    """The ioctl, which returns its duration in cycles instead of 0 (PFF-UINTR, fs/userfaultfd.c)."""

    def timed(uffd: Userfaultfd, call: Call, argument: int) -> int:
        since = call.cpu.clock
        return ioctl(uffd, call, argument) or call.cpu.clock - since

    return timed


IOCTLS: Final[dict[int, Ioctl]] = {
    uffd_abi.API: register.api,
    uffd_abi.REGISTER: register.register,
    uffd_abi.UNREGISTER: register.unregister,
    uffd_abi.WAKE: register.wake,
    uffd_abi.COPY: fill.copy,
    uffd_abi.ZEROPAGE: fill.zeropage,
    uffd_abi.CONTINUE: fill.continue_,
    uffd_abi.POISON: fill.poison,
    uffd_abi.WRITEPROTECT: protect.writeprotect,
    uffd_abi.MOVE: move.move,
}
TIMED_IOCTLS: Final[dict[int, Ioctl]] = {
    **IOCTLS,
    **{number: _timed(IOCTLS[number]) for number in (uffd_abi.COPY, uffd_abi.ZEROPAGE, uffd_abi.CONTINUE)},
}
