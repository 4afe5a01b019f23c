"""The directed resolution unit: the eight steps in which a core resolves a page fault as a directive says.

1 walk refused   `begin`: the leaf is not present and names a directive
2 check          gate open, directive valid, generation equal, access within its rights, quota left
3 claim          compare-and-swap of the entry from absent to BUSY(core)
4 frame          the oldest frame of the ring, and room for a record
5 source, fill   COPY: its source translated with user rights; then the page's content
6 record         what was done, for the kernel; the frame has left the ring
7 publish        the present entry, with release order
8 replay         the instruction is executed again

A fill is a small state machine: between any two steps other cores and the kernel may act. Before the kernel changes
what fills of an address space depend on, it closes the gate and waits for those in flight (`finish`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pffemu.arch import directed as arch
from pffemu.arch.directed import Kind, Reason
from pffemu.arch.exceptions import PF
from pffemu.arch.pagefault import I, P, U, W
from pffemu.arch.paging import PAGE_SIZE, PTE_ADDRESS, PTE_D, PTE_P, PTE_PS, USER_END, page_of
from pffemu.events.directed import DirectedDecline, DirectedStep, DirectedWait
from pffemu.events.fields import Hex, Label
from pffemu.hw import directive, frame_rings, page_walk
from pffemu.hw.directive import Directive
from pffemu.hw.frame_rings import Context
from pffemu.hw.trap import Trap

if TYPE_CHECKING:
    from pffemu.hw.cpu import Cpu

BY_KERNEL: Final = -1  # the owner of a DirectedWait: no core, but the kernel, which has closed the gate
LOW_VECTOR: Final = 0x31  # the interrupt that tells the kernel of a frame ring at its low-water mark


class Result(Enum):
    """How a unit leaves a fault."""

    REPLAY = auto()  # the page is present, or was changed meanwhile: the instruction runs again
    WAITS = auto()  # the kernel is changing the address space: the instruction runs again until it has
    DECLINED = auto()


class Outcome(NamedTuple):
    """The end of a fill; `reason`: why it was declined."""

    result: Result
    reason: Reason | None = None

    @property
    def error_bits(self) -> int:
        """What a declined fault's error code has beside the CPU's bits."""
        assert self.reason is not None
        return arch.DECLINED | self.reason << arch.REASON_SHIFT


@dataclass(slots=True)
class Fill:
    """A fill in flight. `leaf`: the index of the entry's word in RAM; `entry`: its value when the walk read it."""

    address: int
    access: int  # error-code bits of the refused access
    leaf: int
    entry: int
    number: int  # of the fault
    step: str = "check"
    directive: Directive | None = None
    frame: int = 0
    returned: bool = False  # the frame comes from the return ring
    zeroed: bool = False
    source: int = 0  # COPY: physical address

    @property
    def page(self) -> int:
        return page_of(self.address)


class DirectedUnit:
    """One core's unit. `context`: of the address space that is loaded (None: it has no directives)."""

    def __init__(self, core: int) -> None:
        self.core = core
        self.context: Context | None = None
        self.fill: Fill | None = None

    def load(self, words: Any, context: Context | None) -> None:
        """The kernel loads another address space's context, behind the flush of the TLB: no fill is in flight."""
        if self.context is not None:
            frame_rings.leave(words, self.context.epochs, self.core)
        self.context = context
        if context is not None:
            frame_rings.acknowledge(words, context.epochs, self.core)


def leaf_of(words: Any, root: int, address: int) -> int | None:
    """The index of the word in RAM that holds the leaf entry of user `address`; None: a table is missing."""
    table = (root & PTE_ADDRESS) >> 3
    for level in (3, 2, 1):
        index = table + (address >> 12 + 9 * level & 511)
        entry = words[index] if index < len(words) else 0
        if not entry & PTE_P or entry & (PTE_PS | page_walk.reserved_bits(level, entry)):
            return None
        table = (entry & PTE_ADDRESS) >> 3
    index = table + (address >> 12 & 511)
    return index if index < len(words) else None


