"""Threads of the kernel for work in the background: the flusher and kswapd.

Such a thread has no entry in a run queue: its turn is a timer on an idle core, or else on that of the thread that woke
it, which it interrupts; what it does is charged there, with the switches to it and back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from kernel_model.time.timers import TimedWaker, Timer

if TYPE_CHECKING:
    from kernel_model.mm.frames import FrameAllocator
    from pffemu.hw.cpu import Cpu


class Cores(TimedWaker, Protocol):
    """The scheduler as kernel threads know it."""

    def core_for_work(self, cpu: Cpu) -> Cpu:
        """An idle core for work of the kernel's own; `cpu`, if there is none."""

    @property
    def running(self) -> Cpu:
        """The core whose kernel entry is in progress."""


class Tlbs(Protocol):
    """The kernel as work outside of entries from user space knows it."""

    @property
    def frames(self) -> FrameAllocator: ...

    def flush_stale(self, caller: Cpu, *, ends: bool = True) -> None:
        """TLB shootdown on every core that has a changed address space loaded. `ends`: the kernel entry, too."""

    def open_gates(self, kept: int = 0) -> None:
        """Let hardware fill pages again in the address spaces that were settled, but for the first `kept`."""


class KernelThread(Timer):
    """A thread of the kernel, asleep until `wake` or a timer of its own."""

    ends: ClassVar[bool] = True  # it never wakes itself for ever

    def __init__(self, cores: Cores, tlbs: Tlbs) -> None:
        self._cores, self._tlbs = cores, tlbs
        self._is_awake = False  # its turn is about to come

    def wake(self, cpu: Cpu) -> None:
        """Let it run soon."""
        if self._is_awake:
            return
        self._is_awake = True
        cpu.charge("kernel.wake")
        core, flight = self._cores.core_for_work(cpu), 0
        if core is not cpu:
            cpu.charge("cpu.ipi.send")
            flight = cpu.cycles_of("cpu.ipi.flight")
        self._cores.timers.arm(core, self, cpu.clock + flight)

    def fire(self, cpu: Cpu) -> None:
        self._is_awake = False
        if not cpu.tid:
            cpu.charge("cpu.idle_wake")
        cpu.charge("kernel.schedule")
        cpu.charge("kernel.context_switch")
        kept = len(self._tlbs.frames.gates)
        self.work(cpu)
        self._tlbs.flush_stale(cpu, ends=False)
        self._tlbs.open_gates(kept)
        cpu.charge("kernel.schedule")
        if cpu.tid:
            cpu.charge("kernel.context_switch")

    def work(self, cpu: Cpu) -> None:
        """Its turn on `cpu`."""
        raise NotImplementedError
