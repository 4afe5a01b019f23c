"""Events of the hardware: the refused walk, the decision, delivery, UIRET, user interrupts, devices."""

from __future__ import annotations

from typing import NamedTuple

from pffemu.events.fields import Hex, Label


class WalkRefused(NamedTuple):
    """The MMU's page walk refused an access: #PF with this CR2 and error code."""

    time: int
    cpu: int
    tid: int
    rip: Hex
    address: Hex
    error_code: int
    fault: int


class MmuDecision(NamedTuple):
    """Where the fault goes: `forward` (to ring 3) or `kernel`, and the condition that decided it."""

    time: int
    cpu: int
    tid: int
    address: Hex
    decision: Label
    reason: Label
    fault: int


class FramePushed(NamedTuple):
    """Delivery wrote the frame on the user stack; `rsp` is its lowest address, `size` bytes."""

    time: int
    cpu: int
    tid: int
    rsp: Hex
    size: int
    vector: int
    interrupted_rip: Hex
    interrupted_rsp: Hex
    fault: int  # 0: of a user interrupt


class FramePushRefused(NamedTuple):
    """The stack could not take the frame: delivery raises an ordinary #PF at `address` and changes nothing."""

    time: int
    cpu: int
    tid: int
    address: Hex
    error_code: int
    fault: int  # 0: of a user interrupt


class HandlerEntered(NamedTuple):
    time: int
    cpu: int
    tid: int
    rip: Hex
    fault: int  # 0: of a user interrupt


class Uiret(NamedTuple):
    """UIRET returned to `rip`; or UFRET, and `uif` is UFF."""

    time: int
    cpu: int
    tid: int
    rip: Hex
    uif: int
    fault: int  # the fault whose handler it leaves for the refused access; 0: none


class UserInterruptFlag(NamedTuple):
    """STUI, CLUI or TESTUI; `uif` afterwards. STUF, CLUF or TESTUF: `uif` is UFF."""

    time: int
    cpu: int
    tid: int
    instruction: Label
    uif: int


class Resumed(NamedTuple):
    """The thread is back at the instruction whose fault was handled."""

    time: int
    cpu: int
    tid: int
    rip: Hex
    fault: int
    path: Label  # what resolved the fault: kernel, userfaultfd, forwarded, ... (events/faults.py)


class Mmio(NamedTuple):
    """A load or store of `size` bytes reached a device."""

    time: int
    cpu: int
    tid: int
    device: Label
    offset: Hex
    size: int
    write: int
    value: Hex


class SendUipi(NamedTuple):
    """SENDUIPI posted `vector` to the UPID of UITT entry `entry`; `notify`: it also sent an IPI."""

    time: int
    cpu: int
    tid: int
    entry: int
    vector: int
    upid: Hex
    notify: int


class IpiSent(NamedTuple):
    """An interrupt message to core `target`, which arrives at `arrival` (cycles)."""

    time: int
    cpu: int
    tid: int
    target: int
    vector: int
    arrival: int


class InterruptAccepted(NamedTuple):
    """The core acknowledged `vector`; `goes_to`: `notify` (user interrupt), `forward` (ring 3) or `kernel`."""

    time: int
    cpu: int
    tid: int
    vector: int
    goes_to: Label


class NotificationProcessed(NamedTuple):
    """ON was cleared and `pir` moved from the UPID into UIRR."""

    time: int
    cpu: int
    tid: int
    upid: Hex
    pir: Hex


class Timer(NamedTuple):
    """`timer` (`apic`, or `kb`: the kernel-bypass one) is `armed` for `value` cycles, or `expired` with that vector."""

    time: int
    cpu: int
    tid: int
    timer: Label
    what: Label
    value: int
