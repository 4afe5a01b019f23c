"""One core on Unicorn: guest code at CPL 3 behind pffemu's MMU, run in slices that end with an `EngineStop`.

Hooks only record and stop (U1, U5, U6, U9); workarounds name their row of docs/quirks.md. Modelled elsewhere: page
tables (hw.page_walk fills the TLB), and instructions that Unicorn does not know (the machine's loop).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final

import unicorn
import unicorn.x86_const as x86
from unicorn.unicorn_py3.unicorn import uclib

from pffemu.arch.exceptions import GP
from pffemu.arch.pagefault import I
from pffemu.arch.paging import PAGE_SIZE, is_canonical, page_of
from pffemu.arch.registers import MASK64
from pffemu.engine import boot, jit, stop
from pffemu.engine.add_hook import EVERYWHERE, add_hook
from pffemu.engine.answered_instructions import INSTRUCTION_HOOK, answers
from pffemu.engine.block_counter import BlockCounter
from pffemu.engine.breakpoints import Breakpoints
from pffemu.engine.careful_code import FORGET_BLOCKS, CarefulCode, forget_block
from pffemu.engine.count_block import PC_KNOWN, settle
from pffemu.engine.engine_page import UNTIL
from pffemu.engine.exits import Exits
from pffemu.engine.float_status import FloatStatus
from pffemu.engine.pc_sync import PcSync
from pffemu.engine.planned_blocks import PlannedBlocks
from pffemu.engine.protocols import EngineHost, FillState, MemoryHook
from pffemu.engine.refusals import (
    CODE_CHANGES,
    NOTHING,
    REFUSED,
    REFUSED_CODE,
    REFUSED_PAGE,
    TLB_GROWS,
    UNSEEN_CODE,
    WATCH,
)
from pffemu.engine.registers import RegisterFile
from pffemu.engine.saved_registers import SavedRegisters, SavedRegisterSet
from pffemu.engine.stop import EngineStop, StopKind
from pffemu.errors import EngineError

# SandyBridge: the newest model without RDRAND, which would be host randomness in the guest's view
_CPU_MODEL: Final = x86.UC_CPU_X86_SANDYBRIDGE

# without types of arguments, as in engine.registers; without the GIL
_emu_start: Final[Any] = ctypes.CDLL(uclib._name).uc_emu_start
_INVALID_HOOK: Final = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p)
_INTR_HOOK: Final = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
TLB_FLUSH: Final = unicorn.UC_CTL_TLB_FLUSH | (1 << 30)  # UC_CTL_IO_WRITE, no argument (U10)
_INVALID, _REFUSED = StopKind.INVALID, StopKind.REFUSED  # members of an enum take ten times as long to look up
# as variables: behind a run, type checker and compiled code would take what is set to None before it for None
_NO_STOP: EngineStop | None = None
_UNKNOWN: int | None = None
_BEFORE_IT: Final = (StopKind.BREAKPOINT, _INVALID)  # the instruction has not begun
# Fills after which the TLB is flushed. It doubles when flushed with 70 % in use, and shrinks when a tenth of a second
# passes with few in use; from its 256 entries on, eight times as many fills as entries fill it.
_FEWEST_FILLS, _MOST_FILLS = 1 << 11, 1 << 20


def _start_arguments(handle: Any) -> tuple[Any, ...]:
    """Arguments of uc_emu_start, to be given values: engine, begin, until, timeout (none), count."""
    words = ctypes.c_uint64(0), ctypes.c_uint64(0), ctypes.c_uint64(0)
    return ctypes.c_void_p(handle.value), *words, ctypes.c_size_t(0)


class UnicornCpu:
    """A core with its registers, TLB and instruction counter. `counter` is None when counting is off."""

    def __init__(
        self,
        memory: list[tuple[int, int, int]],
        fill: FillState,
        host: EngineHost,
        counter: BlockCounter | None,
        compiled: bool,
        warm_up: jit.WarmUp | None = None,
        memory_hook: MemoryHook | None = None,
    ) -> None:
        """`memory`: (physical address, bytes, host address) of each piece of RAM.

        `compiled`: the hooks are compiled, and the TLB is grown before the first guest instruction; `warm_up`:
        what runs before they are compiled (counting must be on). `memory_hook`: called for loads and stores.
        """
        self._uc: Any = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
        self._uc.ctl_set_cpu_model(_CPU_MODEL)
        self._handle = self._uc._uch
        self._host, self._fill, self.counter = host, fill, counter
        self._refusals = fill.state
        self._start_arguments = _, self._begin, self._until, _, self._count = _start_arguments(self._handle)
        self._stop: EngineStop | None = None
        self._hook_error: BaseException | None = None
        self._interrupted = False
        self._fills = _FEWEST_FILLS  # granted at the last flush
        self._stopped_at: int | None = None  # the breakpoint of the last stop: running on passes it
        self._resumed_at: int | None = None
        self._exits = Exits(self._uc, fill, host)
        self._is_invalid = False  # the run has come to an invalid instruction
        self._stores_to_code = False  # the instruction at RIP, which must run alone
        self._alone: int | None = None  # the address at which `run_alone` runs
        self._warm_up = warm_up
        self._translated_for_count = False  # Unicorn's translations carry the hook that `count=` needs
        self.registers = RegisterFile(self._handle)
        self.floats = FloatStatus(self._uc)
        self._saved = SavedRegisterSet(self._handle, self.registers, self.floats)
        for address, size, pointer in memory:
            self._uc.mem_map_ptr(address, size, unicorn.UC_PROT_ALL, pointer)
        boot.map_engine_page(self._uc)
        self._uc.ctl_set_tlb_mode(unicorn.UC_TLB_VIRTUAL)
        self._keep: list[Any] = []
        self._memory_hook = memory_hook
        self._pc_sync: PcSync | None = None
        if memory_hook is not None and counter is not None and compiled:
            self._pc_sync = PcSync(self._handle)
            counter.state[PC_KNOWN] = self._pc_sync.address
        self._fast_hooks = self._add_fast_hooks()
        self._add_hooks()
        self.breakpoints = Breakpoints(self._handle, self._add_hook, self._on_breakpoint)
        self._careful = CarefulCode(self._handle, host, self._add_hook, self._before_careful, self._fail)
        boot.enter_user_mode(self._uc, self.registers)
        if compiled:
            self._careful.compile()
            boot.grow_tlb(self._uc, self.registers, self.flush_tlb)
        boot.leave(self.registers, self.flush_tlb)
        self._planned: PlannedBlocks | None = None
        if memory_hook is not None and counter is not None:
            self._planned = PlannedBlocks(self._handle, memory_hook, counter, self._careful, self._add_hook, self._fail)
            self._uc.ctl_flush_tb()
        self._pristine = self._uc.context_save()

    # -- running ------------------------------------------------------------------------------------------------

    def run(self, limit: int | None = None, time_end: int | None = None) -> EngineStop:
        """Run until a stop, for exactly `limit` instructions (a REP is one), or to the end of the first instruction
        at which the counter's time is `time_end`. Limits need counting.
        """
        self._translated_for_count = False
        if self._planned is not None:
            self._planned.paused = False
        counter = self.counter
        if counter is None:
            return self._run(0)
        if self._warm_up is not None:
            left = self._warm_up.instructions - counter.executed
            if left <= 0 or counter.plainly >= self._warm_up.blocks:
                self.end_warm_up()
            elif limit is None or limit > left:
                result = self.run(left, time_end)
                if result is not stop.LIMIT or (time_end is not None and counter.time >= time_end):
                    return result
                return self.run(None if limit is None else limit - left, time_end)
        counter.set_limit(limit, time_end)
        result = self._run(0)
        return self._run_on(counter) if result is stop.LIMIT else result

    def _run_on(self, counter: BlockCounter) -> EngineStop:
        """The next block would pass the limit: run up to the limit, by single instructions where necessary."""
        result = stop.LIMIT
        instructions, time = counter.left()
        while result is stop.LIMIT and instructions > 0 and time > 0:
            end, time_end = counter.executed + instructions, counter.time + time
            result = self._run_part_of_block(counter, instructions, time)
            instructions, time = end - counter.executed, time_end - counter.time
        return result

    def _run_part_of_block(self, counter: BlockCounter, instructions: int, time: int) -> EngineStop:
        """The next block is longer than `instructions` or `time`: translate it anew, up to there, and run that."""
        rip = self.registers.rip()
        count, iteration = self._host.instructions_within(rip, instructions, time)
        counter.set_limit(count, None if iteration is None else counter.time + iteration)
        boundary = self._host.address_after(rip, count)
        if boundary == rip:
            return self.run_exactly(count)
        forget_block(self._handle, rip)
        return self._start(rip, boundary, 0)

    def run_exactly(self, count: int) -> EngineStop:
        """Run `count` instructions, or until a stop; an iteration of a REP instruction counts as one."""
        if self.counter is not None:
            self.counter.set_limit(None)
        if self._planned is not None:
            self._planned.paused = True
        self._translate_for_count()
        result = self._run(count)
        if self.counter is not None and result.kind is StopKind.LIMIT:
            self.counter.uncount(self.registers.rip())
        return result

    def _translate_for_count(self) -> None:
        if not self._translated_for_count:
            self._uc.ctl_flush_tb()  # U14: blocks translated before would run whole
            self._translated_for_count = True

    def run_alone(self, length: int) -> EngineStop:
        """Execute the instruction at RIP, `length` bytes long and not a branch, even if it is a careful one."""
        rip = self.registers.rip()
        if self.counter is not None:
            self.counter.set_limit(None)
        interrupted, self._interrupted = self._interrupted, False
        self._alone = self.breakpoints.passing = rip
        forget_block(self._handle, rip)
        result = self._start(rip, rip + length, 0)
        forget_block(self._handle, rip)
        self._alone = self.breakpoints.passing = None
        self._interrupted = self._interrupted or interrupted
        return result

    def interrupt(self, *, at_once: bool = False) -> None:
        """Make the current run return INTERRUPTED. From any thread; `at_once` (behind this block) only from a hook.

        With counting, the block hook stops the run: `uc_emu_stop` could skip a block that is already counted.
        """
        self._interrupted = True
        if self.counter is not None:
            self.counter.let_nothing_run(at_once)
        else:
            uclib.uc_emu_stop(self._handle)

    def pass_breakpoint(self) -> None:
        """Let the next run pass the breakpoint at which it starts."""
        self._stopped_at = self.registers.rip()

    def set_breakpoints(self, addresses: frozenset[int]) -> None:
        """Stop before the instructions at `addresses`, and nowhere else. Blocks without one cost nothing."""
        if self.breakpoints.set(addresses):
            self._uc.ctl_flush_tb()  # translated code keeps the hooks it was translated with

    def flush_tlb(self) -> None:
        """Forget all translations: page-table entries were removed or narrowed."""
        uclib.uc_ctl(self._handle, TLB_FLUSH)
        self._fills = _FEWEST_FILLS
        self._fill.allow(_FEWEST_FILLS)
        self._fill.forget_guards()
        if self._memory_hook is not None:
            self._memory_hook.forget_translations()

    def forget_page(self, page: int) -> None:
        """Forget translated code of one page of the current address space: its code changes."""
        uclib.uc_ctl(self._handle, FORGET_BLOCKS, ctypes.c_uint64(page), ctypes.c_uint64(page + PAGE_SIZE))
        if self.counter is not None:
            self.counter.forget()

    def flush_code(self) -> None:
        """Forget all translated code: executable pages changed under it."""
        self._careful.forget()
        self._uc.ctl_flush_tb()
        self.flush_tlb()
        if self.counter is not None:
            self.counter.forget()

    def save_registers(self) -> SavedRegisters:
        """All registers that ring 3 can change, as a value that can be loaded on any core."""
        return self._saved.read()

    def load_registers(self, saved: SavedRegisters) -> None:
        self._saved.write(saved)
        self._host.registers_loaded(saved)
        self._stopped_at = None
        if self.counter is not None:
            self.counter.leave_block()

    def load_segment(self, name: str, selector: int) -> None:
        """Load DS, ES, SS, FS or GS from the engine's descriptor table, which guest code cannot reach."""
        root, self._fill.root = self._fill.root, 0
        self.registers[name] = selector
        self._fill.root = root
        self.flush_tlb()

    def map_mmio(self, address: int, size: int, read: Callable[[int, int], int], write: Callable[..., None]) -> None:
        """Route guest accesses to [address, address + size) to `read(offset, bytes)` and `write(offset, bytes, value)`.

        Unicorn splits 8-byte accesses into two of 4 bytes, and misaligned ones into single bytes (U18).
        """
        self._uc.mmio_map(
            address, size, lambda _, o, n, __: read(o, n), None, lambda _, o, n, v, __: write(o, n, v), None
        )

    # -- one run ------------------------------------------------------------------------------------------------

    def _run(self, count: int) -> EngineStop:
        result = self._start(self.registers.rip(), UNTIL, count)
        if result.kind is _REFUSED and self._refusals[REFUSED_CODE] & I:
            if result.rip in self.breakpoints and result.rip != self._stopped_at:  # SDM vol. 3, 6.9: it comes first
                self._stopped_at = result.rip
                return result._replace(kind=StopKind.BREAKPOINT)
            if not is_canonical(result.rip):
                return self._refused_branch(result)
            return self._exact_fetch_refusal(result, count)
        return result

    def _refused_branch(self, refused: EngineStop) -> EngineStop:
        """#GP at a branch to an address that is not canonical, which Unicorn has already taken.

        A CALL's push stays below RSP. With counting off only the target is known.
        """
        start, end = (0, 0) if self.counter is None else self.counter.last_block
        if self.counter is None or start == end:
            return EngineStop(StopKind.EXCEPTION, GP, refused.rip)
        rip, popped = self._host.branch_of(start, end)
        self.registers["rip"] = rip
        self.registers["rsp"] -= popped
        self.counter.uncount(rip)
        return EngineStop(StopKind.EXCEPTION, GP, rip)

    def _start(self, begin: int, until: int, count: int) -> EngineStop:
        """Run from `begin` until a stop, at most to `until`, at most `count` instructions (0: no limit)."""
        while True:
            if self._interrupted:
                self._interrupted = False
                return stop.INTERRUPTED
            if self._stopped_at is not None:
                return self._start_at_breakpoint(self._stopped_at, begin, until, count)
            before = 0 if self.counter is None or count < 2 else self.counter.executed
            result = self._start_once(begin, until, count)
            if self._stores_to_code:
                result = self._store_alone()
            if result is not None:
                return result
            rip = self.registers.rip()
            if rip == until != UNTIL:
                return stop.LIMIT
            if count == 1 and rip != begin:
                return stop.LIMIT
            if count > 1 and self.counter is not None:
                count -= self.counter.executed - before
                if count <= 0:
                    return stop.LIMIT
            begin = rip

    def _start_once(self, begin: int, until: int, count: int) -> EngineStop | None:
        """One start of Unicorn; None: it ended for the engine's own reasons, and the run goes on."""
        if self._exits.used or self._fill.exits:
            self._exits.put(until)
            if begin in self._exits and begin != until:
                return self._at_exit(begin)
        registers, counter, refusals = self.registers, self.counter, self._refusals
        self._stop, registers.known_rip = _NO_STOP, _UNKNOWN
        registers.known = registers.rip_moved = False
        registers.live, self.floats.settled = True, False
        self._careful.begin_run()
        refusals[REFUSED], self._is_invalid = NOTHING, False
        self._begin.value, self._until.value, self._count.value = begin, until, count
        status = _emu_start(*self._start_arguments)
        registers.live = False
        if counter is not None:
            settle(counter.state)
        if self._hook_error is not None:
            error, self._hook_error = self._hook_error, None
            raise error
        if self._careful.stale is not None:
            self._careful.translate_again()
            return None
        if self._stop is not None:
            return self._recorded_stop(self._stop)
        if self._is_invalid:
            return self._early(_INVALID)
        if status == unicorn.UC_ERR_OK or (
            self._exits.used and self._exits.were_all_that_was_refused(self.registers.rip())
        ):
            return self._quiet_stop(until)
        reason = refusals[REFUSED]
        if status == unicorn.UC_ERR_EXCEPTION and reason != NOTHING:
            if reason == TLB_GROWS:
                self._early(_REFUSED)
                self._grow_tlb()
                return None
            if reason in (CODE_CHANGES, UNSEEN_CODE):
                self._early(_REFUSED)
                self._look_at_code(reason)
                return None
            return self._early(StopKind.WATCHED if reason == WATCH else _REFUSED)
        where = f"RIP {self.registers.rip():#x}"
        raise EngineError(f"Unicorn stopped with {unicorn.UcError(status)}", where=where, remedy="report this guest")

    def _start_at_breakpoint(self, breakpoint: int, begin: int, until: int, count: int) -> EngineStop:
        """Run after a stop at this breakpoint: if the run begins there, the breakpoint does not stop it."""
        self._stopped_at = _UNKNOWN
        if begin != breakpoint:
            return self._start(begin, until, count)
        before = 0 if self.counter is None else self.counter.executed
        self.breakpoints.passing = self._resumed_at = breakpoint
        result = self._start(begin, until, count)
        self.breakpoints.passing = self._resumed_at = None
        if self._stopped_at is None and self.counter is not None and self.counter.executed == before:
            self._stopped_at = breakpoint  # it has not moved on
        return result

    def _look_at_code(self, reason: int) -> None:
        """The fill hook has refused a valid access: it changes code, or its page must first be searched."""
        page = self._refusals[REFUSED_PAGE] & MASK64
        if reason == CODE_CHANGES:
            self._host.code_changes(page)
            self._stores_to_code = True
            return
        self._host.search_code(page)

    def _store_alone(self) -> EngineStop | None:
        """Run the instruction at RIP, which stores to code that was translated, alone; None: it has run."""
        self._stores_to_code = False
        rip = self.registers.rip()
        if rip in self._fill.exits:
            self._host.code_changed()
            return None  # it runs alone there, too
        if self._host.is_branch(rip):
            self._translate_for_count()
            return self._run_one(rip, UNTIL, 1)
        return self._run_one(rip, self._host.address_after(rip, 1), 0)

    def _run_one(self, rip: int, boundary: int, count: int) -> EngineStop | None:
        """Run the instruction at RIP alone; None: it has run. Behind it nothing is translated that it changes."""
        forget_block(self._handle, rip)
        result = self._start_once(rip, boundary, count)
        while result is None and self.registers.rip() == rip:
            result = self._start_once(rip, boundary, count)
        forget_block(self._handle, rip)
        self._stores_to_code = False
        self._host.code_changed()
        return None if result is stop.LIMIT and self.registers.rip() != rip else result

    def _recorded_stop(self, recorded: EngineStop) -> EngineStop:
        if recorded is stop.SYSCALL:
            return recorded
        if recorded.kind is StopKind.EXCEPTION:
            self._cure_sticky_exception()
        elif recorded.kind is StopKind.BREAKPOINT:
            self._stopped_at = recorded.rip
        elif recorded.kind is _INVALID and not is_canonical(recorded.rip):
            return self._refused_branch(recorded)
        elif recorded.kind is _INVALID and recorded.rip in self.breakpoints and recorded.rip != self._resumed_at:
            self._stopped_at = recorded.rip  # SDM vol. 3, 6.9: it comes first
            return self._early(StopKind.BREAKPOINT)
        return self._early(recorded.kind, recorded.vector)

    def _quiet_stop(self, until: int) -> EngineStop | None:
        if self._interrupted:
            self._interrupted = False
            return stop.INTERRUPTED
        rip = self.registers.rip()
        if rip != until and self._exits.used and rip in self._exits:
            return None
        if rip == UNTIL and until == UNTIL:
            return EngineStop(StopKind.EXCEPTION, GP, rip)
        return stop.LIMIT

    def _at_exit(self, rip: int) -> EngineStop | None:
        """The answer where nothing may be translated; None: the instruction there can be, and has run alone."""
        if rip in self.breakpoints and rip not in (self._resumed_at, self._alone):
            self._stopped_at = rip
            return EngineStop(StopKind.BREAKPOINT, 0, rip)
        is_cut_off = self._host.is_cut_off(rip)
        if not is_cut_off and rip != self._alone and not self._host.runs_exactly(rip):
            return EngineStop(_INVALID, 0, rip)
        self._exits.passed = rip
        result = self._run_one(rip, UNTIL if is_cut_off else self._host.address_after(rip, 1), 0)
        self._exits.passed = None
        return result

    def _early(self, kind: StopKind, vector: int = 0) -> EngineStop:
        """The running block did not complete: take its rest back from the count.

        A refused fetch at the start of the last block was a jump back to it, so that block has completed.
        """
        rip = self.registers.rip()
        fetch = kind is _REFUSED and self._refusals[REFUSED_CODE] & I != 0
        flags = None if fetch or kind in _BEFORE_IT else self._careful.flags_before(rip)
        if flags is not None:
            self.registers["rflags"] = flags
        if self.counter is not None and not (fetch and rip == self.counter.last_block[0]):
            self.counter.uncount(rip)
        return EngineStop(kind, vector, rip)

    def _exact_fetch_refusal(self, refused: EngineStop, count: int) -> EngineStop:
        """U12: Unicorn reports a fetch refused beyond a page edge at the block's start, so run up to the edge first."""
        rip, page = refused.rip, self._refusals[REFUSED_PAGE] & MASK64
        if page_of(rip) == page:
            return refused
        boundary, before = self._host.last_instruction_start(rip, page)
        if boundary == rip:
            return refused
        forget_block(self._handle, rip)  # it may have been translated when the page beyond the edge was there
        result = self._start(rip, boundary, min(count, before))
        if result is not stop.LIMIT or self.registers.rip() != boundary or count == before:
            return result
        return self._start(boundary, UNTIL, max(0, count - before))

    def _grow_tlb(self) -> None:
        """Flush the TLB, which then grows. The longer guest code has run between two flushes, the longer it runs on."""
        self._fills = min(2 * self._fills, _MOST_FILLS)
        uclib.uc_ctl(self._handle, TLB_FLUSH)
        self._fill.allow(self._fills)

    def _cure_sticky_exception(self) -> None:
        """U1: Unicorn would report the next exception as #DF; only a context saved before the first one prevents it."""
        saved, cr4 = self.save_registers(), self.registers["cr4"]
        self._uc.context_restore(self._pristine)
        self.floats.settled = False  # the records of exception flags are now those of the pristine context
        self.registers["cr4"] = cr4
        self._saved.write(saved)

    # -- hooks: record and stop ---------------------------------------------------------------------------------

    def _add_fast_hooks(self) -> list[int]:
        """Add the hooks that are worth compiling."""
        fill, counter = self._fill, self.counter
        hooks = [self._add_hook(unicorn.UC_HOOK_TLB_FILL, fill.callback_address, EVERYWHERE, user=fill.user_data)]
        if counter is not None:
            code = (0, (1 << 47) - 1)
            hooks.append(self._add_hook(unicorn.UC_HOOK_BLOCK, counter.callback_address, code, user=counter.user_data))
        return hooks

    def end_warm_up(self) -> None:
        """Compile the hooks, if that is chosen: the guest has run long enough, or a debugger will replay it often."""
        if self._warm_up is None or self.counter is None:
            return
        self._warm_up = None
        self._fill.compile()
        self.counter.compile()
        self._careful.compile()
        for hook in self._fast_hooks:
            uclib.uc_hook_del(self._handle, hook)
        self._fast_hooks = self._add_fast_hooks()
        self._uc.ctl_flush_tb()  # translated code keeps the hooks it was translated with
        saved, root, self._fill.root = self.save_registers(), self._fill.root, 0
        self._exits.pause()
        boot.grow_tlb(self._uc, self.registers, self.flush_tlb)
        self._exits.resume()
        self._fill.root = root
        self._saved.write(saved)

    def _add_hooks(self) -> None:
        self._add_hook(unicorn.UC_HOOK_INTR, _INTR_HOOK(self._on_exception), EVERYWHERE)
        self._add_hook(
            unicorn.UC_HOOK_INSN, INSTRUCTION_HOOK(self._on_syscall), EVERYWHERE, instruction=x86.UC_X86_INS_SYSCALL
        )
        self._add_hook(unicorn.UC_HOOK_INSN_INVALID, _INVALID_HOOK(self._on_invalid), EVERYWHERE)
        for instruction, callback in answers(self.registers, self._host, self._fail):
            self._add_hook(unicorn.UC_HOOK_INSN, callback, EVERYWHERE, instruction=instruction)

    def _add_hook(self, kind: int, callback: Any, span: tuple[int, int], *, user: int = 0, instruction: int = 0) -> int:
        self._keep.append(callback)
        address = callback if isinstance(callback, int) else ctypes.cast(callback, ctypes.c_void_p).value or 0
        return add_hook(self._handle, kind, address, user, span, instruction)

    def _on_exception(self, _uc: object, vector: int, _user: object) -> None:
        if self._stop is None:
            self._stop = EngineStop(StopKind.EXCEPTION, vector)
        uclib.uc_emu_stop(self._handle)

    def _on_invalid(self, _uc: object, _user: object) -> bool:
        self._is_invalid = True
        return False

    def _before_careful(self, address: int) -> None:
        if address == self._alone:
            return
        try:
            exact = self._host.runs_exactly(address)
        except BaseException as error:
            self._fail(error)
            return
        if exact:
            if address == self._resumed_at:
                self._resumed_at = None
            return
        if self._stop is None:
            self._stop = EngineStop(_INVALID, 0, address)
        self._stop_in_block()

    def _fail(self, error: BaseException) -> None:
        """Note a hook's exception, which the run raises: a hook cannot raise through C."""
        self._hook_error = error
        self._stop_in_block()

    def _on_breakpoint(self, address: int) -> None:
        if self._stop is None:
            self._stop = EngineStop(StopKind.BREAKPOINT, 0, address)
        self._stop_in_block()

    def _stop_in_block(self) -> None:
        if self._pc_sync is not None:
            self._pc_sync.look_up()
        uclib.uc_emu_stop(self._handle)

    def _on_syscall(self, _uc: object, _user: object) -> int:
        if self._stop is None:
            self._stop = stop.SYSCALL
        uclib.uc_emu_stop(self._handle)
        return 0
