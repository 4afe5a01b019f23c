"""The kernel's user-interrupt state: receivers, target tables, bound vectors; registering and releasing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model.abi.uapi import UINTR_REDZONE
from kernel_model.mm.frames import FrameAllocator
from kernel_model.task.user_faults import disable_user_faults
from kernel_model.uintr import forwarding
from kernel_model.uintr.forwarding import Binding, Source
from kernel_model.uintr.receiver import Receiver, UpidMemory, Waiting
from kernel_model.uintr.switch import UintrSwitch
from kernel_model.uintr.target_table import ENTRIES, TableMemory, TargetTable
from pffemu.arch import upid
from pffemu.hw.ram import Ram

if TYPE_CHECKING:
    from kernel_model.mm.mm import Mm
    from kernel_model.task.task import Task
    from pffemu.hw.cpu import Cpu


class UserInterrupts:
    def __init__(self, cpus: list[Cpu], ram: Ram, frames: FrameAllocator) -> None:
        self._cpus = cpus
        self.upids = UpidMemory(ram, frames)
        self.tables = TableMemory(ram, frames, self.upids)
        self.switch = UintrSwitch(self.upids)
        self.bindings: dict[int, Binding] = {}  # by vector

    def register(self, cpu: Cpu, task: Task, handler: int, waiting: Waiting, forward_page_faults: bool) -> None:
        """The running thread becomes a receiver. Raises LinuxError ENOMEM. UIF stays 0."""
        if task.receiver is None:
            task.receiver = self.upids.create(task)
        task.receiver.waiting = waiting
        state = task.uintr
        state.handler, state.stackadjust = handler, UINTR_REDZONE
        state.upidaddr = task.receiver.linear
        task.handler_registered, task.forward_page_faults = True, forward_page_faults
        self.switch.into(cpu, task)

    def unregister(self, task: Task) -> None:
        """The thread is not a receiver any more. Its UPID stays, with SN set: senders may go on posting to it."""
        assert task.receiver is not None
        self.switch.stop_sleeping(task.receiver)
        self.upids.change(task.receiver, 0, upid.SN)
        task.kb_timer.enabled, task.kb_timer.deadline, task.kb_timer.period = False, 0, 0
        for binding in list(task.bindings):
            self.unbind(binding)
        task.handler_registered = task.forward_page_faults = False
        state = task.uintr  # in place: the core that runs the thread has it loaded
        state.uif, state.handler, state.stackadjust, state.uirr = False, 0, 0, 0
        state.uinv, state.upidaddr = 0, 0

    def forget(self, task: Task) -> None:
        """The thread ends, or starts another program: it loses its registration and its receiver."""
        if task.handler_registered:
            self.unregister(task)
        disable_user_faults(task)
        task.uintr.uittaddr, task.uintr.uitt_enabled, task.uintr.uittsz = 0, False, 0
        if task.receiver is not None:
            task.receiver.task = None
            self.upids.release(task.receiver)
            task.receiver = None

    def bind(self, cpu: Cpu, vector: int, user_vector: int, task: Task, source: Source) -> None:
        """Forward `vector`, which is not bound, to the running thread, a receiver. Raises LinuxError ENOMEM."""
        assert task.receiver is not None
        self.upids.give_deferred(task.receiver)
        binding = self.bindings[vector] = Binding(vector, task, user_vector, source, cpu.index)
        forwarding.bind(self._cpus, cpu, binding)

    def unbind(self, binding: Binding) -> None:
        """Stop forwarding the vector: it interrupts the kernel again."""
        del self.bindings[binding.vector]
        forwarding.unbind(self._cpus, binding)

    def notify(self, cpu: Cpu, receiver: Receiver, user_vector: int) -> None:
        """Send a user interrupt as SENDUIPI does (uintr_notify)."""
        self.upids.post(receiver, user_vector)
        control = self.upids.control(receiver)
        if not control & (upid.ON | upid.SN):
            self.upids.change(receiver, 0, upid.ON)
            cpu.interconnect.send_to_id(cpu, control >> upid.NV_SHIFT & 0xFF, control >> upid.NDST_SHIFT)

    def is_pending(self, task: Task) -> bool:
        """Whether a user interrupt was posted to the thread and not delivered yet."""
        receiver = task.receiver
        if task.uintr.uirr or receiver is None:
            return bool(task.uintr.uirr)
        return self.upids.posted(receiver) != 0 or self.upids.is_deferred(receiver)

    def target_table(self, mm: Mm) -> TargetTable:
        """The table of `mm`, made on first use. Raises LinuxError ENOMEM."""
        if mm.target_table is None:
            mm.target_table = self.tables.create()
        return mm.target_table

    def arm(self, task: Task) -> None:
        """Let the running thread execute SENDUIPI: IA32_UINTR_TT and UITTSZ; its address space has a table."""
        table = task.process.mm.target_table
        assert table is not None
        state = task.uintr
        state.uittaddr, state.uitt_enabled, state.uittsz = table.linear, True, ENTRIES - 1

    def fork_mm(self, mm: Mm, child: Mm) -> None:
        """uitt_dup_context: `child` shares the table; later entries are in both."""
        if mm.target_table is not None:
            mm.target_table.references += 1
            child.target_table = mm.target_table

    def release_mm(self, mm: Mm) -> None:
        """The last thread of `mm` is gone: drop its target table."""
        if mm.target_table is not None:
            self.tables.release(mm.target_table)
            mm.target_table = None
