"""INT1 (ICEBP): #DB behind the instruction (SDM vol. 3, 6.15); a trap, so RIP moves on first."""

from __future__ import annotations

from pffemu.arch.exceptions import DB
from pffemu.hw.cpu import Cpu
from pffemu.hw.trap import Trap


def execute(_cpu: Cpu, _length: int, code: bytes) -> Trap:
    return Trap(DB)
