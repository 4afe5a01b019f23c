"""Interrupt forwarding (xUI): the thread that each vector belongs to, and the local APICs' registers for it.

A device's vector is bound to one thread and one of its user vectors: enabled on every core, active where the thread
runs. There the hardware delivers it straight to ring 3. On any other core it interrupts the kernel, which keeps it in
the thread's deferred UPID until the thread runs, and wakes the thread from a sleep that user interrupts end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from kernel_model.task.task import Task
from kernel_model.uintr import sleep
from pffemu.arch import apic_regs
from pffemu.arch.exceptions import PF
from pffemu.arch.msrs import APIC_BASE_EN, APIC_BASE_EXTD, IA32_APIC_BASE, X2APIC_BASE
from pffemu.events.kernel import ForwardingSwitched
from pffemu.hw.msrs import rdmsr, wrmsr

if TYPE_CHECKING:
    from kernel_model.uintr.kernel import UintrKernel
    from pffemu.hw.cpu import Cpu

_ACTIVE_MSR: Final = X2APIC_BASE + (apic_regs.FORWARDING_ACTIVE >> 4)  # vectors 0 to 31
_ENABLED_MSR: Final = X2APIC_BASE + (apic_regs.FORWARDING_ENABLED >> 4)
_MAP_INDEX_MSR: Final = X2APIC_BASE + (apic_regs.VECTOR_MAP_INDEX >> 4)
_MAP_DATA_MSR: Final = X2APIC_BASE + (apic_regs.VECTOR_MAP_DATA >> 4)
PAGE_FAULT: Final = 1 << PF
_SPURIOUS_VECTOR: Final = 0xFF  # SPURIOUS_APIC_VECTOR


def enable(cpu: Cpu, forward_page_faults: bool) -> None:
    """At boot: x2APIC mode, CR4.UINTR, and whether vector 14 may be forwarded on this core."""
    base = rdmsr(cpu, IA32_APIC_BASE)
    assert isinstance(base, int)
    wrmsr(cpu, IA32_APIC_BASE, base | APIC_BASE_EN | APIC_BASE_EXTD)
    wrmsr(cpu, X2APIC_BASE + (apic_regs.SVR >> 4), apic_regs.SVR_ENABLE | _SPURIOUS_VECTOR)
    cpu.cr4_uintr = True
    wrmsr(cpu, _ENABLED_MSR, PAGE_FAULT if forward_page_faults else 0)


class Source(Protocol):
    """The device that sends a bound vector."""

    def aim(self, cpu: Cpu) -> None:
        """Send the vector to `cpu` from now on."""


@dataclass(slots=True, eq=False)
class Binding:
    """A bound vector: it is delivered to `task` as `user_vector`; `source` sends it to `core`."""

    vector: int
    task: Task
    user_vector: int
    source: Source
    core: int


def bind(cpus: list[Cpu], cpu: Cpu, binding: Binding) -> None:
    """Forward a vector that was not bound; its thread is the running one."""
    for core in cpus:
        _enable(core, binding.vector, True)
        wrmsr(core, _MAP_INDEX_MSR, binding.vector)
        wrmsr(core, _MAP_DATA_MSR, binding.user_vector)
    binding.task.bindings.append(binding)
    binding.source.aim(cpu)
    activate(cpu, binding.task)


def unbind(cpus: list[Cpu], binding: Binding) -> None:
    """Stop forwarding the vector: it interrupts the kernel again."""
    binding.task.bindings.remove(binding)
    for core in cpus:
        _enable(core, binding.vector, False)
        _switch(core, core.apic.forwarding_active & ~(1 << binding.vector))


def activate(cpu: Cpu, task: Task) -> None:
    """`task` runs next on `cpu`: make its vectors, and no others, active here, and have them sent here."""
    wanted = PAGE_FAULT if task.forward_page_faults else 0
    for binding in task.bindings:
        wanted |= 1 << binding.vector
        if binding.core != cpu.index:
            binding.core = cpu.index
            binding.source.aim(cpu)
    if wanted != cpu.apic.forwarding_active:
        _switch(cpu, wanted)


def defer(kernel: UintrKernel, cpu: Cpu, binding: Binding) -> None:
    """The slow path: the vector interrupted `cpu` while its thread did not run there."""
    receiver = binding.task.receiver
    assert receiver is not None
    if kernel.scheduler.is_running(binding.task):
        kernel.uintr.notify(cpu, receiver, binding.user_vector)
        return
    kernel.uintr.upids.defer(receiver, binding.user_vector)
    if receiver.sleeping:
        sleep.end(kernel, cpu, receiver)


def leave(cpu: Cpu, task: Task) -> None:
    """`task` leaves `cpu`: only page faults stay active until `activate`; ring 3 makes none meanwhile."""
    active = cpu.apic.forwarding_active
    wanted = active & PAGE_FAULT if task.forward_page_faults else 0
    if wanted != active:
        _switch(cpu, wanted)


def _enable(cpu: Cpu, vector: int, enabled: bool) -> None:
    bank, bit = vector // 32, 1 << vector % 32
    before = rdmsr(cpu, _ENABLED_MSR + bank)
    assert isinstance(before, int)
    wrmsr(cpu, _ENABLED_MSR + bank, before | bit if enabled else before & ~bit)


def _switch(cpu: Cpu, wanted: int) -> None:
    """Write the registers that change."""
    changed = cpu.apic.forwarding_active ^ wanted
    bank = 0
    while changed:
        if changed & 0xFFFF_FFFF:
            wrmsr(cpu, _ACTIVE_MSR + bank, wanted >> 32 * bank & 0xFFFF_FFFF)
            for vector in range(32):
                if changed >> vector & 1:
                    cpu.emit(ForwardingSwitched, 32 * bank + vector, wanted >> 32 * bank + vector & 1)
        changed >>= 32
        bank += 1
