"""User-interrupt and interrupt state of a core by the names tests use: what `# state:` sets and expressions read."""

from __future__ import annotations

from typing import Any, Final

from pffemu.arch.exceptions import PF
from pffemu.hw.cpu import Cpu

# name -> (part of the core, attribute, whether it is a truth value)
_FIELDS: Final[dict[str, tuple[str, str, bool]]] = {
    "uif": ("uintr", "uif", True),
    "uirr": ("uintr", "uirr", False),
    "uihandler": ("uintr", "handler", False),
    "uistackadjust": ("uintr", "stackadjust", False),
    "uinv": ("uintr", "uinv", False),
    "upidaddr": ("uintr", "upidaddr", False),
    "uittaddr": ("uintr", "uittaddr", False),
    "uitt_enabled": ("uintr", "uitt_enabled", True),
    "uittsz": ("uintr", "uittsz", False),
    "uff": ("user_faults", "uff", True),
    "cr4_ufault": ("user_faults", "enabled", True),
    "cr4_uintr": ("", "cr4_uintr", True),
    "tpr": ("apic", "tpr", False),
    "irr": ("apic", "irr", False),
    "forwarding_enabled": ("apic", "forwarding_enabled", False),
    "forwarding_active": ("apic", "forwarding_active", False),
    "kb_timer_enabled": ("kb_timer", "enabled", True),
    "kb_timer_vector": ("kb_timer", "user_vector", False),
}
CORE_STATE: Final = (*_FIELDS, "user_vector")


def read_state(cpu: Cpu, name: str) -> int:
    """The value of one of CORE_STATE; `user_vector` is that of vector 14."""
    if name == "user_vector":
        return cpu.apic.user_vector[PF]
    part, attribute, _ = _FIELDS[name]
    return int(getattr(_part(cpu, part), attribute))


def write_state(cpu: Cpu, name: str, value: int) -> None:
    """Set one of CORE_STATE, without the checks of the architecture."""
    if name == "user_vector":
        cpu.apic.user_vector[PF] = value
        return
    part, attribute, truth = _FIELDS[name]
    setattr(_part(cpu, part), attribute, bool(value) if truth else value)
    cpu.plan()


def _part(cpu: Cpu, name: str) -> Any:
    return getattr(cpu, name) if name else cpu
