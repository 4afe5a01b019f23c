"""The assembler's first pass: the section of each statement, the size of all data, the meaning of all names.

.text is only listed in order: its sizes come from keystone. The other sections are laid out completely, so their labels
are known as (section, offset) before anything is assembled.
"""

from __future__ import annotations

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
from pffemu.nearest import closest

TEXT: Final = ".text"
BSS: Final = ".bss"
SECTIONS: Final = (TEXT, ".rodata", ".data", BSS)
DROPPED: Final = ""  # the kind of sections that are not loaded: debugging information, notes
_DROPPED: Final = re.compile(r"\.(debug_\w+|note\b.*|comment|eh_frame|stab\w*|gnu\.\w+|llvm_\w+)|\.gnu_debug\w*")
_KINDS: Final = {
    **{".text": TEXT, ".rodata": ".rodata", ".data": ".data", ".bss": BSS, ".data.rel.ro": ".data"},
    **{".lrodata": ".rodata", ".ldata": ".data", ".lbss": BSS},
}
PLAIN: Final = re.compile(
    r"([A-Za-z_][\w.$]*)\s*,\s*(0x[0-9a-f]{1,30}|[1-9]\d{0,30}|0)\s*", re.ASCII
)  # pff.inc has hundreds
NAME: Final = re.compile(r"[A-Za-z_.][\w.$]*(@\d+)?|\d+@\d+", re.ASCII)
COMMON: Final = frozenset((".comm", ".lcomm"))


@dataclass(slots=True)
class Layout:
    """Everything known before keystone runs. Statements are referred to by their number in `statements`."""

    statements: Sequence[Statement]
    labels: dict[str, int] = field(default_factory=dict)
    equates: dict[str, Value] = field(default_factory=dict)
    text: list[int] = field(default_factory=list)  # in order; instructions, labels, data and alignments of .text
    data: dict[int, Data | Alignment] = field(default_factory=dict)
    places: dict[int, tuple[str, int]] = field(default_factory=dict)  # outside .text: section and offset
    sizes: dict[str, int] = field(default_factory=dict)  # of the sections outside .text, by their full names
    kinds: dict[str, str] = field(default_factory=lambda: {name: name for name in SECTIONS})  # by full name
    boundaries: dict[str, int] = field(default_factory=dict)  # greatest alignment in it, by full name

    def names(self, number: int) -> Names:
        """The look-up of names for statement `number`."""

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
        """Addresses of the sections outside .text from `first` on, those of a kind together on pages of their own."""
        starts, address = dict[str, int](), first
        for kind in SECTIONS[1:]:
            for name in self.of_kind(kind):
                address += -address % self.boundaries.get(name, 1)
                starts[name] = address
                address += self.sizes[name]
            address += -address % PAGE
        return starts

    def of_kind(self, kind: str) -> list[str]:
        """Full names of the sections that are joined into `kind`: the one of that name first."""
        return sorted((name for name in self.sizes if self.kinds[name] == kind), key=lambda name: name != kind)

    def _unknown(self, name: str) -> AssemblyError:
        if name[0].isdigit():
            direction = "behind" if name.endswith("b") else "ahead of"
            return AssemblyError(
                f"no label '{name[:-1]}:' {direction} this line", remedy=f"define it, or write 0x{name}"
            )
        close = closest(name, [*self.labels, *self.equates, *registers.SIZES])
        guess = f"did you mean {close!r}?" if close else f"define it with '{name}:' or '.equ {name}, ...'"
        return AssemblyError(f"unknown name {name!r}", remedy=guess)


def lay_out(statements: Sequence[Statement], defines: Mapping[str, int]) -> Layout:
    layout = Layout(statements)
    for name, number in defines.items():
        _check_name(layout, name)
        layout.equates[name] = Value(number)
    sections = _Sections(layout)
    placed = list[tuple[int, str]]()
    for number, statement in enumerate(statements):
        try:
            word = statement.word
            if word[0] == "." and word != ".equ" and sections.switched(statement):
                continue
            if layout.kinds[sections.current] == DROPPED:
                continue
            if word == ":":
                _check_name(layout, statement.name)
                layout.labels[statement.name] = number
            elif word in COMMON:
                name = statement.rest.partition(",")[0].strip()
                _check_name(layout, name)
                layout.labels[name] = number
            placed.append((number, sections.current))
        except AssemblyError as error:
            raise blame(error, statement.place) from None
    texts = dict[str, list[int]]()
    for number, section in placed:
        try:
            _place(layout, number, statements[number], section, texts)
        except AssemblyError as error:
            raise blame(error, statements[number].place) from None
    layout.text += [number for numbers in texts.values() for number in numbers]
    return layout