def begin(cpu: Cpu, fault: Trap, number: int) -> bool:
    """Step 1: start a fill if ring 3's walk was refused by a leaf that names a directive. `number`: of the fault."""
    if fault.error_code & P or not fault.error_code & U:
        return False
    words = cpu.mmu.ram.words
    leaf = leaf_of(words, cpu.mmu.fill.root, fault.address)
    if leaf is None or not arch.is_directed(words[leaf]):
        return False
    cpu.directed.fill = Fill(fault.address, fault.error_code, leaf, words[leaf], number)
    return True


def step(cpu: Cpu) -> Outcome | None:
    """Make the next step of the core's fill; None: it is not over."""
    unit = cpu.directed
    fill, context = unit.fill, unit.context
    assert fill is not None
    assert context is not None
    outcome = _STEPS[fill.step](cpu, context, fill)
    if outcome is not None:
        unit.fill = None
        frame_rings.set_in_flight(cpu.mmu.ram.words, context.epochs, cpu.index, 0)
        if outcome.reason is not None:
            cpu.charge("cpu.directed.decline")
            label = Label(arch.WORDS[outcome.reason])
            cpu.emit(DirectedDecline, Hex(fill.address), arch.index_of(fill.entry), label, fill.number)
    return outcome


def finish(cpus: list[Cpu], epochs: int) -> None:
    """The kernel, with the gate closed, waits until no core is in flight: at most one page's fill on each."""
    for cpu in cpus:
        while frame_rings.is_in_flight(cpu.mmu.ram.words, epochs, cpu.index):
            step(cpu)


def interrupt(cpu: Cpu) -> None:
    """The core takes an interrupt: a fill in flight ends first; one that waits for its check is begun anew later."""
    unit = cpu.directed
    while unit.fill is not None and unit.fill.step != "check":
        step(cpu)
    unit.fill = None


def resolve(cpu: Cpu, fault: Trap, number: int) -> Outcome | None:
    """All steps for `fault`; None: no directive concerns it. Pages around it are filled until an interrupt is due."""
    if not begin(cpu, fault, number):
        return None
    fill = cpu.directed.fill
    outcome = None
    while outcome is None:
        outcome = step(cpu)
    if outcome.result is Result.REPLAY and fill is not None and fill.directive is not None and fill.directive.around:
        _fill_around(cpu, fill, PAGE_SIZE << fill.directive.around)
    return outcome


def _fill_around(cpu: Cpu, fill: Fill, block: int) -> None:
    """Fault-around: the other pages of the aligned block of so many bytes, in order, as loads, where the entry is the
    same. The first decline ends it.
    """
    words, first = cpu.mmu.ram.words, fill.page & -block
    for page in range(first, first + block, PAGE_SIZE):
        if cpu.event_at <= cpu.clock:
            return
        leaf = leaf_of(words, cpu.mmu.fill.root, page)
        if leaf is None or words[leaf] != fill.entry or not begin(cpu, Trap(PF, U, page), 0):
            continue
        outcome = None
        while outcome is None:
            outcome = step(cpu)
        if outcome.result is not Result.REPLAY:
            return


# -- the steps ----------------------------------------------------------------------------------------------------


def _check(cpu: Cpu, context: Context, fill: Fill) -> Outcome | None:
    """Step 2. The quota is taken here, and given back where the fill is given up.

    The gate is read behind the entry: what the kernel has changed in between, the claim notices.
    """
    words = cpu.mmu.ram.words
    entry = fill.entry = words[fill.leaf]
    if not arch.is_directed(entry):
        return Outcome(Result.REPLAY)
    if entry & arch.BUSY:
        cpu.charge("cpu.directed.wait")
        cpu.emit(DirectedWait, Hex(fill.page), (entry & arch.CORE) >> arch.CORE_SHIFT, fill.number)
        return None
    if entry & ~arch.DIRECTED:
        return _declined(Reason.MARKED)
    index = arch.index_of(entry)
    if index > context.limit:
        return _declined(Reason.INDEX)
    cpu.charge("cpu.directed.check")
    frame_rings.set_in_flight(words, context.epochs, cpu.index, 1)
    if frame_rings.is_closed(words, context.epochs):
        cpu.charge("cpu.directed.wait")
        cpu.emit(DirectedWait, Hex(fill.page), BY_KERNEL, fill.number)
        return Outcome(Result.WAITS)
    reason, found = _judge(cpu, fill, directive.load(words, context.table, index))
    if reason is not None:
        return _declined(reason)
    fill.directive = found
    if not _take_quota(cpu, context, fill):
        return _declined(Reason.QUOTA)
    return _go_on(cpu, fill, "check", "claim")


