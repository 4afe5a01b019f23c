"""INT n: ring 3 may use no gate but those of #BP and #OF (SDM vol. 2, INT n; Linux's IDT without 32-bit emulation)."""

from __future__ import annotations

from typing import Final

from pffemu.arch.exceptions import GP
from pffemu.hw.cpu import Cpu
from pffemu.hw.trap import Trap

_FROM_IDT: Final = 2  # error-code bit: the index is that of an IDT entry


def execute(_cpu: Cpu, length: int, code: bytes) -> Trap:
    return Trap(GP, code[length - 1] << 3 | _FROM_IDT)
