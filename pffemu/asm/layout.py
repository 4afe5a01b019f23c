"""First pass: which section each statement is in, the size of all data, the meaning of all names.

.text is only listed in order: its sizes come from keystone. The other sections are laid out completely, so their labels
are known as (section, offset) before anything is assembled.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pffemu.asm import data_directives, registers
from pffemu.asm.data_directives import MOST_DATA, PAGE, SPACES, Alignment, Data
from pffemu.asm.expressions import Names, Value, evaluate
from pffemu.asm.lint import check_directive, check_word
from pffemu.asm.source import Statement, blame
from pffemu.errors import AssemblyError

TEXT: Final = ".text"
BSS: Final = ".bss"
SECTIONS: Final = (TEXT, ".rodata", ".data", BSS)
PLAIN: Final = re.compile(r"([A-Za-z_][\w.$]*)\s*,\s*(0x[0-9a-f]+|[1-9]\d*|0)\s*", re.ASCII)  # pff.inc has hundreds
NAME: Final = re.compile(r"[A-Za-z_.][\w.$]*|\d+@\d+", re.ASCII)


@dataclass(slots=True)
class Layout:
    """Everything known before keystone runs. Statements are referred to by their number in `statements`."""

    statements: Sequence[Statement]
    labels: dict[str, int] = field(default_factory=dict)
    equates: dict[str, Value] = field(default_factory=dict)
    text: list[int] = field(default_factory=list)  # in order; instructions, labels, data and alignments of .text
    data: dict[int, Data | Alignment] = field(default_factory=dict)
    places: dict[int, tuple[str, int]] = field(default_factory=dict)  # outside .text: section and offset
    sizes: dict[str, int] = field(default_factory=dict)  # of the sections outside .text

    def names(self, number: int) -> Names:
        """How names read in statement `number`."""

        def look_up(name: str) -> Value:
            if name == ".":
                return self.fold(Value(0, ((number, 1),)))
            if name in self.equates:
                return self.fold(self.equates[name])
            if name in self.labels:
                return self.fold(Value(0, ((self.labels[name], 1),)))
            raise self._unknown(name)

        return look_up

    def fold(self, value: Value) -> Value:
        """The same value with statements outside .text replaced by their section and offset."""
        folded = Value(value.constant)
        for anchor, multiple in value.anchors:
            section, offset = self.places.get(anchor, ("", 0)) if isinstance(anchor, int) else ("", 0)
            folded = folded.plus(Value(offset * multiple, ((section or anchor, multiple),)))
        return folded

    def section_starts(self, first: int) -> dict[str, int]:
        """Addresses of the sections outside .text, the first at `first`, each on a page of its own."""
        starts, address = dict[str, int](), first
        for name in SECTIONS[1:]:
            if name in self.sizes:
                starts[name] = address
                address += -(-self.sizes[name] // PAGE) * PAGE
        return starts

    def _unknown(self, name: str) -> AssemblyError:
        if name[0].isdigit():
            direction = "behind" if name.endswith("b") else "ahead of"
            return AssemblyError(
                f"no label '{name[:-1]}:' {direction} this line", remedy=f"define it, or write 0x{name}"
            )
        close = difflib.get_close_matches(name, [*self.labels, *self.equates, *registers.SIZES], 1)
        guess = f"did you mean {close[0]!r}?" if close else f"define it with '{name}:' or '.equ {name}, ...'"
        return AssemblyError(f"unknown name {name!r}", remedy=guess)


def lay_out(statements: Sequence[Statement], defines: Mapping[str, int]) -> Layout:
    layout = Layout(statements)
    for name, number in defines.items():
        _check_name(layout, name)
        layout.equates[name] = Value(number)
    for number, statement in enumerate(statements):
        if statement.word == ":":
            try:
                _check_name(layout, statement.name)
            except AssemblyError as error:
                raise blame(error, statement.place) from None
            layout.labels[statement.name] = number
    section = TEXT
    for number, statement in enumerate(statements):
        try:
            section = _place(layout, number, statement, section)
        except AssemblyError as error:
            raise blame(error, statement.place) from None
    return layout


def _place(layout: Layout, number: int, statement: Statement, section: str) -> str:
    """Put one statement into the current section; returns the section of the next one."""
    word = statement.word
    if word == ".equ" and (plain := PLAIN.fullmatch(statement.rest)) is not None:
        _check_name(layout, plain[1])
        layout.equates[plain[1]] = Value(int(plain[2], 0))
        return section
    switched = section_of(statement)
    if switched:
        if switched != TEXT:
            layout.sizes.setdefault(switched, 0)
        return switched
    if section == TEXT:
        layout.text.append(number)
    else:
        layout.places[number] = (section, layout.sizes[section])
    if word == "=" or word in (".equ", ".set"):
        _define(layout, number, statement)
    elif word in data_directives.DIRECTIVES:
        _place_data(layout, number, statement, section)
    elif word.startswith("."):
        check_directive(statement)
    elif word != ":" and section != TEXT:
        check_word(statement)
        raise AssemblyError(f"an instruction in {section}", remedy="put .text before the code")
    return section


def section_of(statement: Statement) -> str:
    """The section a statement switches to, or '' when it switches none."""
    if statement.word in SECTIONS:
        if statement.rest:
            raise AssemblyError(
                f"{statement.word} takes no argument", remedy=f"write {statement.word} alone on its line"
            )
        return statement.word
    if statement.word != ".section":
        return ""
    name = statement.rest.partition(",")[0].strip().strip('"')
    if name not in SECTIONS:
        raise AssemblyError(f"unknown section {name!r}", remedy=f"use one of {' '.join(SECTIONS)}")
    return name


def _define(layout: Layout, number: int, statement: Statement) -> None:
    name, text = statement.name, statement.rest
    if statement.word != "=":
        name, _, text = (part.strip() for part in statement.rest.partition(","))
    _check_name(layout, name)
    layout.equates[name] = evaluate(text, layout.names(number))


def _check_name(layout: Layout, name: str) -> None:
    if name in layout.labels or name in layout.equates:
        raise AssemblyError(f"{name.partition('@')[0]!r} is defined twice", remedy="rename one of them")
    if name.lower() in registers.RESERVED:
        raise AssemblyError(f"{name!r} cannot be a name: it is a register", remedy="rename it")
    if name == "." or not NAME.fullmatch(name):
        raise AssemblyError(f"{name!r} cannot be a name", remedy="use letters, digits, _ and .")


def _place_data(layout: Layout, number: int, statement: Statement, section: str) -> None:
    item = data_directives.parse(statement.word, statement.rest, layout.names(number))
    if section == BSS and statement.word not in SPACES | data_directives.ALIGNMENTS:
        raise AssemblyError(f"{statement.word} in .bss, which holds no bytes", remedy="use .skip, or move it to .data")
    if section != TEXT and isinstance(item, Alignment):
        item = item.padding(layout.sizes[section])
    if section != BSS and isinstance(item, Data) and item.size > MOST_DATA:
        raise AssemblyError(f"{item.size} bytes in {section} are too many", remedy="put large zeroed space in .bss")
    if section == BSS and isinstance(item, Data) and item.fill:
        raise AssemblyError("a fill byte in .bss, which is always zero", remedy="move it to .data")
    layout.data[number] = item
    if section != TEXT and isinstance(item, Data):
        layout.sizes[section] += item.size
