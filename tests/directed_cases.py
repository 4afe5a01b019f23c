"""Worlds with one directive, fills stopped before a step, and directives that no kernel would make."""

from __future__ import annotations

from dataclasses import replace

from kernel_model.abi import uffd as uffd_abi
from pffemu.arch.directed import Reason
from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw import directive
from pffemu.hw.directed_resolution import Outcome, Result
from tests.directed_world import AREA, U, World

COPY, MAP, ZERO = uffd_abi.DIRECT_COPY, uffd_abi.DIRECT_MAP, uffd_abi.DIRECT_ZERO
FILLED = Outcome(Result.REPLAY)
CF, ZF = 1, 0x40
BEFORE = ("claim", "frame", "source", "fill", "record", "publish")  # a COPY fill about to make this step


def declined(reason: Reason) -> Outcome:
    return Outcome(Result.DECLINED, reason)


def world(kind: int = ZERO, cores: int = 2, frames: int = 4, **options: int) -> World:
    made = World(cores)
    for core in range(cores):
        made.donate(core, frames)
    assert made.direct(kind, **options) == 1
    return made


def at(made: World, step: str, core: int = 0, address: int = AREA, error_code: int = U) -> None:
    """A fill of the core that is about to make `step`."""
    assert made.fault(core, address, error_code)
    for _ in range(10):
        fill = made.cores[core].directed.fill
        assert fill is not None
        if fill.step == step:
            return
        made.step(core)
    raise AssertionError(step)


def change(made: World, index: int = 1, **fields: object) -> None:
    """Write a directive that the kernel would never make."""
    memory = made.memory
    assert memory is not None
    old = memory.directive(index)
    assert old is not None
    directive.store(made.ram.words, memory.context(0).table, index, replace(old, **fields))  # type: ignore[arg-type]


def entry(made: World, page: int = 0) -> int:
    return made.mm.pages.entry(AREA + page * PAGE_SIZE)
