"""Upcalls (ExtMem): the kernel enters a handler in the faulting thread without a signal's frame; an ioctl returns.

The frame holds every register that the returning ioctl overwrites, so that it can be the handler's last instruction.
While a handler runs, further faults of its thread queue messages, as inside a handler of forwarded page faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, ClassVar, Final

from kernel_model.abi import uffd as uffd_abi
from kernel_model.abi.signal import SEGV_MAPERR
from kernel_model.abi.uapi import Errno, LinuxError, Signal
from kernel_model.mm.page_fault import BadAccess, EntersHandler, Fault, charge_return
from kernel_model.mm.user_memory import UserMemory
from kernel_model.signal.frame import RED_ZONE
from kernel_model.task.task import Task, TaskState
from kernel_model.uffd.answers import Ioctl, NoAnswers
from pffemu.arch import pagefault
from pffemu.arch.paging import is_canonical
from pffemu.arch.rflags import IRET_MASK
from pffemu.events.fields import Hex, Label
from pffemu.events.hw import HandlerEntered, Resumed

if TYPE_CHECKING:
    from kernel_model.call.call import Call
    from kernel_model.uffd.context import Userfaultfd
    from pffemu.hw.cpu import Cpu

# from RSP up: address, error code, RIP, RFLAGS, RSP, the registers that the returning ioctl overwrites, padding
FRAME: Final = Struct("<11Q8x")
PATH: Final = Label("upcall")
_ALIGNMENT: Final = 16
_SAVED: Final = ("rip", "rflags", "rsp", "rax", "rcx", "r11", "rdi", "rsi", "rdx")


@dataclass(slots=True)
class Handler:
    """A thread's handler. `entered`: it runs and has not returned yet."""

    address: int
    entered: bool = False


class Upcalls(NoAnswers):
    """The upcall mechanism: the handlers of all threads, and its two ioctls."""

    features: ClassVar[int] = uffd_abi.FEATURE_UPCALL

    def __init__(self) -> None:
        self._handlers: dict[Task, Handler] = {}

    def ioctl(self, request: int) -> Ioctl | None:
        return {uffd_abi.UPCALL: self._register, uffd_abi.UPCALL_RETURN: self._return}.get(request)

    def answer(self, _uffd: Userfaultfd, fault: Fault, _reason: int) -> EntersHandler | None:
        """The faulting thread's handler, for an access from ring 3 while it does not run."""
        handler = self._handlers.get(fault.task)
        if handler is None or handler.entered or not fault.error_code & pagefault.U:
            return None
        return EntersHandler(lambda: _enter(handler, fault))

    def _register(self, _uffd: Userfaultfd, call: Call, address: int) -> int:
        """UFFDIO_UPCALL: `address`: handler of the calling thread's faults in userfaultfd memory; 0: messages again.

        Errors: EFAULT (not canonical).
        """
        if not is_canonical(address):
            raise LinuxError(Errno.EFAULT)
        self._handlers = {task: one for task, one in self._handlers.items() if task.state is not TaskState.DEAD}
        self._handlers.pop(call.task, None)
        if address:
            self._handlers[call.task] = Handler(address)
        return 0

    def _return(self, _uffd: Userfaultfd, call: Call, frame: int) -> int | None:
        """UFFDIO_UPCALL_RETURN: the access is repeated, with the registers that the frame at `frame` holds.

        Errors: EFAULT (no frame, or RIP not canonical), EINVAL (no handler has been entered).
        """
        handler = self._handlers.get(call.task)
        if handler is None or not handler.entered:
            raise LinuxError(Errno.EINVAL)
        _, _, *values = FRAME.unpack(call.memory.read(frame, FRAME.size))
        saved, cpu = dict(zip(_SAVED, values, strict=True)), call.cpu
        if not is_canonical(saved["rip"]):
            raise LinuxError(Errno.EFAULT)
        registers = cpu.engine.save_registers()
        saved["rflags"] = registers.word("rflags") & ~IRET_MASK | saved["rflags"] & IRET_MASK
        cpu.engine.load_registers(registers.replace(**saved))
        handler.entered = False
        charge_return(cpu)
        cpu.emit(Resumed, Hex(saved["rip"]), *cpu.bus.faults.end_at(call.task.tid, saved["rip"], PATH))
        return None


def _enter(handler: Handler, fault: Fault) -> BadAccess | None:
    """Push the frame and let the thread go on in its handler. Raises Blocked: userfaultfd must supply the stack."""
    cpu: Cpu = fault.cpu
    registers = cpu.engine.save_registers()
    rsp = (registers.word("rsp") - RED_ZONE - FRAME.size) // _ALIGNMENT * _ALIGNMENT
    frame = FRAME.pack(fault.address, fault.error_code, *(registers.word(name) for name in _SAVED))
    try:
        UserMemory(cpu, fault.task).write(rsp, frame)
    except LinuxError:
        return BadAccess(Signal.SIGSEGV, f"the stack cannot take an upcall's frame, RSP {rsp:#x}", SEGV_MAPERR)
    cpu.engine.load_registers(registers.replace(rip=handler.address, rsp=rsp))
    handler.entered = True
    cpu.emit(HandlerEntered, Hex(handler.address), cpu.bus.faults.take(fault.task.tid, PATH))
    return None