def _judge(cpu: Cpu, fill: Fill, found: Directive | None) -> tuple[Reason | None, Directive | None]:
    """The first condition of step 2 that does not hold."""
    if found is None or not found.valid:
        return Reason.INVALID, None
    if found.tag != cpu.mmu.fill.root & PTE_ADDRESS:
        return Reason.TAG, None
    if not found.start <= fill.address < found.end:
        return Reason.RANGE, None
    if found.generation != arch.generation_of(fill.entry):
        return Reason.STALE, None
    if fill.access & I or not (found.write if fill.access & W else found.read):
        return Reason.RIGHTS, None
    return None, found


def _take_quota(cpu: Cpu, context: Context, fill: Fill) -> bool:
    """Count the page, if pages are counted; False: none was left."""
    found, index = fill.directive, arch.index_of(fill.entry)
    if found is None or not found.counted:
        return True
    if directive.add_left(cpu.mmu.ram.words, context.table, index, -1) >= 0:
        return True
    directive.add_left(cpu.mmu.ram.words, context.table, index, 1)
    return False


def _give_quota_back(cpu: Cpu, context: Context, fill: Fill) -> None:
    if fill.directive is not None and fill.directive.counted:
        directive.add_left(cpu.mmu.ram.words, context.table, arch.index_of(fill.entry), 1)


def _claim(cpu: Cpu, context: Context, fill: Fill) -> Outcome | None:
    """Step 3."""
    words = cpu.mmu.ram.words
    cpu.charge("cpu.directed.claim")
    if words[fill.leaf] != fill.entry:  # another core was faster, or the kernel
        _give_quota_back(cpu, context, fill)
        frame_rings.set_in_flight(words, context.epochs, cpu.index, 0)
        return _go_on(cpu, fill, "claim", "check")
    words[fill.leaf] = fill.entry | arch.BUSY | cpu.index << arch.CORE_SHIFT
    return _go_on(cpu, fill, "claim", "frame")


def _frame(cpu: Cpu, context: Context, fill: Fill) -> Outcome | None:
    """Step 4. The frame stays the ring's oldest entry until step 6, so that giving it back is nothing."""
    words, found = cpu.mmu.ram.words, fill.directive
    assert found is not None
    cpu.charge("cpu.directed.frame")
    if not frame_rings.record_ring(words, context.records).room:
        return _give_up(cpu, context, fill, Reason.RECORDS_FULL)
    if found.kind is Kind.MAP:
        fill.frame = words[found.listed_at(fill.page) >> 3]
        if not fill.frame:
            return _give_up(cpu, context, fill, Reason.NOT_LISTED)
        return _go_on(cpu, fill, "frame", "fill")
    ring, returns = frame_rings.frame_ring(words, context.frames), frame_rings.return_ring(words, context.returns)
    if ring.count:
        (entry,) = ring.peek()
        fill.frame, fill.zeroed = entry & ~arch.ZEROED, bool(entry & arch.ZEROED)
    elif returns.count:
        fill.frame, epoch = returns.peek()
        if epoch > frame_rings.acknowledged(words, context.epochs, len(cpu.interconnect.cpus)):
            return _give_up(cpu, context, fill, Reason.UNACKNOWLEDGED)
        fill.returned = True
    else:
        return _give_up(cpu, context, fill, Reason.EMPTY)
    if fill.frame & ~PTE_ADDRESS or not 0 < fill.frame < cpu.mmu.ram.size:
        return _give_up(cpu, context, fill, Reason.BAD_FRAME)
    return _go_on(cpu, fill, "frame", "source" if found.kind is Kind.COPY else "fill")


