"""The parts of a machine's state: everything reachable from the machine, except for a few parts that stay in place.

Fixed parts belong to the host or hold no state of their own (the engine's handles, views of RAM, host streams); wired
parts (machine, cores, kernel, devices) are referred to from outside, so their attributes are replaced in place. All
other objects are saved and restored by value: a new kernel object needs nothing to be part of a snapshot.
"""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

from kernel_model.files.host_tree import Mount
from kernel_model.kernel import KernelOptions
from pffemu.engine.count_block import (
    BLOCK,
    EXECUTED,
    HISTORY,
    MISPREDICTED,
    REF_INSTRUCTIONS,
    REF_TIME,
    STALL,
    STALLED,
    TIME,
)
from pffemu.engine.refusals import REFUSED, REFUSED_CODE, REFUSED_PAGE
from pffemu.engine.registers import RegisterGroup
from pffemu.engine.saved_registers import SavedRegisters
from pffemu.errors import PffemuError
from pffemu.events.bus import EventBus
from pffemu.events.kinds import EVENTS, name_of
from pffemu.hw.cpu import Cpu
from pffemu.hw.cpu_options import CpuOptions
from pffemu.hw.fill import ROOT
from pffemu.hw.mmu import Mmu
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions
from pffemu.machine.turns import Turns
from pffemu.timing.profile import Profile

# rebuilt on demand or computed from registers, so not part of the state
CACHES: Final[dict[type[Any], frozenset[str]]] = {Mmu: frozenset({"_tlb"})}
_OPTIONS: Final = (CpuOptions, KernelOptions, MachineOptions, Profile)  # frozen, and chosen when a machine is built
_MOUNT: Final = "mount:"
_COUNTER: Final = (EXECUTED, TIME, STALL, BLOCK, REF_INSTRUCTIONS, REF_TIME, STALLED, MISPREDICTED, HISTORY)
_FILL: Final = (ROOT, REFUSED, REFUSED_PAGE, REFUSED_CODE)
_ELSEWHERE: Final[dict[type[Any], frozenset[str]]] = {
    Machine: frozenset({"options", "objects", "streams", "_interrupted", "_program_symbols"}),
    Turns: frozenset({"ran"}),  # for the debugger only
    Cpu: frozenset({"warn"}),  # always the kernel's function
}


class CoreState(NamedTuple):
    """What a core keeps inside the engine."""

    registers: SavedRegisters
    # instructions, their time, what memory has cost since the last branch, the last block, from which a REP instruction
    # may continue, instructions and time at that branch
    counted: tuple[int, ...]
    fill: tuple[int, ...]  # CR3, and the last refusal, which a stop still to be answered needs
    caches: tuple[bytes, tuple[int, ...]] | None  # CoreCaches.saved


