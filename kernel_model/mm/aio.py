"""Contexts of asynchronous input and output (fs/aio.c: struct kioctx), which belong to an address space."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kernel_model.wait.queue import WaitQueue

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm


@dataclass(slots=True, eq=False)
class AioContext:
    """`wanted`: the events that io_setup asked for, `capacity`: those it has room for. `events`: struct io_event."""

    wanted: int
    capacity: int
    events: list[bytes] = field(default_factory=list)
    waiters: WaitQueue = field(default_factory=lambda: WaitQueue("events of asynchronous requests"))
    is_gone: bool = False


def requested(mms: Iterable[Mm]) -> int:
    """The events that all contexts were made for (fs.aio-nr); an address space may come twice."""
    spaces = {id(mm): mm for mm in mms}
    return sum(context.wanted for mm in spaces.values() for context in mm.aio.values())
