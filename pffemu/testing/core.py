"""A core in ring 3 with registers and page tables that the test makes, and neither kernel nor process.

core = Core("mov rax, [rdi]\\n syscall")
core.map(0x10000, struct.pack("<Q", 7))
core.registers["rdi"] = 0x10000
assert core.run().kind is CoreStopKind.SYSCALL and core.registers["rax"] == 7
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from kernel_model.kernel import Kernel
from pffemu import compiled
from pffemu.arch import apic_regs as reg
from pffemu.arch.exceptions import PF
from pffemu.arch.paging import PAGE_MASK, PAGE_SIZE, PTE_ADDRESS, PTE_NX, PTE_P, PTE_U, PTE_W, is_canonical
from pffemu.arch.registers import MASK64
from pffemu.arch.rflags import ALWAYS_ONE, IF
from pffemu.arch.uffd_mmio import MODE_MISSING
from pffemu.asm import Program
from pffemu.engine.stop import StopKind
from pffemu.errors import UsageError
from pffemu.events.bus import EventBus
from pffemu.hw.cpu import Cpu
from pffemu.hw.cpu_options import CpuOptions
from pffemu.hw.interconnect import NEVER
from pffemu.hw.ram import Ram
from pffemu.hw.trap import Trap
from pffemu.hw.uffd_regions import BadRangeError, Region, RegionTable, TableFullError
from pffemu.machine import loop
from pffemu.testing.core_stops import CoreStop, CoreStopKind, StopsAtEntry

_ROOT: Final = PAGE_SIZE  # physical address of the top table; frame 0 stays empty
_SHIFTS: Final = (39, 30, 21)
_RIGHTS: Final = frozenset("rwx")
_loop = compiled.as_python(loop.__name__) if compiled.IN_USE else loop  # StopsAtEntry is no Kernel


class Core:
    """One core. `cpu`, `registers`, `events`, `regions`, `ram` are its parts, to be read and written between runs."""

    def __init__(self, code: Program | str = "", *, ram: int = 16 << 20, **options: Any) -> None:
        """`code`: what to execute, as source or assembled, mapped where its sections are; RIP is its `_start`, or else
        its first byte. All general registers are 0. `ram`: bytes. `options`: fields of CpuOptions.

        Raises AssemblyError, UsageError.
        """
        self.ram, self.events, self.regions = Ram(ram), EventBus(), RegionTable()
        self.cpu = Cpu(0, self.ram, self.regions, self.events, CpuOptions(**options))
        self.registers = self.cpu.registers
        self._free = _ROOT + PAGE_SIZE  # physical address of the next frame
        self._kernel = StopsAtEntry()
        self._stopped_at: int | None = None
        self.symbols: Mapping[str, int] = {}
        self.cpu.mmu.fill.root = _ROOT
        self.cpu.cr4_uintr = True
        self.cpu.apic.svr = reg.SVR_ENABLE | 0xFF
        self.cpu.run_thread(1)
        self.registers["rflags"] = IF | ALWAYS_ONE
        if code:
            self._load(code)

    def _load(self, code: Program | str) -> None:
        if isinstance(code, str):
            from guest.build import ASM, INCLUDE
            from pffemu.asm import assemble

            code = assemble(code, include_dirs=(ASM, INCLUDE))
        for section in code.sections:
            if section.size:
                rights = f"r{'w' if section.writable else ''}{'x' if section.executable else ''}"
                self.map(section.address, section.data, size=section.size, rights=rights)
        self.symbols = code.symbols
        self.registers["rip"] = code.entry

    # -- memory ---------------------------------------------------------------------------------------------------

    def map(self, address: int, data: bytes = b"", *, size: int = 0, rights: str = "rw") -> None:
        """Map the whole pages that hold `data`, or `size` bytes, from `address` on, for ring 3; zeros follow `data`.

        `rights`: letters of "rwx". Raises UsageError: not canonical, mapped already, no RAM left.
        """
        if not set(rights) <= _RIGHTS:
            raise UsageError(f"rights {rights!r}", where="Core.map", remedy='use letters of "rwx"')
        bits = PTE_P | PTE_U | (PTE_W if "w" in rights else 0) | (0 if "x" in rights else PTE_NX)
        end = address + max(size, len(data), 1)
        for page in range(address & PAGE_MASK, end, PAGE_SIZE):
            if self.entry(page):
                raise UsageError(f"{page:#x} has an entry already", where="Core.map", remedy="unmap it first")
            self.set_entry(page, self.frame() | bits)
        self.write(address, data)

    def unmap(self, address: int, size: int = PAGE_SIZE) -> None:
        """Clear the entries of the pages of [address, address + size), and flush the TLB."""
        for page in range(address & PAGE_MASK, address + size, PAGE_SIZE):
            self.set_entry(page, 0)

    def entry(self, address: int) -> int:
        """The page-table entry (level 1, 4 KiB) of `address`; 0 where a table is missing. Raises UsageError."""
        place = self._place(address, grow=False)
        return 0 if place is None else self.ram.words[place] & MASK64

    def set_entry(self, address: int, entry: int) -> None:
        """Write the page-table entry of `address`, any 64 bits, and flush the TLB and translated code."""
        place = self._place(address, grow=True)
        assert place is not None
        entry &= MASK64
        self.ram.words[place] = entry - (1 << 64) if entry >> 63 else entry
        self._kernel.tables_changed()
        self.cpu.flush_tlb(code=True)

    def frame(self) -> int:
        """The physical address of an unused page of zeros. Raises UsageError: no RAM left."""
        if self._free >= self.ram.size:
            raise UsageError("no RAM left", where="Core", remedy="give more, as in Core(ram=64 << 20)")
        self._free += PAGE_SIZE
        return self._free - PAGE_SIZE

    def read(self, address: int, size: int) -> bytes:
        """Memory, whatever its rights. Raises UsageError where nothing is mapped."""
        return b"".join(bytes(self.ram.octets[at : at + length]) for at, length in self._parts(address, size))

    def write(self, address: int, data: bytes) -> None:
        """Write memory, whatever its rights; code that was there is forgotten. Raises UsageError."""
        done = 0
        for at, length in self._parts(address, len(data)):
            self.ram.store(at, data[done : done + length])
            done += length
        self.cpu.flush_tlb(code=True)

    def _parts(self, address: int, size: int) -> list[tuple[int, int]]:
        parts = []
        while size > 0:
            entry = self.entry(address)
            if not entry & PTE_P or (entry & PTE_ADDRESS) >= self.ram.size:
                raise UsageError(f"nothing is mapped at {address:#x}", where="Core", remedy="map it first")
            length = min(size, PAGE_SIZE - address % PAGE_SIZE)
            parts.append(((entry & PTE_ADDRESS) + address % PAGE_SIZE, length))
            address, size = address + length, size - length
        return parts

    def _place(self, address: int, *, grow: bool) -> int | None:
        """Index in `ram.words` of the entry of `address`; None: a table is missing."""
        if not 0 <= address <= MASK64 or not is_canonical(address):
            raise UsageError(f"{address:#x} is not canonical", where="Core", remedy="4-level paging has 48 bits")
        table = _ROOT
        for shift in _SHIFTS:
            place = table // 8 + (address >> shift & 511)
            if not self.ram.words[place] & PTE_P:
                if not grow:
                    return None
                self.ram.words[place] = self.frame() | PTE_P | PTE_W | PTE_U
            table = self.ram.words[place] & PTE_ADDRESS
        return table // 8 + (address >> 12 & 511)

    # -- faults and interrupts --------------------------------------------------------------------------------------

    def forward_page_faults(self, handler: int, start: int, size: int, mode: int = MODE_MISSING) -> None:
        """Forward this core's page faults in [start, start + size) to `handler`, as the kernel of mode pff arranges it:
        UIHANDLER, UIF=1, forwarding_enabled and _active of #PF, a region with the mode bits of arch.uffd_mmio.

        Raises UsageError.
        """
        try:
            self.regions.add(Region(_ROOT, start, start + size, mode))
        except (BadRangeError, TableFullError) as error:
            raise UsageError(str(error), where="Core.forward_page_faults", remedy="give whole pages") from error
        self.cpu.uintr.handler, self.cpu.uintr.uif = handler, True
        self.cpu.apic.forwarding_enabled |= 1 << PF
        self.cpu.apic.forwarding_active |= 1 << PF

    def request(self, vector: int) -> None:
        """An external interrupt arrives at the local APIC; it is taken before the next instruction, unless masked."""
        self.cpu.apic.request(vector)
        self.cpu.plan()

    # -- running ----------------------------------------------------------------------------------------------------

    def run(self, budget: int = 10_000, until: Iterable[int | str] = ()) -> CoreStop:
        """Run for `budget` instructions, or until a kernel would be entered, or before an address or symbol of `until`.

        What the hardware answers itself (forwarded faults, user interrupts, instructions of our own) goes on.
        Raises UsageError.
        """
        cpu, kernel = self.cpu, self._kernel
        if not cpu.options.counting:
            raise UsageError("a budget needs instruction counting", where="Core.run", remedy="leave counting on")
        cpu.engine.set_breakpoints(frozenset(self._address(place) for place in until))
        kernel.stop, kernel.stuck = None, None
        if self.registers["rip"] != self._stopped_at:
            cpu.left_block()
        cpu.plan()
        end = cpu.instructions + budget
        while kernel.stop is None:
            kernel.stop = self._advance(end)
        self._stopped_at = self.registers["rip"]
        return kernel.stop

    def _address(self, place: int | str) -> int:
        if isinstance(place, str) and place not in self.symbols:
            raise UsageError(f"no symbol {place!r}", where="Core.run", remedy=f"one of {', '.join(self.symbols)}")
        return self.symbols[place] if isinstance(place, str) else place

    def _advance(self, end: int) -> CoreStop | None:
        """One step of the machine's loop; None: the run goes on, or `_kernel.stop` says why not."""
        cpu, kernel = self.cpu, cast(Kernel, self._kernel)
        if cpu.event_at <= cpu.clock and _loop.take_interrupts(kernel, cpu):
            return self._kernel.stop
        if not _loop.deliver_pending(kernel, cpu):
            return self._kernel.stop
        if cpu.instructions >= end:
            return CoreStop(CoreStopKind.BUDGET)
        due = None if cpu.event_at >= NEVER else cpu.engine_time(max(cpu.event_at, cpu.clock + 1))
        stop = (cpu.run_resumed if self.registers.resumes else cpu.engine.run)(end - cpu.instructions, due)
        cpu.looks_up = False
        if stop.kind is StopKind.BREAKPOINT:
            return CoreStop(CoreStopKind.REACHED)
        _loop.act(kernel, cpu, stop)
        if self._kernel.stuck is not None:
            stuck = self._kernel.stuck
            return CoreStop(CoreStopKind.STUCK, Trap(PF, stuck.error_code, stuck.address))
        return self._kernel.stop
