"""/dev/dma: the driver of the DMA test device; its interrupt may be forwarded to a thread (xUI).

XUI_DMA_START starts a copy between two pieces of user memory. At its end the device interrupts the kernel, which wakes
readers and pollers; or, after XUI_DMA_FORWARD, the thread that asked for it gets a user interrupt without the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kernel_model.abi.files import O_NONBLOCK
from kernel_model.abi.structs import XuiDma
from kernel_model.abi.uapi import (
    POLLIN,
    XUI_DMA_FORWARD,
    XUI_DMA_START,
    XUI_DMA_UNFORWARD,
    Errno,
    LinuxError,
)
from kernel_model.call.call import whole
from kernel_model.files.file import File, faulted
from kernel_model.wait.queue import Blocked, WaitQueue
from pffemu.arch import dma_device as reg
from pffemu.arch.paging import PAGE_SIZE
from pffemu.arch.uitt import USER_VECTORS
from pffemu.hw.page_walk import WRITE

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.files.caller import Caller
    from kernel_model.files.user_buffer import UserBuffer
    from kernel_model.sched.scheduler import Scheduler
    from pffemu.hw.bus import Bus
    from pffemu.hw.cpu import Cpu

VECTOR: Final = 0x30  # FIRST_EXTERNAL_VECTOR is 0x20; the first 16 are for legacy lines
_COUNT: Final = 8  # bytes a read returns


class DmaDriver:
    """The device, shared by all open files. A core's access to its registers is an MMIO access of that core."""

    def __init__(self, bus: Bus, scheduler: Scheduler) -> None:
        self._bus, self._scheduler = bus, scheduler
        self.done = WaitQueue("a DMA transfer")

    def open(self, name: str, flags: int) -> File:
        return DmaFile(self, name, flags)

    def aim(self, cpu: Cpu) -> None:
        """Interrupts of transfers that start from now on go to `cpu`."""
        self._store(cpu, reg.TARGET, cpu.apic.apic_id)

    def start(self, call: Call, transfer: XuiDma) -> None:
        """Start a transfer. Raises LinuxError EBUSY, EINVAL (a piece crosses a page, or too long a delay), EFAULT."""
        source, destination, length = transfer.source, transfer.destination, transfer.length
        if not 0 < length <= min(PAGE_SIZE - address % PAGE_SIZE for address in (source, destination)):
            raise LinuxError(Errno.EINVAL)
        pieces = (call.memory.parts(source, length, 0), call.memory.parts(destination, length, WRITE))
        if self.is_busy(call.cpu):
            raise LinuxError(Errno.EBUSY)
        if VECTOR not in call.kernel.uintr.bindings:
            self.aim(call.cpu)
        (source_at, _), (destination_at, _) = pieces[0][0], pieces[1][0]
        for register, value in (
            (reg.SOURCE, source_at), (reg.DESTINATION, destination_at), (reg.LENGTH, length),
            (reg.DELAY, transfer.delay), (reg.INTERRUPT, VECTOR | reg.INTERRUPT_ENABLE),
            (reg.COMMAND, reg.COMMAND_START),
        ):  # fmt: skip
            self._store(call.cpu, register, value)
        if self._load(call.cpu, reg.STATUS) == reg.STATUS_ERROR:
            raise LinuxError(Errno.EINVAL)

    def is_busy(self, cpu: Cpu) -> bool:
        return self._load(cpu, reg.STATUS) == reg.STATUS_BUSY

    def completed(self, cpu: Cpu) -> int:
        """The number of completed transfers."""
        return self._load(cpu, reg.COMPLETED)

    def interrupt(self, cpu: Cpu) -> None:
        """A transfer has ended, and its interrupt was not forwarded: wake readers and pollers."""
        self._scheduler.wake_all(cpu, self.done, POLLIN)

    def _load(self, cpu: Cpu, register: int) -> int:
        return self._bus.load(cpu, reg.BASE + register, 8)

    def _store(self, cpu: Cpu, register: int, value: int) -> None:
        self._bus.store(cpu, reg.BASE + register, 8, value)


class DmaFile(File):
    """An open /dev/dma. A read waits for the transfer under way and returns the number of completed ones, 64 bits."""

    def __init__(self, driver: DmaDriver, name: str, flags: int) -> None:
        self._driver, self.name, self.flags = driver, name, flags

    def ioctl(self, call: Caller, request: int, argument: int) -> int:
        """0. Errors: ENOTTY; those of DmaDriver.start; FORWARD: EINVAL (no handler), ENOSPC (vector), EBUSY;
        UNFORWARD: EINVAL (not this thread's)."""
        uintr = whole(call).kernel.uintr
        if request == XUI_DMA_START:
            self._driver.start(whole(call), call.memory.read_struct(XuiDma, argument))
        elif request == XUI_DMA_FORWARD:
            if not call.task.handler_registered:
                raise LinuxError(Errno.EINVAL)
            if argument >= USER_VECTORS:
                raise LinuxError(Errno.ENOSPC)
            if VECTOR in uintr.bindings:
                raise LinuxError(Errno.EBUSY)
            uintr.bind(call.cpu, VECTOR, argument, call.task, self._driver)
        elif request == XUI_DMA_UNFORWARD:
            binding = uintr.bindings.get(VECTOR)
            if binding is None or binding.task is not call.task:
                raise LinuxError(Errno.EINVAL)
            uintr.unbind(binding)
        else:
            raise LinuxError(Errno.ENOTTY)
        return 0

    def read(self, call: Caller, buffer: UserBuffer) -> int:
        """Errors: EINVAL (less than 8 bytes), EAGAIN (O_NONBLOCK, or forwarded: the kernel could not wake it)."""
        if buffer.size < _COUNT:
            raise LinuxError(Errno.EINVAL)
        if self._driver.is_busy(call.cpu):
            if self.flags & O_NONBLOCK or VECTOR in whole(call).kernel.uintr.bindings:
                raise LinuxError(Errno.EAGAIN)
            raise Blocked(self._driver.done, why="a DMA transfer")
        if buffer.room(_COUNT) < _COUNT:
            faulted(0)
        buffer.scatter(self._driver.completed(call.cpu).to_bytes(_COUNT, "little"))
        return _COUNT
