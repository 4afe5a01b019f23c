"""Breakpoints: at an address, at an event, when data changes or is accessed; on a condition, in one thread."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pffemu.arch.paging import PAGE_SIZE, page_of
from pffemu.errors import UsageError
from pffemu.events.phases import PHASES
from pffemu.hw.fill import WATCHED_MAX
from pffemu.inspect.lines import first_words
from pffemu.inspect.nearest import nearest

# other names that users type for events, besides the phases' names and the words of pffemu.inspect.event_text
ALIASES: Final = {"message queued": "message", "frame pushed": "frame", "page fault": "page-fault"}
_WATCHED_BYTES: Final = WATCHED_MAX * PAGE_SIZE
_MOST: Final = 4096  # breakpoints of a session
_NAMES: Final = {name.lower(): name for name in PHASES.values()}


class Access(Enum):
    """Which accesses stop at a watchpoint."""

    WRITE = "write"  # the value changed
    READ = "read"
    ANY = "access"


@dataclass(slots=True)
class Breakpoint:
    """A breakpoint: one of `address`, `event` and `access` is set. `text` is the place as the user wrote it."""

    number: int
    text: str
    address: int | None = None
    event: str | None = None  # the first words of the event's line
    access: Access | None = None
    watched: int = 0  # address
    size: int = 0  # bytes
    pid: int | None = None  # the process that it is in; None: for watchpoints the first one, else any
    tid: int | None = None  # stops this thread only; None: any thread
    condition: ast.expr | None = None
    condition_text: str = ""
    temporary: bool = False
    enabled: bool = True
    hits: int = 0

    @property
    def pages(self) -> set[int]:
        if self.access is None:
            return set()
        return set(range(page_of(self.watched), self.watched + self.size, PAGE_SIZE))

    def __str__(self) -> str:
        parts = [f"{self.number}: {self.text}"]
        parts += [f"if {self.condition_text}"] if self.condition_text else []
        parts += [f"thread {self.tid}"] if self.tid is not None else []
        parts += ["disabled"] if not self.enabled else []
        return ", ".join([*parts, f"{self.hits} hits"])


class Breakpoints:
    """All breakpoints of a session, by number."""

    def __init__(self) -> None:
        self._all: dict[int, Breakpoint] = {}
        self._next = 1

    def __iter__(self) -> Iterator[Breakpoint]:
        return iter(list(self._all.values()))

    def add(self, breakpoint: Breakpoint) -> Breakpoint:
        """Number it and keep it. Raises UsageError for too many, and for more than WATCHED_MAX pages to watch."""
        if len(self._all) >= _MOST:
            raise UsageError(f"more than {_MOST} breakpoints", remedy="delete some")
        if breakpoint.access is not None and not 0 < breakpoint.size <= _WATCHED_BYTES:
            raise UsageError(f"{breakpoint.size} bytes to watch", remedy=f"watch 1 to {_WATCHED_BYTES}")
        if len(self.pages | breakpoint.pages) > WATCHED_MAX:
            raise UsageError(f"more than {WATCHED_MAX} pages to watch", remedy="delete a watchpoint")
        breakpoint.number = self._next
        self._next += 1
        self._all[breakpoint.number] = breakpoint
        return breakpoint

    def remove(self, number: int) -> None:
        """Raises UsageError."""
        if self._all.pop(number, None) is None:
            raise UsageError(f"there is no breakpoint {number}", remedy="see `info breakpoints`")

    def __contains__(self, number: int) -> bool:
        return number in self._all

    def clear(self) -> None:
        self._all.clear()

    def get(self, number: int) -> Breakpoint:
        """Raises UsageError."""
        if number not in self._all:
            raise UsageError(f"there is no breakpoint {number}", remedy="see `info breakpoints`")
        return self._all[number]

    @property
    def enabled(self) -> list[Breakpoint]:
        return [breakpoint for breakpoint in self._all.values() if breakpoint.enabled]

    @property
    def addresses(self) -> frozenset[int]:
        return frozenset(b.address for b in self.enabled if b.address is not None)

    @property
    def watches(self) -> list[Breakpoint]:
        return [breakpoint for breakpoint in self.enabled if breakpoint.access is not None]

    @property
    def events(self) -> list[Breakpoint]:
        return [breakpoint for breakpoint in self.enabled if breakpoint.event is not None]

    @property
    def pages(self) -> set[int]:
        """Pages that enabled watchpoints cover."""
        return {page for breakpoint in self._all.values() for page in breakpoint.pages if breakpoint.enabled}


def event_words(text: str) -> str:
    """The phase's name, or the beginning of the event's line, that the user's text means. Raises UsageError."""
    words = " ".join(text.split())
    known = ALIASES.get(words.lower()) or _NAMES.get(words.lower())
    if known is None and words.partition(" ")[0] not in first_words():
        names = sorted({*_NAMES, *ALIASES, *first_words()})
        raise UsageError(f"no event is called {words!r}", remedy=nearest(words, names))
    return known or words


def is_event(mark: Any, line: str, words: str) -> bool:
    """Whether `words` (from `event_words`) name this mark, whose text is `line`."""
    return PHASES.get(type(mark)) == words or (line.startswith(words) and line[len(words) :][:1] in ("", " ", ":"))
