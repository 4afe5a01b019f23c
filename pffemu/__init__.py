"""pffemu: an instruction-level x86-64 emulator for user-space page-fault handling.

The public API; everything else is an implementation detail. docs/api.md shows it in use. A name's module is imported
when the name is first used: pytest loads pffemu's plugin in every project of an environment, most of which need no
machine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import pffemu.compiled  # noqa: F401 - before the first module that may be compiled

if TYPE_CHECKING:
    from guest.build import guest as guest_program
    from guest.graphs import CsrGraph, bfs_levels, rmat
    from guest.handlers import Handler
    from guest.workloads import BfsWorkload, FaultWorkload, SignalWorkload, bfs_workload
    from kernel_model.mechanisms import Mode
    from pffemu.arch.frames import FrameLayout
    from pffemu.asm import Program, assemble
    from pffemu.errors import (
        AssemblyError,
        ElfError,
        EngineError,
        MissingExtraError,
        MissingFileError,
        NotLoadableError,
        OutOfGuestMemory,
        PffemuError,
        UnsupportedError,
        UsageError,
    )
    from pffemu.events.bus import EventBus
    from pffemu.events.hw import (
        FramePushed,
        FramePushRefused,
        HandlerEntered,
        InterruptAccepted,
        IpiSent,
        Mmio,
        MmuDecision,
        NotificationProcessed,
        Resumed,
        SendUipi,
        Timer,
        Uiret,
        UserInterruptFlag,
        WalkRefused,
    )
    from pffemu.events.kernel import (
        ContextSwitch,
        FaultAbandoned,
        ForwardingSwitched,
        KernelPageFault,
        MinorFault,
        ProcessExited,
        ProcessKilled,
        Syscall,
        SyscallReturned,
        ThreadBlocked,
        ThreadCreated,
        ThreadExited,
        ThreadWoken,
        Warned,
    )
    from pffemu.events.kinds import EVENTS
    from pffemu.events.signals import SignalDelivered, SignalReturned, SignalSent
    from pffemu.events.trace import TraceHash, to_json
    from pffemu.events.userfaultfd import IoctlStep, MessageQueued, MessageRead, PageInstalled
    from pffemu.experiments import (
        BenchResult,
        CompareResult,
        FaultTable,
        Timeline,
        bench,
        compare,
        faults,
        timeline,
        write_report,
    )
    from pffemu.hw.cpu_options import CpuOptions, Delivery
    from pffemu.hw.mmu import UffdLookup
    from pffemu.hw.msrs import rdmsr, wrmsr
    from pffemu.hw.trap import Trap
    from pffemu.machine.machine import Machine
    from pffemu.machine.options import MachineOptions, parse_size
    from pffemu.machine.roots import parse_root
    from pffemu.machine.stop import BudgetUsedUp, Deadlock, Exited, Interrupted, Killed, Reached, Stop
    from pffemu.timing import Profile, load_profile

__version__ = "0.1.0"

__all__ = [
    "EVENTS",
    "AssemblyError",
    "BenchResult",
    "BfsWorkload",
    "BudgetUsedUp",
    "CompareResult",
    "ContextSwitch",
    "CpuOptions",
    "CsrGraph",
    "Deadlock",
    "Delivery",
    "ElfError",
    "EngineError",
    "EventBus",
    "Exited",
    "FaultAbandoned",
    "FaultTable",
    "FaultWorkload",
    "ForwardingSwitched",
    "FrameLayout",
    "FramePushRefused",
    "FramePushed",
    "Handler",
    "HandlerEntered",
    "InterruptAccepted",
    "Interrupted",
    "IoctlStep",
    "IpiSent",
    "KernelPageFault",
    "Killed",
    "Machine",
    "MachineOptions",
    "MessageQueued",
    "MessageRead",
    "MinorFault",
    "MissingExtraError",
    "MissingFileError",
    "Mmio",
    "MmuDecision",
    "Mode",
    "NotLoadableError",
    "NotificationProcessed",
    "OutOfGuestMemory",
    "PageInstalled",
    "PffemuError",
    "ProcessExited",
    "ProcessKilled",
    "Profile",
    "Program",
    "Reached",
    "Resumed",
    "SendUipi",
    "SignalDelivered",
    "SignalReturned",
    "SignalSent",
    "SignalWorkload",
    "Stop",
    "Syscall",
    "SyscallReturned",
    "ThreadBlocked",
    "ThreadCreated",
    "ThreadExited",
    "ThreadWoken",
    "Timeline",
    "Timer",
    "TraceHash",
    "Trap",
    "UffdLookup",
    "Uiret",
    "UnsupportedError",
    "UsageError",
    "UserInterruptFlag",
    "WalkRefused",
    "Warned",
    "__version__",
    "assemble",
    "bench",
    "bfs_levels",
    "bfs_workload",
    "compare",
    "faults",
    "guest_program",
    "load_profile",
    "parse_root",
    "parse_size",
    "rdmsr",
    "rmat",
    "timeline",
    "to_json",
    "write_report",
    "wrmsr",
]

_HOMES: Final = {
    "guest.build": ("guest_program",),
    "guest.graphs": (
        "CsrGraph",
        "bfs_levels",
        "rmat",
    ),
    "guest.workloads": (
        "BfsWorkload",
        "FaultWorkload",
        "SignalWorkload",
        "bfs_workload",
    ),
    "guest.handlers": ("Handler",),
    "pffemu.arch.frames": ("FrameLayout",),
    "pffemu.asm": (
        "Program",
        "assemble",
    ),
    "pffemu.errors": (
        "AssemblyError",
        "ElfError",
        "EngineError",
        "MissingExtraError",
        "MissingFileError",
        "NotLoadableError",
        "OutOfGuestMemory",
        "PffemuError",
        "UnsupportedError",
        "UsageError",
    ),
    "pffemu.events.bus": ("EventBus",),
    "pffemu.events.hw": (
        "FramePushRefused",
        "FramePushed",
        "HandlerEntered",
        "InterruptAccepted",
        "IpiSent",
        "Mmio",
        "MmuDecision",
        "NotificationProcessed",
        "Resumed",
        "SendUipi",
        "Timer",
        "Uiret",
        "UserInterruptFlag",
        "WalkRefused",
    ),
    "pffemu.events.kernel": (
        "ContextSwitch",
        "FaultAbandoned",
        "ForwardingSwitched",
        "KernelPageFault",
        "MinorFault",
        "ProcessExited",
        "ProcessKilled",
        "Syscall",
        "SyscallReturned",
        "ThreadBlocked",
        "ThreadCreated",
        "ThreadExited",
        "ThreadWoken",
        "Warned",
    ),
    "pffemu.events.kinds": ("EVENTS",),
    "pffemu.experiments": (
        "BenchResult",
        "CompareResult",
        "FaultTable",
        "Timeline",
        "bench",
        "compare",
        "faults",
        "timeline",
        "write_report",
    ),
    "pffemu.events.signals": (
        "SignalDelivered",
        "SignalReturned",
        "SignalSent",
    ),
    "pffemu.events.trace": (
        "TraceHash",
        "to_json",
    ),
    "pffemu.events.userfaultfd": (
        "IoctlStep",
        "MessageQueued",
        "MessageRead",
        "PageInstalled",
    ),
    "pffemu.hw.cpu_options": (
        "CpuOptions",
        "Delivery",
    ),
    "pffemu.hw.mmu": ("UffdLookup",),
    "pffemu.hw.msrs": (
        "rdmsr",
        "wrmsr",
    ),
    "pffemu.hw.trap": ("Trap",),
    "pffemu.machine.machine": ("Machine",),
    "pffemu.machine.options": (
        "MachineOptions",
        "parse_size",
    ),
    "kernel_model.mechanisms": ("Mode",),
    "pffemu.machine.roots": ("parse_root",),
    "pffemu.machine.stop": (
        "BudgetUsedUp",
        "Deadlock",
        "Exited",
        "Interrupted",
        "Killed",
        "Reached",
        "Stop",
    ),
    "pffemu.timing": (
        "Profile",
        "load_profile",
    ),
}
_MODULE_OF: Final = {name: module for module, names in _HOMES.items() for name in names}
_CALLED_THERE: Final = {"guest_program": "guest"}


def __getattr__(name: str) -> Any:
    """Import a public name on first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), _CALLED_THERE.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
