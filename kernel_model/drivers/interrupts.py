"""External interrupts that the hardware did not deliver to ring 3, by vector (arch/x86/kernel/irq.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from kernel_model.drivers import dma as dma_driver
from kernel_model.sched.scheduler import RESCHEDULE_VECTOR
from kernel_model.uffd.directions import Directions
from kernel_model.uintr import forwarding, sleep
from kernel_model.uintr.kernel import UintrKernel
from kernel_model.uintr.receiver import KERNEL_VECTOR, NOTIFICATION_VECTOR
from pffemu.arch import apic_regs
from pffemu.arch.msrs import X2APIC_BASE
from pffemu.hw.directed_resolution import LOW_VECTOR
from pffemu.hw.msrs import wrmsr

if TYPE_CHECKING:
    from kernel_model.drivers.dma import DmaDriver
    from kernel_model.sched.scheduler import Scheduler
    from kernel_model.uffd.answers import Answers
    from pffemu.hw.cpu import Cpu

_EOI_MSR: Final = X2APIC_BASE + (apic_regs.EOI >> 4)


class InterruptedKernel(UintrKernel, Protocol):
    """The kernel as interrupts know it."""

    @property
    def scheduler(self) -> Scheduler: ...

    @property
    def dma(self) -> DmaDriver: ...

    @property
    def fault_answers(self) -> Answers: ...

    def flush_stale(self, caller: Cpu) -> None:
        """The end of what changes address spaces."""


def handle(kernel: InterruptedKernel, cpu: Cpu, vector: int) -> None:
    """Handle `vector`, which `cpu` has acknowledged; the core may be idle."""
    cpu.charge("cpu.exception")
    cpu.charge("kernel.entry")
    wrmsr(cpu, _EOI_MSR, 0)
    if vector in (KERNEL_VECTOR, NOTIFICATION_VECTOR):
        sleep.end_all(kernel, cpu)
    elif vector == RESCHEDULE_VECTOR:
        kernel.scheduler.reschedule(cpu)
    elif vector in kernel.uintr.bindings:
        forwarding.defer(kernel, cpu, kernel.uintr.bindings[vector])
    elif vector == LOW_VECTOR:
        if isinstance(kernel.fault_answers, Directions):
            kernel.fault_answers.refill(cpu)
            kernel.flush_stale(cpu)
    elif vector == dma_driver.VECTOR:
        kernel.dma.interrupt(cpu)
    cpu.charge("kernel.exit")
    cpu.charge("cpu.iret")
