"""The machine: build one, load a program, run it, look at it.

from pffemu import Machine, assemble
machine = Machine()
machine.load(assemble("_start:\\n mov eax, 60\\n mov edi, 7\\n syscall\\n"))
assert machine.run().exit_code == 7
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kernel_model.files import ByteSink, ByteSource, File, InputFile, OutputFile, RamFile
from kernel_model.files.disk_file import DiskFile
from kernel_model.files.ram_file import Content
from kernel_model.kernel import Kernel, KernelOptions
from kernel_model.task.task import Process
from pffemu.asm import Program
from pffemu.engine.stop import StopKind
from pffemu.errors import UsageError
from pffemu.events.bus import EventBus
from pffemu.events.hw import FramePushed, Uiret, WalkRefused
from pffemu.events.kernel import ContextSwitch, ThreadWoken
from pffemu.events.userfaultfd import MessageQueued
from pffemu.hw.bus import Bus
from pffemu.hw.cpu import Cpu
from pffemu.hw.cpu_options import Memory
from pffemu.hw.devices import Places, Platform
from pffemu.hw.interconnect import Interconnect
from pffemu.hw.memory.caches import Caches
from pffemu.hw.ram import Ram
from pffemu.hw.uffd_regions import RegionTable
from pffemu.machine.image import Image, image_of_program, open_image
from pffemu.machine.loader import load
from pffemu.machine.memory import GuestMemory
from pffemu.machine.options import Compat, MachineOptions, changed, with_mode
from pffemu.machine.shared_objects import SharedObjects
from pffemu.machine.stop import BudgetUsedUp, Deadlock, Exited, Interrupted, Killed, Reached, Stop
from pffemu.machine.streams import InputLog, OutputLog
from pffemu.machine.symbols import ProcessSymbols, SymbolTable
from pffemu.machine.turns import Turns
from pffemu.timing.hierarchy import Hierarchy


class Machine:
    """A machine with its kernel booted; `load` gives it one process.

    `cpus`, `ram`, `regions`, `bus`, `kernel` and `events` are its parts, for reading.
    """

    def __init__(
        self,
        options: MachineOptions | None = None,
        *,
        stdin: bytes | ByteSource = b"",
        stdout: ByteSink | None = None,
        stderr: ByteSink | None = None,
        **changes: Any,
    ) -> None:
        """`stdin`: bytes, or a source of them; `stdout`, `stderr`: where the guest's output goes (default: the host's).

        `changes`: fields of MachineOptions by name, as in `Machine(mode=Mode.UFFD, cpus=1)`."""
        self.options = with_mode(changed(options or MachineOptions(), changes))
        places = Places.of(self.options)
        self.ram = Ram(self.options.ram, places.holes())
        self.events = EventBus()
        self.regions = RegionTable(self.options.uffd_regions)
        self.bus = Bus(self.ram)
        self.interconnect = Interconnect()
        places.add_devices(Platform(self.ram, self.bus, self.regions, self.interconnect))
        self.caches = self._caches()
        self.cpus = [self._core(index) for index in range(self.options.cpus)]
        for cpu in self.cpus:
            places.attach(cpu, self.bus)
        kernel_options = KernelOptions(
            mechanism=self.options.mode.mechanism,
            uffd_mmio_base=self.options.uffd_mmio_base, seed=self.options.seed, mounts=self.options.mounts,
            outlive=self.options.outlive, quota=self.options.quota, fault_around=self.options.fault_around,
            strict=self.options.strict, uintr_wait_forever=self.options.uintr_wait_forever,
            pff_uintr=self.options.compat is Compat.PFF_UINTR, writable_zero=self.options.writable_zero,
            wakeup_preemption=self.options.wakeup_preemption, area_locks=self.options.kernel_locking.has_area_locks,
        )  # fmt: skip
        self.kernel = Kernel(self.cpus, self.ram, self.bus, kernel_options)
        self.turns = Turns(self.kernel, self.cpus, self.options.cpu.counting)
        self.objects = SharedObjects(self.kernel.tree)
        self._program_symbols: tuple[Mapping[str, int], SymbolTable] = ({}, SymbolTable({}))
        self._process: Process | None = None
        self._interrupted = False
        self.streams: list[InputLog | OutputLog] = []  # those to and from the host
        source = InputLog(io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin)
        self.streams.append(source)
        self._files: dict[int, File] = {0: InputFile("stdin", source)}
        self.open_output(1, "stdout", stdout or sys.stdout.buffer)
        self.open_output(2, "stderr", stderr or sys.stderr.buffer)

    def _caches(self) -> Caches | None:
        cpu = self.options.cpu
        if cpu.memory is Memory.FLAT:
            return None
        self.ram.touched = []
        return Caches(Hierarchy.of(cpu.profile), cpu.memory.bound, self.options.cpus, self.options.ram)

    def _core(self, index: int) -> Cpu:
        options = self.options.cpu
        if self.options.compat is Compat.PFF_UINTR:
            options = replace(options, mask_fault_address=True)
        if self.options.strict:
            options = replace(options, exact_float=True, check_alignment=True)
        return Cpu(index, self.ram, self.regions, self.events, options, self.interconnect, self.caches)

    # -- loading ------------------------------------------------------------------------------------------------

    def open_ram_file(self, fd: int, name: str, data: memoryview | bytes | Content) -> None:
        """Give the guest `data` as open read-only file `fd`, in the page cache. Raises OutOfGuestMemory."""
        content = memoryview(data).cast("B") if isinstance(data, bytes | memoryview) else data
        self._files[fd] = RamFile(name, content, self.ram, self.kernel.frames)

    def open_disk_file(self, fd: int, name: str, data: bytes) -> None:
        """Give the guest `data` as open file `fd` on a disk: pages are read when they are used, and can be evicted."""
        self._files[fd] = DiskFile(name, data, self.ram, self.kernel.file_memory)

    def open_output(self, fd: int, name: str, sink: ByteSink) -> None:
        """Give the guest `fd` to write to; `sink.write` gets the bytes."""
        log = OutputLog(sink)
        self.streams.append(log)
        self._files[fd] = OutputFile(name, log)
        self.kernel.outputs.append(self._files[fd])

    def close_descriptor(self, fd: int) -> None:
        """Start the guest without `fd`, as a shell does for `>&-`."""
        del self._files[fd]

    def load(
        self,
        program: Program | Image | Path,
        arguments: Sequence[str] = (),
        defines: Mapping[str, int] | None = None,
        environment: Sequence[str] = (),
    ) -> None:
        """Load an assembled program, an image, or a file (assembly source, ELF64 or script), with arguments.

        `environment`: strings NAME=VALUE; the host's environment is not passed on.

        Raises MissingFileError, NotLoadableError, OutOfGuestMemory; UsageError when a program is loaded already, and
        for text, which could be source or a file's name.
        """
        if self._process is not None:
            raise UsageError("this machine already has a process", remedy="build a new Machine for another program")
        if not isinstance(program, Program | Image | Path):
            kind = type(program).__name__
            raise UsageError(f"a program of type {kind}", remedy="Path('prog') for a file, assemble('...') for source")
        if isinstance(program, Program):
            program = image_of_program(program)
        image = program if isinstance(program, Image) else open_image(program, defines)
        self._process = load(self.kernel, self.cpus[0], image, arguments, environment)
        for fd, file in self._files.items():
            self._process.files.install(fd, file)

    # -- running ------------------------------------------------------------------------------------------------

    def run(self, budget: int | None = None, until: Iterable[int | str] = ()) -> Stop:
        """Run until the guest ends, blocks for good, spends `budget` instructions, or is interrupted.

        `until`: addresses or symbols to stop before, on any thread; running on passes them. `run(budget=1)` is a step.
        Raises UsageError for an unknown symbol, or a budget without counting.
        """
        assert self.process is not None
        self._set_breakpoints(until)
        if budget is not None and not self.options.cpu.counting:
            raise UsageError("a budget needs instruction counting", remedy="do not switch counting off")
        end = None if budget is None else self.instructions + budget
        while self.kernel.ended is None:
            if self._interrupted:
                self._interrupted = False
                return Interrupted()
            cpu = self.turns.begin()
            if cpu is None:
                break
            if end is not None and self.instructions >= end:
                return BudgetUsedUp(self.instructions, self._budget_message(cpu, budget))
            stop = self.turns.advance(cpu, None if end is None else end - self.instructions)
            if stop is not None and stop.kind is StopKind.BREAKPOINT:
                return Reached(stop.rip, cpu.tid, cpu.index)
        return self.outcome()

    def _set_breakpoints(self, until: Iterable[int | str]) -> None:
        addresses = set()
        for place in until:
            if isinstance(place, str) and place not in self.symbols:
                raise UsageError(
                    f"no symbol {place!r}", remedy=f"use one of {', '.join(sorted(self.symbols)) or 'none'}"
                )
            addresses.add(self.symbols[place] if isinstance(place, str) else place)
        for cpu in self.cpus:
            cpu.engine.set_breakpoints(frozenset(addresses))

    def interrupt(self) -> None:
        """Make `run` return `Interrupted` soon. From any thread; call again if it came between two slices."""
        self._interrupted = True
        for cpu in self.cpus:
            cpu.engine.interrupt()

    def _budget_message(self, cpu: Cpu, budget: int | None) -> str:
        where = self.symbols.describe(cpu.registers["rip"])
        return (
            f"the budget of {budget} instructions is used up\n"
            f"  thread {cpu.tid} is at {where}\n  try: a larger --budget, or look for an endless loop there"
        )

    def outcome(self) -> Stop:
        """How the run ended, once nothing can run any more: `turns.begin` gave no core."""
        end = self.kernel.ended
        for cpu in self.cpus:
            cpu.check_accounts()
        if end is not None and end.signal is None and self.kernel.stuck is None:
            return Exited(end.status)
        from pffemu.machine import diagnose  # imported here: most runs end well

        if self.kernel.stuck is not None:
            return Deadlock(diagnose.stuck(self.kernel, self.kernel.stuck, self.symbols_of))
        if end is None:
            return Deadlock(diagnose.deadlock(self.kernel, self.process, self.symbols_of))
        assert end.signal is not None
        return Killed(end.signal, diagnose.killed(end, self.ram, self.process, self.symbols))

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def process(self) -> Process:
        """Raises UsageError before `load`."""
        if self._process is None:
            raise UsageError("nothing is loaded", remedy="call load first")
        return self._process

    @property
    def symbols(self) -> SymbolTable:
        """The names of the first process; none before `load`."""
        return SymbolTable({}) if self._process is None else self.symbols_of(self._process)

    def symbols_of(self, process: Process) -> SymbolTable:
        """The names of a process: its program's, and those of the shared objects that it has mapped."""
        symbols = process.image.symbols
        if self._program_symbols[0] is not symbols:
            same = self._program_symbols[0] == symbols  # as after a snapshot was put back
            self._program_symbols = symbols, self._program_symbols[1] if same else SymbolTable(symbols)
        return ProcessSymbols(self._program_symbols[1], self.objects, process)

    @property
    def memory(self) -> GuestMemory:
        return GuestMemory(self.ram, self.process.mm, self.cpus)

    @property
    def instructions(self) -> int:
        """Guest instructions executed on all cores; 0 with counting off."""
        return sum(cpu.instructions for cpu in self.cpus)

    def counts(self) -> dict[str, int]:
        """Exact counts of what happened so far; the keys of every command's JSON."""
        seen = self.events.counts
        return {
            "faults": seen[WalkRefused],
            "forwarded": seen[FramePushed],
            "uirets": seen[Uiret],
            "uffd_messages": seen[MessageQueued],
            "wakes": seen[ThreadWoken],
            "context_switches": seen[ContextSwitch],
            "kernel_entries": self.kernel.entry.count,
            "handler_threads": len(self.kernel.uffd_readers),
            "instructions": self.instructions,
        }
