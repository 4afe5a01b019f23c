"""The names in claims: the machine at one moment, as expressions see it."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from pffemu.arch import rflags
from pffemu.arch.frames import EXTENDED_SIZE, STANDARD_SIZE, FrameLayout
from pffemu.arch.registers import GENERAL, MASK64
from pffemu.errors import UsageError
from pffemu.events.hw import FramePushed
from pffemu.events.kernel import Warned
from pffemu.events.kinds import EVENTS, name_of
from pffemu.hw.cpu import Cpu
from pffemu.inspect.c_values import value_of_variable
from pffemu.inspect.constants import CONSTANTS
from pffemu.inspect.core_state import CORE_STATE, read_state
from pffemu.inspect.expressions import FLAGS
from pffemu.inspect.hardware_tables import TABLES
from pffemu.inspect.wide import XMM, Wide
from pffemu.machine.elf_variables import Variable
from pffemu.machine.machine import Machine
from pffemu.machine.memory import GuestMemory

_WHOLE: Final = (*GENERAL, "rip", "rflags", "fs_base", "gs_base")
_OTHERS: Final = ("flags", "frame", "frames", "mem8", "mem16", "mem32", "mem64", "mem128", "present", "exit", "stdout",
                  "stderr", "instructions", "uffd_regions", "tid")  # fmt: skip
EVENT_NAMES: Final = {name_of(event): event for event in EVENTS}


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as delivery had just pushed it; `at` is its lowest address."""

    FIELDS: ClassVar = ("vector", "rip", "rflags", "rsp", "address", "error", "at", "size")

    at: int
    size: int
    words: dict[str, int]

    def __getattr__(self, name: str) -> int:
        if name not in self.words:
            raise UsageError(f"a frame of {self.size} bytes has no {name}", remedy="it holds " + ", ".join(self.words))
        return self.words[name]


MOST_EVENTS: Final = 100_000  # of one block: the budget does not end a fault that repeats for ever


