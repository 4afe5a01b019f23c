"""One core: the engine, its MMU, local APIC and user-interrupt state, and its virtual clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pffemu.arch.frames import FrameLayout
from pffemu.asm import count_instructions, decode
from pffemu.engine import jit
from pffemu.engine.block_counter import BlockCounter
from pffemu.engine.count_block import EXECUTED
from pffemu.engine.saved_registers import SavedRegisters
from pffemu.engine.unicorn_cpu import UnicornCpu
from pffemu.events import EventBus
from pffemu.hw.costs import CYCLES
from pffemu.hw.cpuid import cpuid
from pffemu.hw.fault_address import instruction_at
from pffemu.hw.interconnect import NEVER, Arrival, Interconnect
from pffemu.hw.local_apic import LocalApic
from pffemu.hw.mmu import Mmu, UffdLookup
from pffemu.hw.ram import Ram
from pffemu.hw.uffd_regions import RegionTable
from pffemu.hw.uintr_state import KbTimer, UintrState

__all__ = ["Cpu", "CpuOptions", "KbTimer", "SavedRegisters", "UintrState"]

_REP = ("rep ", "repe ", "repne ", "repz ", "repnz ")


@dataclass(frozen=True, slots=True)
class CpuOptions:
    """What can be chosen about a core. The defaults are the machine DESIGN describes."""

    flexible_uiret: bool = False  # CPUID.(7,1):EDX[17]: UIRET loads UIF from bit 1 of the popped RFLAGS
    frame_layout: FrameLayout = FrameLayout.VECTOR_FIRST
    mask_fault_address: bool = False  # the prototype clears the low 12 bits of the frame's address
    uffd_lookup: UffdLookup = UffdLookup.RANGES
    counting: bool = True  # exact instruction counts; without, no budget and no preemption
    upid_blkd: bool = True  # bit 7 of a UPID is Linux's BLKD; False: reserved, #GP in SENDUIPI (SDM)
    compiled: bool | None = None  # numba; None: when it is installed and PFFEMU_JIT is not 0


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
    ) -> None:
        """`interconnect`: what the machine's cores share; None: this core is alone."""
        compiled = jit.available() if options.compiled is None else options.compiled
        self.index, self.options, self.bus = index, options, bus
        self.tid = 0
        self.mmu = Mmu(ram, regions, options.uffd_lookup, compiled)
        self.apic = LocalApic(apic_id=index)
        self.interconnect = interconnect if interconnect is not None else Interconnect()
        self.interconnect.cpus.append(self)
        self.arrivals: list[Arrival] = []  # messages on their way here, earliest first
        self.event_at = NEVER  # when the core must look at `arrivals`, its timers and IRR
        self.uintr = UintrState()
        self.kb_timer = KbTimer()
        self.cr4_uintr = False
        self._counter = BlockCounter(self._block_length, compiled) if options.counting else None
        self.engine = UnicornCpu(ram.pieces(), self.mmu.fill, self, self._counter, large_tlb=compiled)
        self.registers = self.engine.registers
        self.rip_rsp_rflags = self.registers.group("rip", "rsp", "rflags")
        self._charged = 0  # cycles, besides one for each guest instruction
        self._executed = self._counter.state if self._counter is not None else [0]

    # -- virtual time -------------------------------------------------------------------------------------------

    @property
    def instructions(self) -> int:
        """Guest instructions executed; 0 with counting off."""
        return self._executed[EXECUTED]

    @property
    def clock(self) -> int:
        """Virtual cycles since reset: one a guest instruction, and what hardware and kernel charged."""
        return self._charged + self._executed[EXECUTED]

    def charge(self, cost: str) -> None:
        self._charged += CYCLES[cost]

    def wait_until(self, clock: int) -> None:
        """An idle core's time passes; never backwards."""
        self._charged += max(0, clock - self.clock)

    def count_own(self, instructions: int = 1) -> None:
        """Count an instruction that the machine executed in the engine's place."""
        if self._counter is not None:
            self._counter.add(instructions)

    def left_block(self) -> None:
        """RIP was changed from outside."""
        if self._counter is not None:
            self._counter.leave_block()

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
        if bus.sinks:
            bus.publish(event(self._charged + self._executed[EXECUTED], self.index, self.tid, *fields))

    def flush_tlb(self, *, code: bool = False) -> None:
        """Page-table entries were removed or narrowed, or `code`: executable pages changed."""
        self.mmu.flush()
        if code:
            self.engine.flush_code()
        else:
            self.engine.flush_tlb()

    def plan(self) -> None:
        """Set `event_at`: APIC, timers or `kb_timer` were changed. Whoever replaces or edits them calls this."""
        times = [NEVER if self.apic.deliverable() is None and not self.apic.nmi else 0]
        if self.arrivals:
            times.append(self.arrivals[0].time)
        expiry = self.apic.timer.due()
        if expiry is not None:
            times.append(expiry)
        if self.kb_timer.enabled and self.kb_timer.deadline:
            times.append(self.kb_timer.deadline)
        self.event_at = min(times)
        self.interconnect.changed()

    def reset_apic(self) -> None:
        """The APIC was disabled: all but its id and the forwarding registers is as after reset."""
        old = self.apic
        self.apic = LocalApic(apic_id=old.apic_id)
        self.plan()

    # -- what the engine asks while guest code runs --------------------------------------------------------------

    def cpuid(self, leaf: int, subleaf: int) -> tuple[int, int, int, int]:
        return cpuid(leaf, subleaf, self.index, self.options.flexible_uiret)

    def tsc(self, rip: int) -> int:
        """The time-stamp counter as RDTSC at `rip` reads it."""
        return self.clock - (self._counter.unfinished(rip) if self._counter is not None else 0)

    def last_instruction_start(self, rip: int, edge: int) -> tuple[int, int]:
        """The start of the last instruction from `rip` on that begins at or below `edge`, and how many come before."""
        before = 0
        while rip < edge:
            instruction = decode(self.mmu.code_at(rip, 15), rip)
            if instruction is None or rip + instruction.size > edge:
                break
            rip += instruction.size
            before += 1
        return rip, before

    def address_after(self, rip: int, instructions: int) -> int:
        """The address behind `instructions` instructions from `rip` on, or the first that is none."""
        for _ in range(instructions):
            instruction, _ = instruction_at(self.mmu.code_at(rip, 15))
            if instruction is None:
                break
            rip += instruction.size
        return rip

    def _block_length(self, address: int, size: int) -> tuple[int, bool]:
        code = self.mmu.code_at(address, size)
        first = decode(code, address)
        if first is not None and first.size == size:
            return 1, first.mnemonic.startswith(_REP)
        return count_instructions(code, address), False
