"""pffemu: an instruction-level x86-64 emulator for user-space page-fault handling.

The public API; everything else is an implementation detail. docs/api.md shows it in use. A name's module is imported
when the name is first used: pytest loads pffemu's plugin in every project of an environment, most of which need no
machine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
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

_HOMES: Final = {
    "pffemu.asm": ("Program", "assemble"),
    "pffemu.hw.cpu": ("CpuOptions",),
    "pffemu.machine.machine": ("Machine",),
    "pffemu.machine.options": ("MachineOptions", "Mode"),
    "pffemu.machine.stop": ("BudgetUsedUp", "Deadlock", "Exited", "Interrupted", "Killed", "Reached", "Stop"),
}
_MODULE_OF: Final = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """PEP 562. Names that are in no other module are errors."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF.get(name, "pffemu.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
