"""Assembler and disassembler: the only importers of keystone, capstone and iced-x86.

Reading order: program.py and instruction.py (the values), assembler.py (the passes), source.py, layout.py, operands.py,
lint.py (keystone's traps), encoder.py (its one call), readback.py; disasm.py and memory_operands.py decode;
scan.py gives an encoding's length and its features.
The assembler is imported on first use: running an ELF file does not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pffemu.asm.disasm import decode, disassemble
from pffemu.asm.instruction import Instruction, MemoryOperand, writes_back
from pffemu.asm.program import Line, Program, Section, listing
from pffemu.asm.timing_class import BRANCH, REP, TIMING_CLASSES, class_of, timing_classes

if TYPE_CHECKING:
    from pffemu.asm.assembler import assemble

__all__ = [
    "BRANCH",
    "REP",
    "TIMING_CLASSES",
    "Instruction",
    "Line",
    "MemoryOperand",
    "Program",
    "Section",
    "assemble",
    "class_of",
    "decode",
    "disassemble",
    "listing",
    "timing_classes",
    "writes_back",
]


def __getattr__(name: str) -> Any:
    """Import a name on first use (PEP 562)."""
    if name != "assemble":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pffemu.asm.assembler import assemble

    globals()[name] = assemble
    return assemble