class Recorder:
    """Sink: keeps every event from the block's start on, and each pushed frame. Too many events end the run."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.events: list[Any] = []
        self.frames: list[Frame] = []

    def __call__(self, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, FramePushed):
            self.frames.append(self._frame(event))
        if len(self.events) > MOST_EVENTS:
            self._machine.interrupt()

    def warnings(self) -> list[str]:
        return [event.what for event in self.events if isinstance(event, Warned)]

    def _frame(self, event: FramePushed) -> Frame:
        standard = ("vector", "rip", "rflags", "rsp")
        if event.size == STANDARD_SIZE:
            names: tuple[str, ...] = standard
        elif self._machine.options.cpu.frame_layout is FrameLayout.USER_FAULT:
            names = ("error", "address", *standard[1:])
        elif event.size == EXTENDED_SIZE[FrameLayout.RIP_FIRST]:
            names = (*standard[1:], "address", "error")
        else:
            names = (*standard, "address", "error")
        octets = self._machine.memory.read(event.rsp, event.size)
        return Frame(event.rsp, event.size, dict(zip(names, struct.unpack(f"<{len(names)}Q", octets), strict=True)))


class _Frames:
    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames

    def at(self, index: int) -> Frame:
        if not self._frames:
            raise UsageError("no frame has been pushed", remedy="see the events: was the fault forwarded?")
        if not -len(self._frames) <= index < len(self._frames):
            raise UsageError(f"only {len(self._frames)} frames have been pushed", remedy="frames count from 0")
        return self._frames[index]


@dataclass(frozen=True, slots=True)
class _Flags:
    FIELDS: ClassVar = FLAGS
    rflags: int

    def __getattr__(self, name: str) -> int:
        return int(bool(self.rflags & rflags.NAMES[name]))


@dataclass(frozen=True, slots=True)
class _Memory:
    TAKES_ADDRESS: ClassVar = True
    memory: GuestMemory
    size: int

    def at(self, address: int) -> int:
        value = int.from_bytes(self.memory.read(address & MASK64, self.size), "little")
        return value if self.size <= 8 else Wide(value)


@dataclass(frozen=True, slots=True)
class _Present:
    TAKES_ADDRESS: ClassVar = True
    memory: GuestMemory

    def at(self, address: int) -> int:
        return int(self.memory.is_present(address))


@dataclass(frozen=True, slots=True)
class View:
    """The names of an expression, looked up in `machine` and on `cpu`. `exit_status` None: the guest did not exit."""

    machine: Machine
    cpu: Cpu
    recorder: Recorder
    symbols: Mapping[str, int]  # labels, regions, numeric parameters
    output: Mapping[str, bytes]
    start_counts: Mapping[str, int]
    exit_status: int | None = None
    memory: GuestMemory | None = None  # None: that of the first process
    variables: Mapping[str, Variable] = field(default_factory=dict)  # of a program in C

    def variable(self, name: str) -> Any:
        """The value of a C variable; None: there is none, or the name means something else here."""
        found = self.variables.get(name)
        if found is None or name in RESERVED or (not found.is_known and name in self.symbols):
            return None
        return value_of_variable(name, found, self.memory or self.machine.memory)

    def look_up(self, name: str) -> Any:
        for table in (_registers, _state, _machine_parts):
            value = table(self, name)
            if value is not None:
                return value
        if name in self.symbols:
            return self.symbols[name]
        if name in TABLES:
            return TABLES[name](self.cpu)
        count = _counts(self, name)
        return CONSTANTS[name] if count is None else count

    def names(self) -> Iterable[str]:
        yield from (*self.variables, *TABLES)
        yield from (*_WHOLE, *_NARROW, *XMM, *CORE_STATE, *_OTHERS, *self.symbols, *self.start_counts, *CONSTANTS)


def _narrow_names() -> Iterable[tuple[str, tuple[str, int, int]]]:
    """eax, ax, al, ah, r8d ... -> (whole register, bits, shift)."""
    for name in GENERAL:
        if name[1].isdigit():
            yield from ((name + suffix, (name, bits, 0)) for suffix, bits in (("d", 32), ("w", 16), ("b", 8)))
            continue
        short = name[1:]
        yield "e" + short, (name, 32, 0)
        yield short, (name, 16, 0)
        if short.endswith("x"):
            yield short[0] + "l", (name, 8, 0)
            yield short[0] + "h", (name, 8, 8)
        else:
            yield short + "l", (name, 8, 0)


_NARROW: Final = dict(_narrow_names())
RESERVED: Final = frozenset(
    (*_WHOLE, *_NARROW, *XMM, *CORE_STATE, *_OTHERS)
)  # names refused for parameters and regions


def _registers(view: View, name: str) -> Any:
    if name in _WHOLE:
        return view.cpu.registers[name]
    if name in _NARROW:
        whole, bits, shift = _NARROW[name]
        return view.cpu.registers[whole] >> shift & (1 << bits) - 1
    if name in XMM:
        return Wide(view.cpu.engine.save_registers().xmm(XMM[name]))
    return _Flags(view.cpu.registers["rflags"]) if name == "flags" else None


def _state(view: View, name: str) -> Any:
    if name == "tid":
        return view.cpu.tid
    return read_state(view.cpu, name) if name in CORE_STATE else None


def _machine_parts(view: View, name: str) -> Any:
    if name in ("mem8", "mem16", "mem32", "mem64", "mem128"):
        return _Memory(view.memory or view.machine.memory, int(name[3:]) // 8)
    if name in view.output:
        return view.output[name]
    match name:
        case "present":
            return _Present(view.memory or view.machine.memory)
        case "frames":
            return _Frames(view.recorder.frames)
        case "frame":
            return _Frames(view.recorder.frames).at(-1)
        case "uffd_regions":
            return len(view.machine.regions)
        case "exit":
            if view.exit_status is None:
                raise UsageError("the block did not exit", remedy="call exit_group in it, or drop the claim")
            return view.exit_status
    return None


def _counts(view: View, name: str) -> Any:
    """Counts of events since the block started."""
    counts = counts_of(view.machine)
    return counts[name] - view.start_counts[name] if name in view.start_counts else None


def counts_of(machine: Machine) -> dict[str, int]:
    """Machine.counts, and the count of every event by its name in a trace."""
    return {**{name: machine.events.counts[event] for name, event in EVENT_NAMES.items()}, **machine.counts()}
