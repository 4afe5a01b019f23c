"""Assembler and disassembler: the only importers of keystone, capstone and iced-x86.

Reading order: program.py and instruction.py (the values), assembler.py (the passes), source.py, layout.py, operands.py,
lint.py (keystone's traps), encoder.py (its one call), readback.py; disasm.py and memory_operands.py decode;
scan.py gives an encoding's length and its features, plain_operands.py the operands of what most code consists of.
The assembler and the disassembler are imported on first use: running an ELF file rarely needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from pffemu.asm.instruction import Instruction, MemoryOperand, writes_back
from pffemu.asm.program import Line, Program, Section, listing
from pffemu.asm.timing_class import BRANCH, REP, TIMING_CLASSES, class_of, timing_classes

if TYPE_CHECKING:
    from pffemu.asm.assembler import assemble
    from pffemu.asm.disasm import decode, disassemble

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

_HOMES: Final = {"assemble": "assembler", "decode": "disasm", "disassemble": "disasm"}


def __getattr__(name: str) -> Any:
    """Import a name on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"pffemu.asm.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
