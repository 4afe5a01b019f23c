"""A thread's state for reading: its core while it is loaded there, else an imitation of a core from its saved state."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from kernel_model.abi.uapi import PROT_EXEC
from kernel_model.mm import forced_access
from kernel_model.mm.mm import Mm
from kernel_model.sched.scheduler import Scheduler
from kernel_model.task.task import Task
from pffemu.arch.exceptions import PF
from pffemu.arch.registers import GENERAL
from pffemu.hw.cpu import Cpu, SavedRegisters
from pffemu.hw.mmu import Mmu

if TYPE_CHECKING:
    from pffemu.hw.local_apic import LocalApic

_WORDS = (*GENERAL, "rip", "rflags", "fs_base", "gs_base")


class _Saved:
    """The part of an engine that is read."""

    def __init__(self, registers: SavedRegisters) -> None:
        self._registers = registers

    def save_registers(self) -> SavedRegisters:
        return self._registers


class SwitchedOut:
    """What panes and expressions read of a core, with the values it will have when the thread runs there again."""

    def __init__(self, task: Task, cpu: Cpu) -> None:
        self.index, self.tid, self.options, self.cr4_uintr = cpu.index, task.tid, cpu.options, cpu.cr4_uintr
        self.uintr, self.kb_timer = task.uintr, task.kb_timer
        self.engine = _Saved(task.registers)
        self.registers: Mapping[str, int] = {name: task.registers.word(name) for name in _WORDS}
        self.mmu = Mmu(cpu.mmu.ram, cpu.mmu.regions, cpu.mmu.lookup, compiled=False)
        self.mmu.fill.root = task.process.mm.pages.root
        self.apic: LocalApic = copy.copy(cpu.apic)
        self.apic.forwarding_active &= ~(1 << PF)
        self.apic.forwarding_active |= task.forward_page_faults << PF


def seen(task: Task, cpu: Cpu, scheduler: Scheduler) -> Cpu:
    """The state of `task`, whose core is `cpu`."""
    return cpu if scheduler.is_loaded(task) else cast("Cpu", SwitchedOut(task, cpu))


def code_at(state: Cpu, mm: Mm, address: int, size: int) -> bytes:
    """Up to `size` bytes of code for a thread in `state`, also of a page that is not in memory yet."""
    code, vma = state.mmu.code_at(address, size), mm.vmas.find(address)
    if len(code) == size or vma is None or not vma.prot & PROT_EXEC:
        return code
    return max(code, forced_access.read(mm, address, size), key=len)
