"""uintr_register_handler and uintr_unregister_handler (Intel's user-interrupt patches), and pffemu's FORWARD_PF flag.

The kernel owns two things of forwarding: it sets `forwarding_enabled[14]` once, and it switches
`forwarding_active[14]` with the thread that asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel_model import uapi
from kernel_model.syscall import Call
from kernel_model.uapi import Errno, LinuxError
from pffemu.arch import apic_regs
from pffemu.arch.exceptions import PF
from pffemu.arch.msrs import APIC_BASE_EN, APIC_BASE_EXTD, IA32_APIC_BASE, X2APIC_BASE
from pffemu.events import ForwardingSwitched
from pffemu.hw.cpu import UintrState
from pffemu.hw.msrs import rdmsr, wrmsr

if TYPE_CHECKING:
    from kernel_model.task import Task
    from pffemu.hw.cpu import Cpu

_ACTIVE_MSR = X2APIC_BASE + (apic_regs.FORWARDING_ACTIVE >> 4)  # vectors 0 to 31
_ENABLED_MSR = X2APIC_BASE + (apic_regs.FORWARDING_ENABLED >> 4)
_SPURIOUS_VECTOR = 0xFF  # Linux: SPURIOUS_APIC_VECTOR
_WAITING = uapi.UINTR_HANDLER_FLAG_WAITING_RECEIVER | uapi.UINTR_HANDLER_FLAG_WAITING_SENDER


def enable(cpu: Cpu, forward: bool) -> None:
    """At boot: x2APIC mode, CR4.UINTR, and whether vector 14 may be forwarded on this core."""
    base = rdmsr(cpu, IA32_APIC_BASE)
    assert isinstance(base, int)
    wrmsr(cpu, IA32_APIC_BASE, base | APIC_BASE_EN | APIC_BASE_EXTD)
    wrmsr(cpu, X2APIC_BASE + (apic_regs.SVR >> 4), apic_regs.SVR_ENABLE | _SPURIOUS_VECTOR)
    cpu.cr4_uintr = True
    wrmsr(cpu, _ENABLED_MSR, 1 << PF if forward else 0)


def switch(cpu: Cpu, task: Task) -> None:
    """`task` runs next: its user-interrupt state, and the active bit if it asked for forwarding."""
    cpu.uintr = task.uintr
    active = task.forward_page_faults
    if cpu.apic.is_active(PF) != active:
        wrmsr(cpu, _ACTIVE_MSR, 1 << PF if active else 0)
        cpu.emit(ForwardingSwitched, PF, int(active))


def register_handler(call: Call, handler: int, flags: int) -> int:
    """0. UIF stays 0: the thread must execute STUI. Errors: EINVAL (flags), EFAULT (null), EBUSY."""
    flags &= 0xFFFF_FFFF
    forward = flags & uapi.UINTR_HANDLER_FLAG_FORWARD_PF
    allowed = _WAITING | (uapi.UINTR_HANDLER_FLAG_FORWARD_PF if call.kernel.options.forwarding else 0)
    if flags & ~allowed:
        raise LinuxError(Errno.EINVAL)
    if not handler:
        raise LinuxError(Errno.EFAULT)
    if call.task.handler_registered:
        raise LinuxError(Errno.EBUSY)
    call.task.handler_registered = True
    call.task.forward_page_faults = bool(forward)
    call.task.uintr = UintrState(handler=handler, stackadjust=uapi.UINTR_REDZONE)
    switch(call.cpu, call.task)
    return 0


def unregister_handler(call: Call, flags: int) -> int:
    """0. Errors: EINVAL (flags, or nothing registered)."""
    if flags & 0xFFFF_FFFF or not call.task.handler_registered:
        raise LinuxError(Errno.EINVAL)
    forget(call.cpu, call.task)
    return 0


def forget(cpu: Cpu, task: Task) -> None:
    """The thread gives its handler up, or ends."""
    task.handler_registered = task.forward_page_faults = False
    task.uintr = UintrState()
    switch(cpu, task)
