"""The signal each exception of ring 3 becomes (arch/x86/kernel/traps.c, arch/x86/mm/fault.c)."""

from __future__ import annotations

from typing import Final

from kernel_model.abi.signal import (
    BUS_ADRALN,
    FPE_FLTDIV,
    FPE_FLTINV,
    FPE_FLTOVF,
    FPE_FLTRES,
    FPE_FLTUND,
    FPE_INTDIV,
    ILL_ILLOPN,
    TRAP_BRKPT,
    TRAP_TRACE,
)
from kernel_model.abi.uapi import Signal
from kernel_model.task.siginfo import SigInfo
from pffemu.arch import exceptions, pagefault
from pffemu.arch.paging import PAGE_SIZE
from pffemu.hw.trap import Trap

TASK_SIZE_MAX: Final = (1 << 47) - PAGE_SIZE  # the first address beyond user space
_SIGNALS: Final[dict[int, Signal]] = {
    exceptions.DE: Signal.SIGFPE,
    exceptions.DB: Signal.SIGTRAP,
    exceptions.BP: Signal.SIGTRAP,
    exceptions.UD: Signal.SIGILL,
    exceptions.SS: Signal.SIGBUS,
    exceptions.MF: Signal.SIGFPE,
    exceptions.AC: Signal.SIGBUS,
    exceptions.XM: Signal.SIGFPE,
}  # the others: SIGSEGV
_AT_RIP: Final[dict[int, int]] = {exceptions.DE: FPE_INTDIV, exceptions.UD: ILL_ILLOPN}
# status bits of SSE and x87, in the order in which fpu__exception_code tests them
_FLOATING: Final = ((0x01, FPE_FLTINV), (0x04, FPE_FLTDIV), (0x08, FPE_FLTOVF), (0x12, FPE_FLTUND), (0x20, FPE_FLTRES))


def siginfo_of(trap: Trap, rip: int, fxsave: bytes, why: str) -> SigInfo:
    """`trap`'s siginfo_t. `rip`, `fxsave`: the state it left; si_addr is RIP for faults of the instruction itself."""
    signal = _SIGNALS.get(trap.vector, Signal.SIGSEGV)
    if trap.vector in _AT_RIP:
        return SigInfo.of_fault(signal, _AT_RIP[trap.vector], rip, why, trap)
    if trap.vector == exceptions.DB:
        return SigInfo.of_fault(signal, TRAP_TRACE if trap.address & exceptions.DR6_BS else TRAP_BRKPT, rip, why, trap)
    if trap.vector in (exceptions.MF, exceptions.XM):
        return SigInfo.of_fault(signal, _floating_code(trap.vector, fxsave), rip, why, trap)
    if trap.vector == exceptions.AC:
        return SigInfo.of_fault(signal, BUS_ADRALN, 0, why, trap)
    return SigInfo.from_kernel(signal, why, trap)


def recorded(trap: Trap, last: Trap) -> Trap:
    """What a signal frame shows of a trap: CR2 stays that of the last #PF; kernel addresses look present.

    Source: set_signal_archinfo and sanitize_error_code in arch/x86/mm/fault.c.
    """
    if trap.vector != exceptions.PF:
        return trap._replace(address=last.address)
    return trap._replace(error_code=trap.error_code | pagefault.P) if trap.address >= TASK_SIZE_MAX else trap


def _floating_code(vector: int, fxsave: bytes) -> int:
    if vector == exceptions.XM:
        mxcsr = int.from_bytes(fxsave[24:28], "little")
        raised = mxcsr & ~(mxcsr >> 7) & 0x3F
    else:
        raised = fxsave[2] & ~fxsave[0] & 0x3F  # FSW, FCW
    return next((code for bits, code in _FLOATING if raised & bits), 0)