class _Sections:
    """The current section, as .text ... .section, .previous, .pushsection, .popsection, .subsection 0 set it."""

    def __init__(self, layout: Layout) -> None:
        self._kinds = layout.kinds
        self._sizes = layout.sizes
        self.current = self._before = TEXT
        self._stack = list[tuple[str, str]]()

    def switched(self, statement: Statement) -> bool:
        """Whether `statement` switches the section; if so, switch it."""
        word, rest = statement.word, statement.rest
        if word in SECTIONS:
            if rest:
                raise AssemblyError(f"{word} takes no argument", remedy=f"write {word} alone on its line")
            self._switch(word)
        elif word in (".section", ".pushsection"):
            name, _, flags = (part.strip() for part in rest.partition(","))
            if word == ".pushsection":
                self._stack.append((self.current, self._before))
            self._switch(name.strip('"'), flags)
        elif word == ".popsection":
            if not self._stack:
                raise AssemblyError(".popsection without .pushsection", remedy="remove it")
            self.current, self._before = self._stack.pop()
        elif word == ".previous":
            self.current, self._before = self._before, self.current
        else:
            return False
        return True

    def _switch(self, name: str, flags: str = "") -> None:
        if name not in self._kinds:
            self._kinds[name] = _kind_of(name, flags)
        if self._kinds[name] not in (TEXT, DROPPED):
            self._sizes.setdefault(name, 0)
        self.current, self._before = name, self.current


def _kind_of(name: str, flags: str) -> str:
    """The one of SECTIONS that holds the section, by its name, as in gcc and ld, or else by its flags."""
    if _DROPPED.fullmatch(name):
        return DROPPED
    if name.startswith((".tdata", ".tbss")):
        raise AssemblyError(f"thread-local storage ({name}) is not supported", remedy="build an ELF with gcc -static")
    known = next((kind for stem, kind in _KINDS.items() if name == stem or name.startswith(f"{stem}.")), None)
    if known is not None:
        return known
    letters, _, kind = flags.partition(",")
    if not letters.startswith('"'):
        raise AssemblyError(
            f"unknown section {name!r}", remedy=f'use one of {" ".join(SECTIONS)}, or give its flags: "aw"'
        )
    if "a" not in letters:
        return DROPPED
    if "x" in letters:
        return TEXT
    if "w" not in letters:
        return ".rodata"
    return BSS if "nobits" in kind else ".data"


def _place(layout: Layout, number: int, statement: Statement, section: str, texts: dict[str, list[int]]) -> None:
    """Put one statement into `section`."""
    word, kind = statement.word, layout.kinds[section]
    if word == ".equ" and (plain := PLAIN.fullmatch(statement.rest)) is not None:
        _check_name(layout, plain[1])
        layout.equates[plain[1]] = Value(int(plain[2], 0))
        return
    if word in COMMON:
        _place_common(layout, number, statement)
        return
    if kind == TEXT:
        texts.setdefault(section, []).append(number)
    else:
        layout.places[number] = (section, layout.sizes[section])
    if word == "=" or word in (".equ", ".set"):
        _define(layout, number, statement)
    elif word in data_directives.DIRECTIVES:
        _place_data(layout, number, statement, section)
    elif word.startswith("."):
        check_directive(statement)
    elif word != ":" and kind != TEXT:
        check_word(statement)
        raise AssemblyError(f"an instruction in {section}", remedy="put .text before the code")


def _place_common(layout: Layout, number: int, statement: Statement) -> None:
    """`.comm name, size, alignment`: space in .bss."""
    _, *arguments = data_directives.split_arguments(statement.rest)
    if not 1 <= len(arguments) <= 2:
        raise AssemblyError(f"{statement.word} takes a name, a size and an alignment", remedy=".comm name, 8, 8")
    item = data_directives.parse(".skip", arguments[0], layout.names(number))
    boundary = data_directives.parse(".balign", arguments[1] if len(arguments) == 2 else "1", layout.names(number))
    assert isinstance(item, Data)
    assert isinstance(boundary, Alignment)
    start = layout.sizes.get(BSS, 0)
    start += -start % boundary.boundary
    layout.places[number], layout.data[number] = (BSS, start), item
    layout.sizes[BSS] = start + item.size
    layout.boundaries[BSS] = max(layout.boundaries.get(BSS, 1), boundary.boundary)


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
    item, kind = data_directives.parse(statement.word, statement.rest, layout.names(number)), layout.kinds[section]
    if kind == BSS and statement.word not in SPACES | data_directives.ALIGNMENTS:
        raise AssemblyError(f"{statement.word} in .bss, which holds no bytes", remedy="use .skip, or move it to .data")
    if kind != TEXT and isinstance(item, Alignment):
        layout.boundaries[section] = max(layout.boundaries.get(section, 1), item.boundary)
        item = item.padding(layout.sizes[section])
    if kind != BSS and isinstance(item, Data) and item.size > MOST_DATA:
        raise AssemblyError(f"{item.size} bytes in {section} are too many", remedy="put large zeroed space in .bss")
    if kind == BSS and isinstance(item, Data) and item.fill:
        raise AssemblyError("a fill byte in .bss, which is always zero", remedy="move it to .data")
    layout.data[number] = item
    if kind != TEXT and isinstance(item, Data):
        layout.sizes[section] += item.size
