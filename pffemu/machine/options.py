"""The options of a machine, and the syntax of sizes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from kernel_model.files.host_tree import Mount
from kernel_model.mechanisms import Mode
from pffemu.arch import uffd_mmio
from pffemu.errors import UsageError
from pffemu.hw.cpu_options import CpuOptions
from pffemu.hw.devices import Places
from pffemu.hw.uffd_regions import CAPACITY
from pffemu.machine.roots import check_roots, library_mounts
from pffemu.option_values import check_types

MAX_CPUS = 64
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


@dataclass(frozen=True, slots=True)
class MachineOptions:
    mode: Mode = Mode.PFF
    cpus: int = 2
    ram: int = 1 << 30  # bytes
    cpu: CpuOptions = field(default_factory=CpuOptions)
    uffd_regions: int = CAPACITY  # entries of the MMU's region table
    uffd_mmio_base: int = uffd_mmio.BASE  # physical address
    seed: int = 0  # of the guest's random numbers
    roots: tuple[Mount, ...] = ()  # host directories that the guest may reach (parse_root)
    libs: bool = False  # the guest may read this host's dynamic loader and libraries, where roots do not show others
    uintr_wait_forever: bool = False  # uintr_wait(flags), as in Intel's first patches, instead of (usec, flags)
    outlive: bool = True  # the run goes on after the first process's end, while others have its output open
    # end with UnsupportedError at the first system call or flag that is not modelled, and compute exactly what the
    # engine computes a little differently (CpuOptions.exact_float, check_alignment)
    strict: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.ram, str):  # text with a unit, as on the command line
            object.__setattr__(self, "ram", parse_size(self.ram))
        check_types(self)
        if self.ram < 1 or not 0 <= self.seed < 1 << 64:
            name, value = ("seed", self.seed) if self.ram >= 1 else ("ram", self.ram)
            raise UsageError(f"{name}={value} is not possible", remedy="use a positive number of at most 64 bits")
        check_roots(self.roots)
        if not 1 <= self.cpus <= MAX_CPUS:
            raise UsageError(f"{self.cpus} cores are not possible", remedy=f"use 1 to {MAX_CPUS}")
        if self.uffd_regions < 1:
            raise UsageError(f"a region table of {self.uffd_regions} entries", remedy="use at least 1")
        Places.of(self)

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """All of the host that the guest may reach, but for its program."""
        return (*self.roots, *(library_mounts(self.roots) if self.libs else ()))


def parse_size(text: str) -> int:
    """The bytes that `64M`, `16G` or `1048576` means. Raises UsageError."""
    match = re.fullmatch(r"(\d{1,15})\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE | re.ASCII)
    if match is None:
        raise UsageError(f"{text!r} is not a size", remedy="write bytes, or a number with K, M or G, as in 512M")
    return int(match[1]) * _UNITS[match[2].upper()]
