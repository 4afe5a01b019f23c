"""The directives of one address space and what belongs to them: table, rings, epochs (docs/hardware-resolution.md).

Everything lies in kernel memory that ring 3 cannot map. Before the kernel looks at page-table entries of such an
address space it settles: no unit is in the middle of a fill there, and every record has been taken over.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from kernel_model.abi.uapi import Errno, LinuxError
from kernel_model.mm.page_tables import HELD, OWNED
from pffemu.arch import directed as arch
from pffemu.arch.directed import Kind
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, pages_up
from pffemu.events.directed import FramesDonated
from pffemu.hw import directed_resolution, directive, frame_rings
from pffemu.hw.directive import Directive
from pffemu.hw.frame_rings import Context, Ring

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.mm.vma import Vma
    from pffemu.hw.cpu import Cpu

DIRECTIVES: Final = 256  # of the table; index 0 is none
_FEWEST_RECORDS: Final = 512  # entries of a completion ring
LARGEST_RING: Final = 1 << 20  # frames
_FEWEST_RETURNS: Final = 64  # entries of a return ring
_LOG: Final = 1 << 16  # records kept for the program
_RESERVE: Final = 16  # a sixteenth of RAM stays out of the rings


class Owned:
    """What the kernel keeps of a directive. `listed`: the frames of MAP's list; `start`: its first page."""

    def __init__(self, owner: object, kind: Kind, listed: list[int], start: int) -> None:
        """`owner`: the userfaultfd that it was made with."""
        self.owner, self.kind, self.listed, self.start = owner, kind, listed, start


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of the rings, as UFFDIO_RINGS sets them. `helper`: the core that refills."""

    frames: int = 64
    low: int = 0
    batch: int = 0
    helper: int = 0


def _pages_of(sizes: Sizes) -> int:
    """Pages that the rings of one core take."""
    return sum(pages_up(frame_rings.ring_bytes(capacity, size)) // PAGE_SIZE for capacity, size in _rings(sizes))


def _rings(sizes: Sizes) -> tuple[tuple[int, int], ...]:
    """(capacity, words of an entry) of a core's frame, completion and return ring: each frame may come and go once."""
    frames = sizes.frames
    return (frames, 1), (max(2 * frames, _FEWEST_RECORDS), 2), (max(frames, _FEWEST_RETURNS), 2)