def _source(cpu: Cpu, context: Context, fill: Fill) -> Outcome | None:
    """Step 5 of COPY: translate its source as a load of ring 3 would, with no side effect but A."""
    found, words = fill.directive, cpu.mmu.ram.words
    assert found is not None
    source = found.source_of(fill.page)
    if source % PAGE_SIZE or source >= USER_END:
        return _give_up(cpu, context, fill, Reason.SOURCE_RANGE)
    cpu.charge("cpu.tlb_miss")
    fill.source, _, code = page_walk.walk(words, len(words), cpu.mmu.fill.root, source, page_walk.USER, True)
    if code != page_walk.OK:
        return _give_up(cpu, context, fill, Reason.SOURCE_MISSING)
    return _go_on(cpu, fill, "source", "fill")


def _content(cpu: Cpu, _context: Context, fill: Fill) -> Outcome | None:
    """Step 5: the page's content."""
    found, octets = fill.directive, cpu.mmu.ram.octets
    assert found is not None
    cpu.mmu.ram.forget_code(fill.frame // PAGE_SIZE)  # of a page that was evicted from the frame
    if found.kind is Kind.COPY:
        octets[fill.frame : fill.frame + PAGE_SIZE] = octets[fill.source : fill.source + PAGE_SIZE]
        cpu.charge("cpu.directed.copy", PAGE_SIZE)
    elif found.kind is Kind.ZERO and not fill.zeroed:
        octets[fill.frame : fill.frame + PAGE_SIZE] = bytes(PAGE_SIZE)
        cpu.charge("cpu.directed.zero", PAGE_SIZE)
    return _go_on(cpu, fill, "fill", "record")


def _record(cpu: Cpu, context: Context, fill: Fill) -> Outcome | None:
    """Step 6. Where the frame ring is below its low-water mark, the kernel's helper core is interrupted, once."""
    words, found = cpu.mmu.ram.words, fill.directive
    assert found is not None
    cpu.charge("cpu.directed.record")
    stored = arch.STORED if fill.access & W else 0
    records = frame_rings.record_ring(words, context.records)
    records.produce(fill.page | arch.FILLED | stored, fill.frame | arch.index_of(fill.entry))
    if fill.returned:
        frame_rings.return_ring(words, context.returns).consume()
    elif found.kind is not Kind.MAP:
        ring = frame_rings.frame_ring(words, context.frames)
        ring.consume()
        header = context.frames >> 3
        if words[header + arch.ARMED] and ring.count < words[header + arch.LOW]:
            words[header + arch.ARMED] = 0
            cpu.interconnect.send_to_id(cpu, LOW_VECTOR, context.helper)
    return _go_on(cpu, fill, "record", "publish")


def _publish(cpu: Cpu, _context: Context, fill: Fill) -> Outcome | None:
    """Step 7. A plain store: no other core and not the kernel write an entry that is BUSY."""
    found = fill.directive
    assert found is not None
    cpu.charge("cpu.directed.publish")
    cpu.mmu.ram.words[fill.leaf] = found.leaf | fill.frame | (PTE_D if fill.access & W else 0)
    _go_on(cpu, fill, "publish", "")
    return Outcome(Result.REPLAY)


_STEPS: Final[dict[str, Callable[[Cpu, Context, Fill], Outcome | None]]] = {
    "check": _check,
    "claim": _claim,
    "frame": _frame,
    "source": _source,
    "fill": _content,
    "record": _record,
    "publish": _publish,
}
_LABELS: Final = {name: Label(name) for name in _STEPS}


def _go_on(cpu: Cpu, fill: Fill, done: str, following: str) -> Outcome | None:
    fill.step = following
    cpu.emit(DirectedStep, _LABELS[done], Hex(fill.page), arch.index_of(fill.entry), fill.number)
    return None


def _declined(reason: Reason) -> Outcome:
    return Outcome(Result.DECLINED, reason)


def _give_up(cpu: Cpu, context: Context, fill: Fill, reason: Reason) -> Outcome:
    """Undo steps 2 and 3: the entry is as it was, and the quota."""
    cpu.mmu.ram.words[fill.leaf] = fill.entry
    _give_quota_back(cpu, context, fill)
    return _declined(reason)
