"""Which memory an instruction will access, for read and access watchpoints."""

from __future__ import annotations

from pffemu.arch.encodings import MAX_INSTRUCTION
from pffemu.arch.own_instructions import OWN_INSTRUCTIONS
from pffemu.asm import decode
from pffemu.hw.cpu import Cpu
from pffemu.hw.fault_address import effective_address

_POPS = ("pop", "popf", "popfq", "ret", "leave")
_STRING_UNITS = {"b": 1, "w": 2, "d": 4, "q": 8}


def touches(cpu: Cpu, rip: int, address: int, size: int) -> bool:
    """Whether the instruction at `rip` reads or writes any of [address, address + size)."""
    return any(start < address + size and address < end for start, end in ranges(cpu, rip))


def ranges(cpu: Cpu, rip: int) -> list[tuple[int, int]]:
    """[start, end) of each operand in memory, including the stack words of PUSH, POP, CALL and RET."""
    instruction = decode(cpu.mmu.code_at(rip, MAX_INSTRUCTION), rip)
    if instruction is None:
        return []
    registers, words = cpu.registers, instruction.mnemonic.split()
    found = []
    for operand in instruction.memory:
        start = effective_address(operand, registers, rip + instruction.size)
        if words[0].startswith("rep"):
            length = max(operand.size, 1) * registers["rcx"]
            down = registers["rflags"] >> 10 & 1
            found.append((start - length + operand.size, start + operand.size) if down else (start, start + length))
        else:
            found.append((start, start + max(operand.size, 1)))
    rsp = registers["rsp"]
    if words[0] in ("push", "call", "pushf", "pushfq"):
        found.append((rsp - 8, rsp))
    elif words[0] in _POPS:
        base = registers["rbp"] if words[0] == "leave" else rsp
        found.append((base, base + 8))
    elif words[0] in OWN_INSTRUCTIONS:
        found.append((rsp, rsp + OWN_INSTRUCTIONS[words[0]].pops))
    return found
