"""The user-interrupt state component of XSAVES and XRSTORS (SDM vol. 1, 13.5; vol. 3, user interrupts).

+0  UIHANDLER   +8  UISTACKADJUST   +16  UITTSZ 31:0, UINV 39:32, UIF 63
+24 UPIDADDR    +32 UIRR            +40  IA32_UINTR_TT
"""

from __future__ import annotations

import struct
from typing import Final

from pffemu.arch import msrs
from pffemu.arch.exceptions import GP
from pffemu.hw.cpu import Cpu, UintrState
from pffemu.hw.msrs import rdmsr, wrmsr
from pffemu.hw.trap import Trap

_IMAGE: Final = struct.Struct("<6Q")
_MSRS: Final = (
    msrs.IA32_UINTR_HANDLER,
    msrs.IA32_UINTR_STACKADJUST,
    msrs.IA32_UINTR_MISC,
    msrs.IA32_UINTR_PD,
    msrs.IA32_UINTR_RR,
    msrs.IA32_UINTR_TT,
)


def xsaves(cpu: Cpu) -> bytes:
    """The 48 bytes of component 14; UINV is 0 afterwards, so that notifications reach the kernel."""
    # SDM xsaves.1
    words = [rdmsr(cpu, msr) for msr in _MSRS]
    values = [word for word in words if isinstance(word, int)]
    values[2] |= msrs.MISC_UIF if cpu.uintr.uif else 0
    cpu.uintr.uinv = 0  # SDM xsaves.2
    return _IMAGE.pack(*values)


def xrstors(cpu: Cpu, image: bytes) -> Trap | None:
    """Load component 14. #GP, without a change, when UINV is not 0 or WRMSR would refuse a value."""
    # SDM xrstors.1
    if cpu.uintr.uinv:
        return Trap(GP)
    before, cpu.uintr = cpu.uintr, UintrState()
    words = list(_IMAGE.unpack(image))
    uif = bool(words[2] & msrs.MISC_UIF)
    words[2] &= ~msrs.MISC_UIF
    for msr, word in zip(_MSRS, words, strict=True):
        trap = wrmsr(cpu, msr, word)  # SDM xrstors.2
        if trap is not None:
            cpu.uintr = before
            return trap
    cpu.uintr.uif = uif
    return None