class DirectedMemory:
    """Made with the first directive, or the first UFFDIO_RINGS. `log`: records that the program has not read."""

    def __init__(self, mm: Mm, cpus: list[Cpu]) -> None:
        """Raises LinuxError ENOMEM."""
        if not mm.frames.has_run(8 + len(cpus) * _pages_of(Sizes())):
            raise LinuxError(Errno.ENOMEM)
        self.mm, self._cpus = mm, cpus
        self._words = mm.ram.words
        self._table = self._run(DIRECTIVES * 8 * arch.DIRECTIVE_WORDS)
        self._epochs = self._run(frame_rings.epoch_bytes(len(cpus)))
        self._rings: list[list[int]] = []
        self.owned: dict[int, Owned] = {}
        self._generations: dict[int, int] = {}
        self.sizes = Sizes(helper=len(cpus) - 1)
        self.log: deque[int] = deque(maxlen=_LOG)
        self.lost = 0
        frame_rings.next_epoch(self._words, self._epochs[0])
        for core in range(len(cpus)):
            frame_rings.leave(self._words, self._epochs[0], core)
        self._contexts: list[Context] = []
        self._make_rings()

    # -- memory -------------------------------------------------------------------------------------------------

    def _run(self, size: int) -> list[int]:
        """Contiguous frames for `size` bytes."""
        frames = pages_up(size) // PAGE_SIZE
        start = self.mm.frames.take_run(frames)
        return list(range(start, start + frames * PAGE_SIZE, PAGE_SIZE))

    def _make_rings(self) -> None:
        for cpu in self._cpus:
            bases = []
            for capacity, size in _rings(self.sizes):
                run = self._run(frame_rings.ring_bytes(capacity, size))
                self._rings.append(run)
                Ring(self._words, run[0], size).reset(capacity, self.sizes.low if size == 1 else 0)
                bases.append(run[0])
            helper = self._cpus[self.sizes.helper].apic.apic_id
            frame_base, records, returns = bases
            self._contexts.append(
                Context(self._table[0], DIRECTIVES - 1, frame_base, records, returns, self._epochs[0], helper)
            )
            if cpu.mmu.fill.root == self.mm.pages.root:
                cpu.directed.load(self._words, self._contexts[-1])

    def _drop_rings(self) -> None:
        """Give back the rings, with the frames in them. Every core flushes: returned frames may still be cached."""
        for core, cpu in enumerate(self._cpus):
            self.mm.frames.give_back_all(self._take_frames(core))
            if cpu.mmu.fill.root == self.mm.pages.root:
                cpu.flush_tlb()
                cpu.directed.load(self._words, None)
        for run in self._rings:
            self.mm.frames.give_back_all(run)
        self._rings, self._contexts = [], []

    def context(self, core: int) -> Context:
        return self._contexts[core]

    def frame_ring(self, core: int) -> Ring:
        return frame_rings.frame_ring(self._words, self._contexts[core].frames)

    def return_ring(self, core: int) -> Ring:
        return frame_rings.return_ring(self._words, self._contexts[core].returns)

    @property
    def held(self) -> int:
        """Frames in all rings."""
        return sum(self.frame_ring(core).count + self.return_ring(core).count for core in range(len(self._cpus)))

    def resize(self, sizes: Sizes) -> None:
        """Other rings, empty. Raises LinuxError ENOMEM."""
        pages, frames = len(self._cpus) * _pages_of(sizes), self.mm.frames
        if sizes.frames > LARGEST_RING or pages > frames.free_frames // 4 or not frames.has_run(pages):
            raise LinuxError(Errno.ENOMEM)
        self.settle()
        self._drop_rings()
        self.sizes = sizes
        self._make_rings()

    # -- directives ---------------------------------------------------------------------------------------------

    def free_index(self) -> int:
        """An index without a directive, whose generations are not used up. Raises LinuxError ENOSPC."""
        for index in range(1, DIRECTIVES):
            if index not in self.owned and self._generations.get(index, 0) < arch.GENERATIONS:
                return index
        raise LinuxError(Errno.ENOSPC)

    def generation(self, index: int) -> int:
        return self._generations.get(index, 0)

    def make(self, index: int, made: Directive, owner: object, listed: list[int]) -> None:
        """Put a directive into the table."""
        self.owned[index] = Owned(owner, made.kind, listed, made.start)
        directive.store(self._words, self._table[0], index, made)

    def give_way(self, start: int, end: int) -> None:
        """Narrow directives whose range overlaps [start, end) although their areas there are gone: ranges are disjoint.

        Otherwise PAGEOUT could put a page of the new directive under an old one, which may have other rights. One
        without areas ends. Raises LinuxError EBUSY where an old one has areas on both sides.
        """
        narrowed: dict[int, tuple[int, int] | None] = {}
        for index in self.owned:
            found = self.directive(index)
            if found is None or found.end <= start or end <= found.start:
                continue
            areas = [vma for vma in self.mm.vmas.overlapping(found.start, found.end) if vma.directed]
            areas = [vma for vma in areas if arch.index_of(vma.directed) == index]
            if not areas:
                narrowed[index] = None
            elif areas[-1].end <= start:
                narrowed[index] = found.start, areas[-1].end
            elif end <= areas[0].start:
                narrowed[index] = areas[0].start, found.end
            else:
                raise LinuxError(Errno.EBUSY)
        for index, left in narrowed.items():
            if left is None:
                self.revoke(index)
            else:
                self._narrow(index, *left)

    def _narrow(self, index: int, start: int, end: int) -> None:
        found = self.directive(index)
        assert found is not None
        self.settle()
        source = found.listed_at(start) if found.kind is Kind.MAP else found.source_of(start)
        directive.store(self._words, self._table[0], index, replace(found, start=start, end=end, source=source))

    def directive(self, index: int) -> Directive | None:
        return directive.load(self._words, self._table[0], index)

    def count(self, directed: int, pages: int) -> None:
        index = arch.index_of(directed)
        found = self.directive(index)
        if found is not None and found.counted:
            directive.add_left(self._words, self._table[0], index, -pages)

    def filled(self, page: int, *, stored: bool) -> None:
        """The kernel has filled a page in the unit's place: the program learns of it as of the unit's."""
        self._log(page | arch.FILLED | (arch.STORED if stored else 0))

    def _log(self, record: int) -> None:
        self.lost += len(self.log) == _LOG
        self.log.append(record)

    def revoke(self, index: int) -> None:
        """End a directive: afterwards no core installs a page under it. Entries that name it are stale, not changed.

        The directive becomes invalid before the kernel waits, so that no new fill begins under it.
        """
        found, owned = self.directive(index), self.owned.pop(index)
        self._generations[index] = self._generations.get(index, 0) + 1
        at = (self._table[0] >> 3) + index * arch.DIRECTIVE_WORDS
        self._words[at + arch.CONTROL] = 0
        self.settle()
        self.mm.frames.give_back_all(owned.listed)
        if found is None:
            return
        for vma in self.mm.vmas.overlapping(found.start, found.end):
            if vma.directed and arch.index_of(vma.directed) == index:
                vma.directed = 0
        self.mm.vmas.merge(found.start, found.end)

    def list_pages(self, vma: Vma, start: int, end: int) -> tuple[list[int], int]:
        """MAP's list of [start, end): the frames that hold it, and how many pages are in the page cache.

        Raises LinuxError ENOMEM.
        """
        assert vma.file is not None
        if not self.mm.frames.has_run(pages_up((end - start) // PAGE_SIZE * 8) // PAGE_SIZE):
            raise LinuxError(Errno.ENOMEM)
        run = self._run((end - start) // PAGE_SIZE * 8)
        found = 0
        for i, page in enumerate(range(start, end, PAGE_SIZE)):
            offset = vma.offset + page - vma.start
            frame = vma.file.cached_frame(offset) if offset < vma.file.mapped_size else 0
            self._words[(run[0] >> 3) + i] = frame
            found += bool(frame)
        return run, found

    def unlist(self, vma: Vma, start: int, end: int) -> None:
        self.settle()
        owned = self.owned.get(arch.index_of(vma.directed))
        if owned is not None and owned.listed:
            for page in range(start, end, PAGE_SIZE):
                self._words[(owned.listed[0] + (page - owned.start) // PAGE_SIZE * 8) >> 3] = 0

    # -- fills --------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        if self in self.mm.frames.gates:
            return
        self.mm.frames.gates.append(self)
        frame_rings.move_gate(self._words, self._epochs[0], 1)
        directed_resolution.finish(self._cpus, self._epochs[0])
        others = sum(cpu.mmu.fill.root == self.mm.pages.root for cpu in self._cpus) - 1
        if others > 0:
            self.mm.owe("kernel.directed.settle", others)
        for core in range(len(self._contexts)):
            self._take_records(core)

    def open_gate(self) -> None:
        """The kernel's operation is over, and with it what `settle` began."""
        frame_rings.move_gate(self._words, self._epochs[0], -1)

    def _take_records(self, core: int) -> None:
        """Take over the records of one core, whose unit may make more meanwhile."""
        ring = frame_rings.record_ring(self._words, self._contexts[core].records)
        records = ring.entries()
        if not records:
            return
        ring.consume(len(records))
        self.mm.owe("kernel.directed.record", len(records))
        for page, _ in records:
            self.mm.pages.count_resident(1 if page & arch.FILLED else -1)
            self._log(page)

    # -- frames -------------------------------------------------------------------------------------------------

    def donate(self, cpu: Cpu, core: int, frames: int) -> int:
        """Put up to `frames` frames of the kernel's into a ring; how many there was room and memory for.

        They are zeroed unless all directives are COPY, which overwrites them; the unit zeroes for ZERO what is not.
        """
        ring, allocator = self.frame_ring(core), self.mm.frames
        spare = allocator.free_frames - allocator.total // _RESERVE
        given = max(0, min(frames, ring.room, spare))
        uncleared = bool(self.owned) and all(owned.kind is Kind.COPY for owned in self.owned.values())
        for _ in range(given):
            ring.produce(allocator.take_uncleared() if uncleared else allocator.take() | arch.ZEROED)
        if given:
            cpu.charge("kernel.page.allocate", given)
            cpu.charge("kernel.page.zero", 0 if uncleared else given * PAGE_SIZE)
            cpu.charge("kernel.directed.frame", given)
        cpu.emit(FramesDonated, core, given)
        return given

    def donate_pages(self, cpu: Cpu, core: int, start: int, frames: int) -> int:
        """Move the private pages from `start` on into a ring; how many there was room for.

        Raises LinuxError EFAULT at a page that is not the process's alone, if it is the first.
        """
        self.settle()
        ring, mm = self.frame_ring(core), self.mm
        given = 0
        while given < min(frames, ring.room + given):
            page = start + given * PAGE_SIZE
            vma, entry = mm.vmas.find(page), mm.pages.entry(page)
            alone = entry & HELD and entry & OWNED and not mm.frames.is_shared(entry & PTE_ADDRESS)
            if vma is None or not alone or vma.locked or vma.file is not None:
                if given:
                    break
                raise LinuxError(Errno.EFAULT)
            mm.pages.set(page, mm.empty_entry(vma))
            if entry & arch.RETURNABLE:
                mm.count_directed(vma.directed, -1)
            mm.stale = True
            ring.produce(entry & PTE_ADDRESS)
            given += 1
        cpu.charge("kernel.directed.frame", given)
        cpu.emit(FramesDonated, core, given)
        return given

    def refill(self, cpu: Cpu) -> None:
        """The interrupt at the low-water mark: returned frames first, then new ones, into each ring that is low."""
        for core in range(len(self._cpus)):
            if self.sizes.low and self.frame_ring(core).count < self.sizes.low:
                self.frame_ring(core).arm()  # before it looks for frames: a unit that takes the last ones tells it so
                self._take_records(core)
                self.recycle(cpu, core)
                if self.frame_ring(core).count < self.sizes.low:
                    self.donate(cpu, core, self.sizes.batch)

    def recycle(self, cpu: Cpu, core: int) -> int:
        """Move returned frames to the frame ring, after one flush of the cores that have not acknowledged them."""
        returns, ring, gates = self.return_ring(core), self.frame_ring(core), self.mm.frames.gates
        if not returns.count:
            return 0
        kept = len(gates)
        self.settle()  # the unit takes frames out of it, too
        moved = min(returns.count, ring.room)
        if moved:
            self._move_returned(cpu, returns, ring, moved)
        while len(gates) > kept:
            gates.pop().open_gate()
        return moved

    def _move_returned(self, cpu: Cpu, returns: Ring, ring: Ring, moved: int) -> None:
        newest = returns.entries()[moved - 1][1]
        self._acknowledge(cpu, newest)
        for frame, _ in returns.entries()[:moved]:
            ring.produce(frame)
        returns.consume(moved)
        cpu.charge("kernel.directed.frame", moved)

    def _acknowledge(self, cpu: Cpu, epoch: int) -> None:
        """One shootdown of the cores that are behind `epoch`."""
        for core, other in enumerate(self._cpus):
            if self._words[frame_rings.line_of(self._epochs[0], core) + arch.ACKNOWLEDGED] < epoch:
                other.flush_tlb()
                other.charge("cpu.tlb_flush")
                if other is not cpu:
                    cpu.charge("kernel.tlb.shootdown")

    def _take_frames(self, core: int) -> list[int]:
        """Empty the rings of a core; the frames."""
        ring, returns = self.frame_ring(core), self.return_ring(core)
        found = [entry & ~arch.ZEROED for (entry,) in ring.entries()] + [frame for frame, _ in returns.entries()]
        ring.consume(ring.count)
        returns.consume(returns.count)
        return found

    # -- the end ------------------------------------------------------------------------------------------------

    def closed(self, owner: object) -> None:
        for index in [index for index, owned in self.owned.items() if owned.owner is owner]:
            self.revoke(index)
        if not self.owned:
            self.released()

    def released(self) -> None:
        self.mm.directed = None  # the last close of the userfaultfd, in another process, may come at the same time
        self.settle()
        for index in list(self.owned):
            self.revoke(index)
        self._drop_rings()
        if self in self.mm.frames.gates:
            self.mm.frames.gates.remove(self)
        self.mm.frames.give_back_all([*self._table, *self._epochs])
