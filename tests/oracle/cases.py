"""A case: code, and everything it starts with. It keeps its slot, so that alone it is the same case as in a crowd."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pffemu.asm.program import Section
from pffemu.testing.elf_writer import static_elf
from tests.oracle import layout
from tests.oracle.driver import driver
from tests.oracle.layout import Window

MASK: Final = (1 << 64) - 1
_INT3 = b"\xcc"


@dataclass(frozen=True, slots=True)
class Case:
    """One instruction, or a few, in `code`; `registers` in the order of layout.GENERAL."""

    slot: int
    code: bytes
    window: Window
    rflags: int
    registers: tuple[int, ...]
    fx: bytes
    memory: bytes
    resets_segments: bool = False
    form: str = ""  # of the table of forms that it was made from
    exact_float: bool = False  # the machine runs it with --exact-float

    @property
    def address(self) -> int:
        return address_of(self.slot)

    @property
    def end(self) -> int:
        return self.address + len(self.code)

    def head(self) -> bytes:
        """The record's first part."""
        window = self.window
        flags = layout.REFILL * window.is_refilled | layout.RESET_SEGMENTS * self.resets_segments
        set_at = window.alias - layout.MEMORY_BELOW
        read_at = (window.boundary if window.is_private else window.alias) - layout.MEMORY_BELOW
        refilled = window.boundary - layout.PAGE
        return layout.CASE_HEAD.pack(self.address, flags, set_at, read_at, refilled, 0, self.rflags, *self.registers)


def address_of(slot: int) -> int:
    """Where the code of the case in that slot begins."""
    return layout.SLOTS + layout.SLOT_SIZE * (slot + 1) + layout.CODE_AT


def executable(cases: Sequence[Case], chunk: int) -> bytes:
    """The driver with these cases, as a static ELF; it writes results out `chunk` at a time."""
    program = driver()
    code = bytearray(_INT3 * (layout.SLOT_SIZE * (max(case.slot for case in cases) + 2)))
    code[:8] = program.symbols["done"].to_bytes(8, "little")
    table = [struct.pack("<2Q", len(cases), chunk)]
    for case in cases:
        at = case.address - layout.SLOTS
        whole = case.code + b"\xff\x25" + struct.pack("<i", layout.EXIT_POINTER - case.end - 6)
        code[at : at + len(whole)] = whole
        table += (case.head(), case.fx, case.memory)
    records = b"".join(table)
    sections = (
        *program.sections,
        Section("slots", layout.SLOTS, bytes(code), len(code), writable=False, executable=True),
        Section("cases", layout.CASES, records, len(records), writable=False, executable=False),
    )
    return static_elf(sections, program.entry)
