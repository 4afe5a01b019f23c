"""Reserved no-operations (SDM vol. 2, opcode map: 0F 0D and 0F 18 to 1F), of which Unicorn refuses some."""

from __future__ import annotations

from pffemu.hw.cpu import Cpu


def execute(cpu: Cpu, length: int, code: bytes) -> None:
    cpu.registers.skip(length)
