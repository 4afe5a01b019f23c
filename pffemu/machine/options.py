"""The options of a machine, and the syntax of sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any

from kernel_model.files.host_tree import Mount
from kernel_model.mechanisms import Mode
from kernel_model.mm.reclaim.file_memory import FAULT_AROUND, QUOTA_LEAST
from pffemu.arch import uffd_mmio
from pffemu.arch.frames import FrameLayout
from pffemu.errors import UsageError
from pffemu.hw.cpu_options import CpuOptions
from pffemu.hw.devices import Places
from pffemu.hw.uffd_regions import CAPACITY
from pffemu.machine.roots import check_roots, library_mounts
from pffemu.nearest import closest
from pffemu.option_values import check_types
from pffemu.timing.locking import Locking

MAX_CPUS = 64
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class Compat(Enum):
    """Whose programs run unchanged."""

    PFFEMU = "pffemu"
    PFF_UINTR = "pff-uintr"  # the prototype's: its kernel and microcode where they differ (docs/mechanisms.md)


@dataclass(frozen=True, slots=True)
class MachineOptions:
    mode: Mode = Mode.PFF
    cpus: int = 2
    ram: int = 1 << 30  # bytes
    quota: int = 0  # bytes of files on disk that may be in the page cache at once; 0: as many as RAM has room for
    fault_around: int = 16  # pages of files on disk that a read fault maps together, those in the cache
    wakeup_preemption: bool = False  # a woken thread takes its core from the one that runs there, as in Linux
    locking: Locking | None = None  # whose locks an address space has; None: those that the profile says
    cpu: CpuOptions = field(default_factory=CpuOptions)
    uffd_regions: int = CAPACITY  # entries of the MMU's region table
    uffd_mmio_base: int = uffd_mmio.BASE  # physical address
    seed: int = 0  # of the guest's random numbers
    roots: tuple[Mount, ...] = ()  # host directories that the guest may reach (parse_root)
    libs: bool = False  # the guest may read this host's dynamic loader and libraries, where roots do not show others
    compat: Compat = Compat.PFFEMU
    writable_zero: bool = False  # UFFDIO_ZEROPAGE has a mode that gives a page of its own (docs/mechanisms.md)
    uintr_wait_forever: bool = False  # uintr_wait(flags), as in Intel's first patches, instead of (usec, flags)
    outlive: bool = True  # the run goes on after the first process's end, while others have its output open
    # end with UnsupportedError at the first system call or flag that is not modelled, and compute exactly what the
    # engine computes a little differently (CpuOptions.exact_float, check_alignment)
    strict: bool = False

    def __post_init__(self) -> None:
        for name in ("ram", "quota"):
            value = getattr(self, name)
            if isinstance(value, str):  # text with a unit, as on the command line
                object.__setattr__(self, name, parse_size(value))
        check_types(self)
        if self.ram < 1 or not 0 <= self.seed < 1 << 64:
            name, value = ("seed", self.seed) if self.ram >= 1 else ("ram", self.ram)
            raise UsageError(f"{name}={value} is not possible", remedy="use a positive number of at most 64 bits")
        if not all(isinstance(root, Mount) for root in self.roots):
            raise UsageError("roots are not mounts", remedy="as in roots=(parse_root('data:/data:ro'),)")
        check_roots(self.roots)
        if not 1 <= self.cpus <= MAX_CPUS:
            raise UsageError(f"{self.cpus} cores are not possible", remedy=f"use 1 to {MAX_CPUS}")
        if self.quota and self.quota < QUOTA_LEAST:
            raise UsageError(
                f"quota={self.quota}: the page cache cannot work in so little",
                remedy=f"use at least {QUOTA_LEAST}, or 0 for no quota",
            )
        if self.fault_around not in FAULT_AROUND:
            raise UsageError(
                f"fault_around={self.fault_around} is not possible",
                remedy=f"use one of {', '.join(map(str, FAULT_AROUND))}",
            )
        if self.compat is Compat.PFF_UINTR and self.mode is not Mode.PFF:
            raise UsageError(f"compat=pff-uintr with mode={self.mode.value}", remedy="the prototype has mode=pff only")
        if self.uffd_regions < 1:
            raise UsageError(f"a region table of {self.uffd_regions} entries", remedy="use at least 1")
        Places.of(self)

    @property
    def kernel_locking(self) -> Locking:
        """Whose locks an address space has."""
        return self.locking or self.cpu.profile.locking

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """All of the host that the guest may reach, but for its program."""
        return (*self.roots, *(library_mounts(self.roots) if self.libs else ()))


def changed(options: MachineOptions, changes: Mapping[str, Any]) -> MachineOptions:
    """`options` with other values of the fields that `changes` names. Raises UsageError."""
    known = [each.name for each in fields(options)]
    for name in changes:
        if name not in known:
            best = closest(name, known)
            remedy = f"did you mean {best}?" if best else f"use one of {', '.join(known)}"
            raise UsageError(f"no option of a machine is called {name!r}", remedy=remedy)
    return replace(options, **changes)


def with_mode(options: MachineOptions) -> MachineOptions:
    """`options`, with what the mode says of the cores. Raises UsageError."""
    cores = options.mode.mechanism.cores
    if options.cpu.frame_layout is FrameLayout.USER_FAULT and "frame_layout" not in cores:
        raise UsageError("frame layout user-fault is that of mode userfault", remedy="use --mode userfault")
    return replace(options, cpu=replace(options.cpu, **cores)) if cores else options


def parse_size(text: str) -> int:
    """The bytes that `64M`, `16G` or `1048576` means. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,15})\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE | re.ASCII)
    if match is None:
        raise UsageError(f"{text!r} is not a size", remedy="write bytes, or a number with K, M or G, as in 512M")
    return int(match[1]) * _UNITS[match[2].upper()]
