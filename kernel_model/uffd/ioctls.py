"""The ioctls of a userfaultfd by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel_model.abi import uffd as uffd_abi
from kernel_model.uffd import fill, move, protect, register

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.uffd.context import Userfaultfd

IOCTLS: Final[dict[int, Callable[[Userfaultfd, Call, int], int]]] = {
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
