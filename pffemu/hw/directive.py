"""A directive: how the hardware resolves the faults of one range (64 bytes of kernel memory, arch.directed)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pffemu.arch import directed as arch
from pffemu.arch.directed import Kind
from pffemu.arch.paging import PAGE_SIZE
from pffemu.arch.registers import MASK64


@dataclass(frozen=True, slots=True)
class Directive:
    """A directive, decoded. `leaf`: the entry of a filled page, less its frame and D.

    `source`: of COPY, the user address for `start`, and `stride` bytes further for each page (modulo 2^64); of MAP, the
    physical address of a list with an entry a page, 0 where no page is listed. `left`: pages that it may still fill,
    where they are `counted`.
    """

    tag: int
    start: int
    end: int
    kind: Kind
    leaf: int
    source: int = 0
    stride: int = PAGE_SIZE
    left: int = 1 << 40
    counted: bool = False
    generation: int = 0
    valid: bool = True
    read: bool = True
    write: bool = True
    around: int = 0  # fault-around: 2^around pages

    @property
    def control(self) -> int:
        return (
            (arch.VALID if self.valid else 0)
            | self.kind << arch.KIND_SHIFT
            | (arch.READ if self.read else 0)
            | (arch.WRITE if self.write else 0)
            | (arch.COUNTED if self.counted else 0)
            | self.around << arch.AROUND_SHIFT
            | self.generation << arch.CONTROL_GENERATION_SHIFT
        )

    def source_of(self, page: int) -> int:
        """COPY: the user address whose page is copied to `page`."""
        return self.source + (page - self.start) // PAGE_SIZE * self.stride & MASK64

    def listed_at(self, page: int) -> int:
        """MAP: the physical address of the list's entry for `page`."""
        return self.source + (page - self.start) // PAGE_SIZE * 8


def load(words: Any, table: int, index: int) -> Directive | None:
    """Directive `index` of the table at physical address `table`; None: its kind is not one."""
    at = (table >> 3) + index * arch.DIRECTIVE_WORDS
    tag, start, end, control, leaf, source, stride, left = words[at : at + arch.DIRECTIVE_WORDS].tolist()
    kind = control >> arch.KIND_SHIFT & 3
    if not kind:
        return None
    return Directive(
        tag, start, end, Kind(kind), leaf, source & MASK64, stride & MASK64, left,
        generation=control >> arch.CONTROL_GENERATION_SHIFT & arch.GENERATIONS - 1,
        valid=bool(control & arch.VALID), read=bool(control & arch.READ), write=bool(control & arch.WRITE),
        counted=bool(control & arch.COUNTED), around=control >> arch.AROUND_SHIFT & 15,
    )  # fmt: skip


def store(words: Any, table: int, index: int, directive: Directive) -> None:
    """Write directive `index`."""
    at = (table >> 3) + index * arch.DIRECTIVE_WORDS
    values = (
        directive.tag, directive.start, directive.end, directive.control, directive.leaf, directive.source,
        directive.stride, directive.left,
    )  # fmt: skip
    for i, value in enumerate(values):
        words[at + i] = value - (1 << 64) if value >> 63 == 1 else value


def add_left(words: Any, table: int, index: int, pages: int) -> int:
    """Change the number of pages that the directive may still fill, and return it (a locked add)."""
    at = (table >> 3) + index * arch.DIRECTIVE_WORDS + arch.LEFT
    words[at] += pages
    return int(words[at])
