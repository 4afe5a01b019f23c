"""ENTER (SDM vol. 2): frame pointers of enclosing levels are copied; a write to the final RSP must be possible."""

from __future__ import annotations

from typing import Final

from pffemu.arch.registers import MASK64
from pffemu.hw.careful_conditions import trap_of
from pffemu.hw.cpu import Cpu
from pffemu.hw.insns.operands import in_ss, pop, push
from pffemu.hw.prefixes import prefixes_of
from pffemu.hw.trap import Trap

_LEVELS: Final = 32


def execute(cpu: Cpu, length: int, code: bytes) -> Trap | None:
    registers, prefixes = cpu.registers, prefixes_of(code)
    size = 2 if prefixes.operand_size and not prefixes.rex_w else 8
    allocated = int.from_bytes(code[prefixes.end + 1 : prefixes.end + 3], "little")
    level = code[prefixes.end + 3] % _LEVELS
    rbp, rsp = registers["rbp"], registers["rsp"]
    frame = rsp - size & MASK64
    pushed = [rbp & (1 << 8 * size) - 1]
    for enclosing in range(1, level):
        loaded = pop(cpu, rbp - size * enclosing, size)
        if isinstance(loaded, Trap):
            return loaded
        pushed.append(int.from_bytes(loaded, "little"))
    if level:
        pushed.append(frame & (1 << 8 * size) - 1)
    lowest = rsp - size * len(pushed) & MASK64
    final = lowest - allocated & MASK64
    trap = push(cpu, lowest, b"".join(value.to_bytes(size, "little") for value in reversed(pushed)))
    if trap is None and (beyond := trap_of(cpu.at(registers.rip(), code), final, size, True)):
        trap = in_ss(beyond)
    if trap is None:
        registers["rbp"] = frame if size == 8 else rbp & ~0xFFFF | frame & 0xFFFF
        registers["rsp"] = final
        registers.skip(length)
    return trap