class Parts:
    """The fixed and wired parts of one machine, by name and by identity."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.wired: dict[str, Any] = {"machine": machine, "kernel": machine.kernel, "faults": machine.events.faults}
        self.fixed: dict[str, Any] = {
            "ram": machine.ram, "ram.octets": machine.ram.octets, "ram.words": machine.ram.words,
            "bus": machine.bus, "events": machine.events, "mounts": machine.kernel.tree.hosts,
        }  # fmt: skip
        self.fixed |= {f"device.{window.name}.window": window for window in machine.bus.windows}
        self.wired |= {f"device.{window.name}": window.device for window in machine.bus.windows}
        self.fixed |= {f"stream{i}": stream for i, stream in enumerate(machine.streams)}
        for cpu in machine.cpus:
            name = f"cpu{cpu.index}"
            self.wired[name] = cpu
            self.fixed |= {
                f"{name}.engine": cpu.engine, f"{name}.registers": cpu.registers, f"{name}.fill": cpu.mmu.fill,
                f"{name}.frames": cpu.frames, f"{name}.blocks": cpu.blocks, f"{name}.counter": cpu.engine.counter,
                f"{name}.executed": cpu._executed
            }  # fmt: skip
            if cpu.caches is not None:
                self.fixed |= {"caches": machine.caches, f"{name}.caches": cpu.caches}
        self._names = {id(part): name for name, part in (self.fixed | self.wired).items()}

    def name_of(self, part: Any) -> str | None:
        """The name of a part that stays in place; None for everything else."""
        if isinstance(part, RegisterGroup):
            return self._group_name(part)
        if isinstance(part, _OPTIONS):
            return f"options.{type(part).__name__}"
        if isinstance(part, Mount):
            return f"{_MOUNT}{guest_path(part)}"
        return self._names.get(id(part))

    def part(self, name: str) -> Any:
        """The part called `name`. Raises PffemuError for a name this machine does not know."""
        if name in self.wired:
            return self.wired[name]
        if name in self.fixed:
            return self.fixed[name]
        options = self.machine.options
        for option in (options, options.cpu, options.cpu.profile, self.machine.kernel.options):
            if name == f"options.{type(option).__name__}":
                return option
        if name.startswith(_MOUNT):
            return self._mount(name.removeprefix(_MOUNT))
        core, _, registers = name.partition(".group.")
        if registers and core in self.wired:
            return self.wired[core].registers.group(*registers.split(","))
        raise PffemuError(f"the snapshot is of another kind of machine: it has {name!r}")

    def _mount(self, path: str) -> Mount:
        """The host directory that the user shows at a guest path; the snapshot does not say which one that is."""
        for mount in self.machine.kernel.tree.hosts.values():
            if guest_path(mount) == path:
                return mount
        raise PffemuError(f"the snapshot uses a host directory at {path}", remedy=f"give it again: --root HOST:{path}")

    def _group_name(self, group: RegisterGroup) -> str:
        for cpu in self.machine.cpus:
            if cpu.registers.group(*group.names) is group:
                return f"cpu{cpu.index}.group.{','.join(group.names)}"
        raise PffemuError("a register group of no core")

    # -- state that does not lie in attributes --------------------------------------------------------------------

    def cores(self) -> list[CoreState]:
        return [_core_state(cpu) for cpu in self.machine.cpus]

    def positions(self) -> list[int]:
        """Positions of the host streams."""
        return [stream.position for stream in self.machine.streams]

    def counts(self) -> dict[str, int]:
        """Events so far, by name."""
        return {name_of(kind): count for kind, count in self.machine.events.counts.items() if count}

    def restore(self, cores: list[CoreState], positions: list[int], counts: dict[str, int]) -> None:
        """Restore what is not in attributes, after RAM and attributes; the engines forget all translated code."""
        self.machine.ram.forget_frames()
        for cpu, state in zip(self.machine.cpus, cores, strict=True):
            for word, value in zip(_FILL, state.fill, strict=True):
                cpu.mmu.fill.state[word] = value
            cpu.flush_tlb(code=True)
            cpu.engine.load_registers(state.registers)
            cpu.load_cr4()
            counter = cpu.engine.counter
            if counter is not None:
                for word, value in zip(_COUNTER, state.counted, strict=True):
                    counter.state[word] = value
            if cpu.caches is not None and state.caches is not None:
                cpu.caches.restore(state.caches)
        for stream, position in zip(self.machine.streams, positions, strict=False):
            stream.go_to(position)
        kinds = {name_of(kind): kind for kind in EVENTS}
        self.machine.events.counts = EventBus().counts | {kinds[name]: count for name, count in counts.items()}


def guest_path(mount: Mount) -> str:
    """Where the guest sees the host directory."""
    return os.fsdecode(b"/" + b"/".join(mount.guest))


def _core_state(cpu: Cpu) -> CoreState:
    counter = cpu.engine.counter
    counted = tuple(counter.state[word] for word in _COUNTER) if counter is not None else (0,) * len(_COUNTER)
    fill = tuple(cpu.mmu.fill.state[word] for word in _FILL)
    caches = cpu.caches.saved() if cpu.caches is not None else None
    return CoreState(cpu.engine.save_registers(), counted, fill, caches)


def attributes(part: Any) -> dict[str, Any]:
    """The state of an object, by attribute name, without caches and what is saved elsewhere."""
    values = all_attributes(part)
    left_out = CACHES.get(type(part), frozenset()) | _ELSEWHERE.get(type(part), frozenset())
    return {name: value for name, value in values.items() if name not in left_out}


def all_attributes(part: Any) -> dict[str, Any]:
    """Everything in an object's slots and dictionary, by attribute name."""
    names = [name for kind in type(part).__mro__ for name in _slots(kind)]
    values = {name: getattr(part, name) for name in names if hasattr(part, name)}
    values |= getattr(part, "__dict__", {})
    return values


def _slots(kind: type[Any]) -> list[str]:
    """The attributes that a class keeps outside a dictionary: its slots, or those that mypyc gave it."""
    slots = kind.__dict__.get("__slots__", ()) or kind.__dict__.get("__mypyc_attrs__", ())
    return [slots] if isinstance(slots, str) else [name for name in slots if name not in ("__weakref__", "__dict__")]
