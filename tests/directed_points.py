"""Points inside one operation of a directed world, between which other cores act.

An operation is a call of the kernel, PAGEOUT, or one step of a unit. Its points lie before and behind everything that
it does to what cores share: entries of page tables, frames, rings, directives, epochs, TLBs. At each, `Interleaving`
lets other cores go on: their faults, steps of their units, PAGEOUT, loads and stores, and the end of another process.
The kernel's operations on one address space exclude each other by its locks, so no second one begins there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from kernel_model.kernel import Kernel
from kernel_model.mm.frames import FrameAllocator
from kernel_model.mm.page_tables import PageTables
from kernel_model.mm.vma import VmaList
from kernel_model.uffd.directed_memory import DirectedMemory
from pffemu.arch.directed import index_of
from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw import directed_resolution, directive, frame_rings
from pffemu.hw.cpu import Cpu
from pffemu.hw.frame_rings import Ring
from pffemu.hw.insns import pageout
from tests.directed_world import AREA, PAGES, SHARED, SHARED_PAGES, U, W, World

Act = tuple[int, int, int]  # what, which core, where

POINTS: Final = (
    (PageTables, ("entry", "set", "set_run", "replace", "replace_empty", "narrow", "parts", "used", "copy_private",
                  "clear_bits", "drop_private")),
    (FrameAllocator, ("take", "take_copy", "take_uncleared", "give_back", "give_back_all", "share_all")),
    (Ring, ("produce", "consume", "reset", "arm", "peek", "entries")),
    (DirectedMemory, ("settle", "make", "filled", "recycle")),
    (VmaList, ("remove", "isolate", "merge")),
    (Kernel, ("flush_stale",)),
    (Cpu, ("flush_tlb",)),
    (frame_rings, ("record_ring", "return_ring", "next_epoch", "acknowledge", "move_gate", "set_in_flight")),
    (directive, ("load", "store", "add_left")),
)  # fmt: skip


class Interleaving:
    """`acts`: what the other cores do, one at each point where `at` says so, until none is left. `points`: seen."""

    def __init__(self, world: World, acts: Iterator[Act | None]) -> None:
        self._world, self._acts = world, acts
        self._on = False
        self._within: list[int] = []  # cores that are in the middle of a step or of PAGEOUT
        self._page = AREA  # what the operation is about
        self.points = self.acted = 0
        self.script: dict[int, Callable[[World], object]] = {}  # acts by the number of their point

    @contextmanager
    def operation(self) -> Iterator[None]:
        """Other cores act at the points of what runs inside."""
        self._on = True
        try:
            yield
        finally:
            self._on = False

    def point(self) -> None:
        if not self._on:
            return
        scripted = self.script.get(self.points)
        self.points += 1
        act = next(self._acts, None)
        if act is None and scripted is None:
            return
        self._on = False
        gates, self._world.allocator.gates = self._world.allocator.gates, []
        try:
            if scripted is not None:
                scripted(self._world)
            elif act is not None:
                self._act(*act)
        finally:
            self._world.allocator.gates = gates
            self._on = True

    def _act(self, what: int, core: int, where: int) -> None:
        world = self._world
        others = [cpu.index for cpu in world.cores if cpu.index not in self._within]
        if what == _KILL_CHILD:
            if world.children and world.children[-1].mm is not world.mm and not self._closes_last():
                world.kill_child()
            return
        if not others or not world.alive:
            return
        self.acted += 1
        page = self._page if where % 2 else AREA + where // 2 % PAGES * PAGE_SIZE
        _ACTS[what % len(_ACTS)](world, others[core % len(others)], page, what // len(_ACTS))

    def _closes_last(self) -> bool:
        """Whether the child's end would close a userfaultfd for good: that excludes operations on its directives."""
        ours = set(map(id, self._world.process.files.files()))
        return any(id(file) not in ours for file in self._world.children[-1].files.files())

    @contextmanager
    def _of(self, core: int) -> Iterator[None]:
        self._within.append(core)
        try:
            yield
        finally:
            self._within.pop()

    @contextmanager
    def installed(self) -> Iterator[Interleaving]:
        """The points exist inside."""
        with ExitStack() as stack:
            for owner, names in POINTS:
                for name in names:
                    told = owner is PageTables and name in ("entry", "set")
                    stack.enter_context(patch.object(owner, name, self._pointed(getattr(owner, name), told)))
            for module, name in ((directed_resolution, "step"), (pageout, "execute")):
                stack.enter_context(patch.object(module, name, self._busy(module, name)))
            stack.enter_context(patch.object(World, "step", self._stepping(World.step)))
            yield self

    def _pointed(self, function: Callable[..., Any], told: bool) -> Callable[..., Any]:
        """`told`: the first argument is the page that the operation is about."""

        def pointed(*arguments: Any, **options: Any) -> Any:
            if told and self._on:
                self._about(arguments[1])
            self.point()
            result = function(*arguments, **options)
            self.point()
            return result

        return pointed

    def _busy(self, module: Any, name: str) -> Callable[..., Any]:
        function = getattr(module, name)

        def busy(cpu: Cpu, *arguments: Any) -> Any:
            if module is pageout and self._on:
                self._about(cpu.registers["rax"])
            with self._of(cpu.index):
                return function(cpu, *arguments)

        return busy

    def _stepping(self, function: Callable[[World, int], Any]) -> Callable[[World, int], Any]:
        def stepping(world: World, core: int) -> Any:
            fill = world.cores[core].directed.fill
            if fill is not None and self._on:
                self._about(fill.page)
            with self._of(core):
                return function(world, core)

        return stepping

    def _about(self, address: int) -> None:
        if AREA <= address < AREA + PAGES * PAGE_SIZE or SHARED <= address < SHARED + SHARED_PAGES * PAGE_SIZE:
            self._page = address & -PAGE_SIZE


def _fault(world: World, core: int, page: int, how: int) -> None:
    world.fault(core, page, U | (W if how % 2 else 0))
    for _ in range(how):
        world.step(core)


def _page_out(world: World, core: int, page: int, how: int) -> None:
    if world.cores[core].directed.fill is None:
        vma = world.mm.vmas.find(page)
        index = index_of(vma.directed) if vma is not None else 0
        world.page_out(core, page, index or 1, bool(how % 4))


_ACTS: Final[tuple[Callable[[World, int, int, int], object], ...]] = (
    _fault,
    _fault,
    _page_out,
    lambda world, core, *_: world.step(core),
    lambda world, core, *_: world.finish(core),
    lambda world, core, page, _: world.store(world.cores[core], page, 9),
    lambda world, core, page, _: world.load(core, page),
)
_KILL_CHILD: Final = 63
