"""Context switches of user-interrupt state (switch_uintr_prepare, switch_uintr_return), and sleeping receivers.

Out: the state leaves the core with its UINV (XSAVES), SN := 1. In: the state comes back, NDST := this core, SN := 0,
and what was posted meanwhile is recognised through a self-IPI. A receiver in a sleep that a user interrupt ends
keeps SN clear and has the kernel's vector as NV: a sender's IPI then reaches `interrupt`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.uintr import forwarding
from kernel_model.uintr.receiver import KERNEL_VECTOR, NOTIFICATION_VECTOR, Receiver, UpidMemory, Waiting
from pffemu.arch import upid
from pffemu.arch.msrs import IA32_UINTR_RR
from pffemu.hw.cpu import KbTimer
from pffemu.hw.msrs import wrmsr

if TYPE_CHECKING:
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu

_NV: Final = 0xFF << upid.NV_SHIFT
_NDST: Final = 0xFFFF_FFFF << upid.NDST_SHIFT
_ROUTE: Final = _NV | _NDST | upid.SN | upid.BLKD


class UintrSwitch:
    """The switch. `sleepers`: receivers whose NV is the kernel's vector, in the order in which they fell asleep."""

    def __init__(self, upids: UpidMemory) -> None:
        self._upids = upids
        self._no_timer = KbTimer()
        self.sleepers: list[Receiver] = []

    def out(self, cpu: Cpu, task: Task) -> None:
        """`task` leaves the core: notifications are suppressed until it is back."""
        cpu.uintr.uinv = 0  # XSAVES; the rest stays loaded, as the registers do
        self._switch_timer(cpu, self._no_timer)
        forwarding.leave(cpu, task)
        if task.handler_registered and task.receiver is not None:
            self._upids.change(task.receiver, 0, upid.SN)

    def sleep(self, task: Task) -> None:
        """After `out`, when a user interrupt may end the sleep: let senders' IPIs reach the kernel."""
        receiver = task.receiver
        assert receiver is not None
        receiver.sleeping = True
        self.sleepers.append(receiver)
        blocked = upid.BLKD if receiver.waiting is Waiting.SENDER else 0
        self._upids.change(receiver, _NV | upid.SN, KERNEL_VECTOR << upid.NV_SHIFT | blocked)

    def into(self, cpu: Cpu, task: Task) -> None:
        """`task` runs on `cpu` from now on."""
        cpu.uintr, cpu.user_faults = task.uintr, task.user_faults
        if task.kb_timer is not cpu.kb_timer:
            self._switch_timer(cpu, task.kb_timer)
        forwarding.activate(cpu, task)
        if not task.handler_registered or task.receiver is None:
            return
        self.stop_sleeping(task.receiver)
        task.uintr.uinv = NOTIFICATION_VECTOR
        ndst = cpu.apic.ndst << upid.NDST_SHIFT
        self._upids.change(task.receiver, _ROUTE, NOTIFICATION_VECTOR << upid.NV_SHIFT | ndst)
        if self._upids.is_deferred(task.receiver):
            wrmsr(cpu, IA32_UINTR_RR, cpu.uintr.uirr | self._upids.take_deferred(task.receiver))
        if self._upids.posted(task.receiver):
            cpu.interconnect.send_self(cpu, NOTIFICATION_VECTOR)

    @staticmethod
    def _switch_timer(cpu: Cpu, timer: KbTimer) -> None:
        """Load the thread's kernel-bypass timer: one that expired while the thread did not run fires now."""
        planned = cpu.kb_timer.enabled or timer.enabled
        cpu.kb_timer = timer
        if planned:
            cpu.plan()

    def stop_sleeping(self, receiver: Receiver) -> None:
        """The receiver's thread wakes, or unregisters its handler."""
        if receiver.sleeping:
            receiver.sleeping = False
            self.sleepers.remove(receiver)

    def notified(self, cpu: Cpu) -> list[Receiver]:
        """The receivers that a notification to `cpu` wakes: those asleep with NDST = `cpu` and ON set."""
        woken = []
        for receiver in self.sleepers:
            control = self._upids.control(receiver)
            if control & upid.ON and control >> upid.NDST_SHIFT == cpu.apic.ndst:
                woken.append(receiver)
        return woken
