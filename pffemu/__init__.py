"""pffemu: an instruction-level x86-64 emulator for user-space page-fault handling.

The public API; everything else is an implementation detail. docs/api.md shows it in use.
"""

from __future__ import annotations

from pffemu.asm import Program, assemble
from pffemu.errors import (
    AssemblyError,
    ElfError,
    EngineError,
    MissingFileError,
    NotLoadableError,
    OutOfGuestMemory,
    PffemuError,
    UsageError,
)
from pffemu.hw.cpu import CpuOptions
from pffemu.machine.machine import Machine
from pffemu.machine.options import MachineOptions, Mode
from pffemu.machine.stop import BudgetUsedUp, Deadlock, Exited, Interrupted, Killed, Reached, Stop

__version__ = "0.1.0"

__all__ = [
    "AssemblyError",
    "BudgetUsedUp",
    "CpuOptions",
    "Deadlock",
    "ElfError",
    "EngineError",
    "Exited",
    "Interrupted",
    "Killed",
    "Machine",
    "MachineOptions",
    "MissingFileError",
    "Mode",
    "NotLoadableError",
    "OutOfGuestMemory",
    "PffemuError",
    "Program",
    "Reached",
    "Stop",
    "UsageError",
    "__version__",
    "assemble",
]
