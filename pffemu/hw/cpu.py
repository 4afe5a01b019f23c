"""One core: the engine, its MMU, local APIC and user-interrupt state, and its virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.arch.floats import FLAGS, MASKS
from pffemu.arch.msrs import CR4_TSD
from pffemu.arch.rflags import AC, RF
from pffemu.asm import BRANCH, REP, TIMING_CLASSES, class_of
from pffemu.asm.scan import INVALID, first, last_in, runs_out_of_bytes
from pffemu.engine import jit
from pffemu.engine.block_counter import BlockCounter
from pffemu.engine.careful_code import Quick
from pffemu.engine.count_block import BLOCK, EXECUTED, STALL, TIME, WORDS
from pffemu.engine.saved_registers import SavedRegisters
from pffemu.engine.stop import EngineStop
from pffemu.engine.unicorn_cpu import UnicornCpu
from pffemu.events.bus import EventBus
from pffemu.hw import careful, directed_resolution
from pffemu.hw.careful import ALIGNMENT, VECTOR_ALIGNMENT
from pffemu.hw.careful_conditions import At, operands_present
from pffemu.hw.cpu_options import CpuOptions, Memory
from pffemu.hw.cpuid import cpuid
from pffemu.hw.directed_resolution import DirectedUnit
from pffemu.hw.float_rows import EXACT_FLOAT, UNMASKED_SSE, UNMASKED_X87
from pffemu.hw.frame_rings import acknowledge
from pffemu.hw.interconnect import NEVER, Arrival, Interconnect
from pffemu.hw.local_apic import LocalApic
from pffemu.hw.memory.caches import Caches, CoreCaches
from pffemu.hw.mmu import USER, Mmu
from pffemu.hw.page_walk import FETCH
from pffemu.hw.ram import Ram
from pffemu.hw.translated_blocks import TranslatedBlocks
from pffemu.hw.translated_frames import TranslatedFrames
from pffemu.hw.trap import Trap
from pffemu.hw.uffd_regions import RegionTable
from pffemu.hw.uintr_state import KbTimer, UintrState
from pffemu.hw.user_fault_state import UserFaultState
from pffemu.timing import SHIFT, Ledger, check_accounts
from pffemu.timing.catalogue import IDLE
from pffemu.timing.ledger import ENDED, ENDED_THREADS

__all__ = ["Cpu", "KbTimer", "SavedRegisters", "UintrState", "UserFaultState"]


def _speed(options: CpuOptions) -> tuple[bool, jit.WarmUp | None]:
    """Whether hooks are compiled at once, or else after what (None: never)."""
    if options.compiled is not None or not jit.available():
        return bool(options.compiled), None
    at_once = jit.loaded() or not options.counting or options.memory is not Memory.FLAT
    return at_once, None if at_once else jit.warm_up()


def _say_nothing(_cpu: Cpu, _what: str) -> None:
    """`warn` of a core without a kernel."""


class Cpu:
    """Core `index`. `tid` names the thread it runs, for events (0: none)."""

    def __init__(
        self,
        index: int,
        ram: Ram,
        regions: RegionTable,
        bus: EventBus,
        options: CpuOptions,
        interconnect: Interconnect | None = None,
        caches: Caches | None = None,
    ) -> None:
        """`interconnect`: the one that the machine's cores share; None: this core is alone. `caches`: those
        of the machine; None: memory is flat."""
        compiled, warm_up = _speed(options)
        self.delivery_cost = f"cpu.uintr.deliver.{options.delivery.value}"
        self.index, self.options, self.bus = index, options, bus
        self.tid = 0
        self.mmu = Mmu(ram, regions, options.uffd_lookup, compiled, index)
        self.frames = TranslatedFrames(self.mmu)
        ram.translators.append(self._forget_code)
        self.apic = LocalApic(apic_id=index)
        self.interconnect = interconnect if interconnect is not None else Interconnect()
        self.interconnect.cpus.append(self)
        self.arrivals: list[Arrival] = []  # messages on their way to this core, earliest first
        self.event_at = NEVER  # when the core must check `arrivals`, its timers and IRR
        self.looks_up = False  # guest code changed `event_at` in mid-turn
        self.warn: Callable[[Cpu, str], None] = _say_nothing  # warns the user, once, of a difference from a CPU
        self.uintr = UintrState()
        self.user_faults = UserFaultState()
        self.kb_timer = KbTimer()
        self.directed = DirectedUnit(index)
        self.cr4_uintr = False
        self.cr4_tsd = False  # RDTSC and RDTSCP are #GP
        self._class_rates = {"": 0} | {name: options.profile.rates[f"insn.{name}"] for name in TIMING_CLASSES}
        checks = (VECTOR_ALIGNMENT if options.check_alignment else 0) | (EXACT_FLOAT if options.exact_float else 0)
        self.blocks = TranslatedBlocks(self.mmu, self.frames, self._class_rates, checks)
        notes_jumps = caches is not None
        self._counter = BlockCounter(self.blocks.length_of, compiled, notes_jumps) if options.counting else None
        self.caches = self._cached(caches, ram, compiled)
        self.blocks.counter = self._counter
        self.engine = UnicornCpu(ram.pieces(), self.mmu.fill, self, self._counter, compiled, warm_up, self.caches)
        self.registers = self.engine.registers
        self.rip_rsp_rflags = self.registers.group("rip", "rsp", "rflags")
        self.profile = options.profile
        self._rates = options.profile.rates
        self._charged = 0  # 2^-SHIFT cycles, besides those of guest instructions
        self._executed = self._counter.state if self._counter is not None else [0] * WORDS
        self.ledgers = {0: Ledger(0)}  # by thread
        self._ended: list[int] = []  # threads with a ledger of their own, oldest end first
        self._ledger = self.ledgers[0]
        self._units = self._ledger.units
        self._thread_since = self._instructions_since = 0  # clock and instruction time at the last thread switch
        self._stalls_since: dict[str, int] = {}  # cycles by cause, then

    def _cached(self, caches: Caches | None, ram: Ram, compiled: bool) -> CoreCaches | None:
        if caches is None or self._counter is None:
            return None
        fill = self.mmu.fill
        own = CoreCaches(caches, self.index, ram, (fill.state, fill.user_data), compiled, self.mmu.code_at)
        own.attach(self._counter)
        return own

    # -- virtual time -------------------------------------------------------------------------------------------

    @property
    def instructions(self) -> int:
        """Guest instructions executed; 0 with counting off."""
        return self._executed[EXECUTED]

    @property
    def rflags(self) -> int:
        """RFLAGS as ring 3 sees them."""
        return self.registers["rflags"]

    @property
    def checks(self) -> int:
        """The extra checks that this core makes: bits of hw.careful."""
        return self.blocks.checks

    @property
    def clock(self) -> int:
        """Virtual cycles since reset: guest instructions by class, and the charges of hardware and kernel."""
        return (self._charged + self._executed[TIME]) >> SHIFT

    @property
    def instruction_clock(self) -> int:
        """The part of `clock` that guest instructions took."""
        if self.caches is not None:
            return (self._executed[TIME] + self._executed[STALL] >> SHIFT) - self.caches.stalled
        return self._executed[TIME] >> SHIFT

    @property
    def busy(self) -> int:
        """Cycles since reset in which the core had a thread."""
        self.settle()
        return self.clock - (self.ledgers[0].elapsed >> SHIFT)

    def charge(self, cost: str, units: int = 1) -> None:
        """Let `units` of a cost in timing.catalogue pass, charged to the running thread."""
        self._charged += self._rates[cost] * units
        try:
            self._units[cost] += units
        except KeyError:
            self._units[cost] = units

    def charge_all(self, costs: tuple[str, ...]) -> None:
        """`charge` one unit of each, in this order."""
        for cost in costs:
            self._charged += self._rates[cost]
            try:
                self._units[cost] += 1
            except KeyError:
                self._units[cost] = 1

    def cycles_of(self, cost: str, units: int = 1) -> int:
        """Whole cycles of `units` of a cost that no core spends (a latency)."""
        return self._rates[cost] * units >> SHIFT

    def wait_until(self, clock: int, why: str = IDLE) -> int:
        """Let time pass until `clock`, if that is later; the clock then. `why`: one of timing.catalogue's WAITS."""
        now = (self._charged + self._executed[TIME]) >> SHIFT
        if clock <= now:
            return now
        self.charge(why, clock - now)
        return clock

    def run_thread(self, tid: int) -> None:
        """Put thread `tid` (0: none) on this core: from now on events name it, and costs are charged to it."""
        self.tid = tid
        self.settle()
        ledger = self.ledgers.get(tid)
        if ledger is None:
            ledger = self.ledgers[tid] = Ledger(tid)
            if len(self._ended) > ENDED_THREADS:
                self._forget_ended()
        self._ledger, self._units = ledger, ledger.units

    def thread_ended(self, tid: int) -> None:
        """Thread `tid` will not run again, but for what the kernel still does in it."""
        if tid in self.ledgers:
            self._ended.append(tid)

    def _forget_ended(self) -> None:
        """Make one ledger of those of the threads that ended first, so that a guest cannot make more without end."""
        old, self._ended = self._ended[: ENDED_THREADS // 2], self._ended[ENDED_THREADS // 2 :]
        total = self.ledgers.setdefault(ENDED, Ledger(ENDED))
        for tid in old:
            ledger = self.ledgers.pop(tid, None) if tid != self.tid else None
            if ledger is not None:
                total.add(ledger)

    def settle(self) -> None:
        """Book the running thread's time so far."""
        now, instruction_time = self._charged + self._executed[TIME], self._executed[TIME]
        self._ledger.elapsed += now - self._thread_since
        self._ledger.instruction_time += instruction_time - self._instructions_since
        self._thread_since, self._instructions_since = now, instruction_time
        if self.caches is not None:
            self._book_stalls(self.caches.stalls)

    def _book_stalls(self, stalls: dict[str, int]) -> None:
        """Book what the core has waited for memory; the ledger has it as time of instructions."""
        for cause, cycles in stalls.items():
            more = cycles - self._stalls_since.get(cause, 0)
            if more:
                self._units[cause] = self._units.get(cause, 0) + more
                self._ledger.instruction_time -= more << SHIFT
        self._stalls_since = stalls

    def check_accounts(self) -> None:
        """Raises AccountingError unless charges add up to the clock, for every thread and for the core."""
        self.settle()
        if self.caches is not None:
            self.caches.check_accounts(self.index)
        check_accounts(self.profile, self.ledgers.values(), self._charged + self._executed[TIME], self.index)

    def settle_counts(self) -> None:
        """Update the counts before a hook reads the clock: while guest code runs, the engine's counts are behind."""
        if self._counter is not None:
            self._counter.settle()

    def count_own(self, instructions: int = 1) -> None:
        """Count an instruction that the machine executed in the engine's place."""
        if self._counter is not None:
            self._executed[EXECUTED] += instructions

    def run_resumed(self, limit: int | None, time_end: int | None) -> EngineStop:
        """`engine.run` while RF is 1, loaded by UIRET or the kernel: the first instruction to complete clears it, and
        no instruction sees it. A first instruction that faults keeps it, except with counting off.
        """
        registers, before = self.registers, (self.registers.rip(), self.instructions)
        registers["rflags"] &= ~RF
        stop = self.engine.run(limit, time_end)
        if self._counter is not None and (registers.rip(), self.instructions) == before:
            registers["rflags"] |= RF
        return stop

    def left_block(self) -> None:
        """RIP was changed from outside: a REP instruction there counts as a new one."""
        self._executed[BLOCK] = 0

    @property
    def last_block(self) -> tuple[int, int]:
        """[start, end) of the basic block that ran last; (0, 0) when it ended early or counting is off."""
        if self._counter is None:
            return 0, 0
        return self._counter.last_block

    def emit(self, event: Any, *fields: Any) -> None:
        """Put `event` with this core's time, number and thread on the bus."""
        bus = self.bus
        bus.counts[event] += 1
        if bus.sinks or event in bus.listeners:
            bus.publish(event((self._charged + self._executed[TIME]) >> SHIFT, self.index, self.tid, *fields))

    def detail(self, event: Any, *fields: Any) -> None:
        """Send a sub-event step (events/details.py) to the detail listeners; check `bus.details` first."""
        values = event((self._charged + self._executed[TIME]) >> SHIFT, self.index, self.tid, *fields)
        for sink in self.bus.details:
            sink(values)

    def watch_pages(self, pages: tuple[int, ...]) -> None:
        """Stop before every load and store of ring 3 that touches one of these pages (at most 4); () ends it."""
        self.mmu.fill.watch(pages)
        self.engine.flush_tlb()

    def flush_tlb(self, *, code: bool = False) -> None:
        """Flush the TLB, because page-table entries were removed or narrowed; `code`: executable pages changed."""
        self.mmu.flush()
        if self.directed.context is not None:
            if self.directed.fill is not None:
                directed_resolution.interrupt(self)
            acknowledge(self.mmu.ram.words, self.directed.context.epochs, self.index)
        if code:
            self.frames.forget_all()
            self.engine.flush_code()
        else:
            self.engine.flush_tlb()

    def plan(self) -> None:
        """Set `event_at`, after a change of the APIC, its timer or `kb_timer`. Code that changes them must call this,
        also between two runs: an interrupt that is due is then taken before the next instruction.
        """
        earliest = NEVER
        if self.arrivals:
            earliest = self.arrivals[0].time
        expiry = self.apic.timer.due()
        if expiry is not None and expiry < earliest:
            earliest = expiry
        if self.kb_timer.enabled and 0 < self.kb_timer.deadline < earliest:
            earliest = self.kb_timer.deadline
        self.event_at = 0 if self.apic.nmi or self.apic.deliverable() is not None else earliest
        self.interconnect.changed()

    def set_tsd(self, on: bool) -> None:
        """Write CR4.TSD."""
        if on is not self.cr4_tsd:
            self.cr4_tsd = on
            self.load_cr4()

    def load_cr4(self) -> None:
        """Give the engine the bits of CR4 that it acts on."""
        cr4 = self.registers["cr4"]
        self.registers["cr4"] = cr4 | CR4_TSD if self.cr4_tsd else cr4 & ~CR4_TSD

    def look_up(self) -> None:
        """End the run of guest code after a store to a device, because `event_at` may be earlier now."""
        if self._counter is not None:
            self.looks_up = True
            self.engine.interrupt(at_once=True)

    def reset_apic(self) -> None:
        """Reset the APIC when it is disabled: all but its id, including the forwarding registers and their map."""
        self.apic = LocalApic(apic_id=self.apic.apic_id)
        self.plan()

    # -- what the engine asks while guest code runs --------------------------------------------------------------

    def cpuid(self, leaf: int, subleaf: int) -> tuple[int, int, int, int]:
        return cpuid(leaf, subleaf, self.index, self.options.flexible_uiret, self.options.user_faults)

    def tsc(self, rip: int) -> int:
        """The time-stamp counter as RDTSC at `rip` reads it."""
        self.settle_counts()
        unfinished = self._counter.unfinished(rip)[1] if self._counter is not None else 0
        return (self._charged + self._executed[TIME] + self._executed[STALL] - unfinished) >> SHIFT

    def translated(self, address: int, size: int) -> Mapping[int, Quick]:
        """The careful instructions of a new block (hw.translated_blocks)."""
        return self.blocks.translated(address, size)

    def compile_translated(self, ask: int) -> tuple[int, int]:
        """The compiled form of `translated`, and its user data; `ask`: the C function that calls `translated`."""
        return self.blocks.compile(ask)

    def code_changes(self, page: int) -> None:
        """Forget translated code that a store through `page` is about to change."""
        frame = self.frames.frame_of(page, USER)
        if frame is not None:
            self.frames.changes(frame)

    def _forget_code(self, frame: int) -> None:
        self.frames.forget(frame, self.engine)

    def code_changed(self) -> None:
        """The instruction that stores to translated code has run alone, or has been stopped."""
        self.frames.changed()

    def is_branch(self, rip: int) -> bool:
        """Whether the instruction at `rip` is a branch."""
        code = self.mmu.code_at(rip, MAX_INSTRUCTION)
        instruction = first(code)
        return instruction is not None and class_of(instruction, code) == BRANCH

    def search_code(self, page: int) -> None:
        """Search the page's frame, before the engine translates code of it, for what it cannot translate."""
        self.frames.search(page, self.engine, self.interconnect.cpus)

    def can_fetch(self, address: int) -> bool:
        """Whether ring 3 can fetch from `address` now."""
        return not isinstance(self.mmu.translate(address, USER | FETCH, update=False), Trap)

    def is_cut_off(self, rip: int) -> bool:
        """Whether the instruction at `rip` would go on in a page from which ring 3 cannot fetch."""
        code = self.mmu.code_at(rip, MAX_INSTRUCTION)
        return 0 < len(code) < MAX_INSTRUCTION and runs_out_of_bytes(code)

    def runs_exactly(self, rip: int) -> bool:
        """Whether the engine would now execute the instruction at `rip` as the CPU does."""
        code = self.mmu.code_at(rip, MAX_INSTRUCTION)
        row = careful.row(code, self.checks)
        if not code:
            return False
        if row is None or row.exact is None:
            return row is None
        at = self.at(rip, code)
        # when an instruction with a hook faults, Unicorn loses flags that it has not computed yet
        return operands_present(at) and row.exact(at)

    def at(self, rip: int, code: bytes) -> At:
        """The instruction at `rip`, with which `code` starts."""
        return At(self.registers, self.mmu, rip, code, self.engine.floats)

    def registers_loaded(self, saved: SavedRegisters) -> None:
        """Called when another thread's registers were loaded, or the same thread's after a signal."""
        self.check(ALIGNMENT, bool(saved.word("rflags") & AC))
        _, fcw, mxcsr = saved.float_control()
        self._check_floats(mxcsr, fcw)

    def load_float_control(self, *, mxcsr: int | None = None, fcw: int | None = None, fsw: int | None = None) -> None:
        """Load MXCSR and the x87 control and status word, as far as given."""
        floats = self.engine.floats
        floats.settle()
        for name, value in (("mxcsr", mxcsr), ("fcw", fcw), ("fsw", fsw)):
            if value is not None:
                floats.write(name, value)
        mxcsr = floats.read("mxcsr")
        floats.arrange(mxcsr, floats.read("fsw"))
        self._check_floats(mxcsr, floats.read("fcw"))

    def _check_floats(self, mxcsr: int, fcw: int) -> None:
        if mxcsr & MASKS != MASKS or fcw & FLAGS != FLAGS or self.blocks.checks & (UNMASKED_SSE | UNMASKED_X87):
            self.check(UNMASKED_SSE, mxcsr & MASKS != MASKS)
            self.check(UNMASKED_X87, fcw & FLAGS != FLAGS)

    def check(self, what: int, on: bool) -> None:
        """Turn the checks `what` (bits of hw.careful) on or off. A change drops all translated code."""
        before = self.blocks.checks
        checks = before | what if on else before & ~what
        if checks != before:
            self.blocks.checks = checks
            self.engine.flush_code()

    def branch_of(self, start: int, end: int) -> tuple[int, int]:
        """The address of the last instruction of the block [start, end), and the bytes it has added to RSP."""
        offset, popped = last_in(self.mmu.code_at(start, end - start))
        return start + offset, popped

    def last_instruction_start(self, rip: int, edge: int) -> tuple[int, int]:
        """The start of the last instruction from `rip` on that begins at or below `edge`, and how many precede it."""
        before = 0
        while rip < edge:
            instruction = first(self.mmu.code_at(rip, MAX_INSTRUCTION))
            if instruction is None or instruction.form == INVALID or rip + instruction.size > edge:
                break
            rip += instruction.size
            before += 1
        return rip, before

    def address_after(self, rip: int, instructions: int) -> int:
        """The address behind `instructions` instructions from `rip` on, or of the first invalid one."""
        for _ in range(instructions):
            instruction = first(self.mmu.code_at(rip, MAX_INSTRUCTION))
            if instruction is None or instruction.form == INVALID:
                break
            rip += instruction.size
        return rip

    def instructions_within(self, rip: int, most: int, time: int) -> tuple[int, int | None]:
        """The number of instructions from `rip` on in which `time` (2^-SHIFT cycles) passes.

        At least one; at most `most`, up to the first branch. A REP instruction counts alone, with an iteration's time.
        """
        count = taken = 0
        while count < most and taken < time:
            code = self.mmu.code_at(rip, MAX_INSTRUCTION)
            instruction = first(code)
            if instruction is None or instruction.form == INVALID:
                break
            kind = class_of(instruction, code)
            if kind == REP:
                return (count, None) if count else (1, self._class_rates[kind])
            count, taken = count + 1, taken + self._class_rates[kind]
            rip += instruction.size
            if kind == BRANCH:
                break
        return max(count, 1), None

    def engine_time(self, clock: int) -> int:
        """The engine's time (2^-SHIFT cycles) at which the core's will be `clock`."""
        return (clock << SHIFT) - self._charged
