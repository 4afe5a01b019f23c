"""The rings of directed resolution, in kernel memory: functions over RAM as words, for the unit and for the kernel.

Each ring belongs to one address space and one core. Frame ring: the kernel produces, the unit consumes. Completion
ring: the unit produces records, the kernel consumes. Return ring: PAGEOUT produces frames with the epoch from which on
they may be used again, the unit consumes. Counts only grow; an entry's place is its count modulo the capacity.

The gate of an address space excludes its units from what the kernel changes: the kernel closes it, then waits until no
core is in flight. A unit says that it is in flight, then reads the gate; so one of the two sees the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pffemu.arch import directed as arch
from pffemu.arch.directed import CAPACITY, CONSUMED, HEADER_WORDS, PRODUCED


@dataclass(frozen=True, slots=True)
class Context:
    """What the kernel loads into a core's unit with an address space: physical addresses, and the table's size."""

    table: int  # of directives
    limit: int  # its last index
    frames: int
    records: int
    returns: int
    epochs: int
    helper: int  # APIC id of the core that is interrupted when the frame ring runs low


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring at physical address `base` whose entries are `size` words."""

    words: Any
    base: int
    size: int

    @property
    def count(self) -> int:
        """Entries in it."""
        at = self.base >> 3
        return int(self.words[at + PRODUCED] - self.words[at + CONSUMED])

    @property
    def capacity(self) -> int:
        return int(self.words[(self.base >> 3) + CAPACITY])

    @property
    def room(self) -> int:
        return self.capacity - self.count

    def reset(self, capacity: int, low: int = 0) -> None:
        """Make it empty."""
        at = self.base >> 3
        for i in range(HEADER_WORDS):
            self.words[at + i] = 0
        self.words[at + CAPACITY], self.words[at + arch.LOW] = capacity, low
        self.arm()

    def arm(self) -> None:
        """Let the next fill that leaves fewer entries than the low-water mark interrupt the kernel."""
        self.words[(self.base >> 3) + arch.ARMED] = 1

    def peek(self) -> list[int]:
        """The oldest entry; there is one."""
        return self._entry(self.words[(self.base >> 3) + CONSUMED])

    def entries(self) -> list[list[int]]:
        """All entries, oldest first."""
        at = self.base >> 3
        return [self._entry(i) for i in range(self.words[at + CONSUMED], self.words[at + PRODUCED])]

    def consume(self, entries: int = 1) -> None:
        self.words[(self.base >> 3) + CONSUMED] += entries

    def produce(self, *entry: int) -> None:
        """Add an entry; there is room."""
        at = self.base >> 3
        place = self._place(self.words[at + PRODUCED])
        for i, word in enumerate(entry):
            self.words[place + i] = word
        self.words[at + PRODUCED] += 1

    def _place(self, number: int) -> int:
        capacity: int = self.words[(self.base >> 3) + CAPACITY]
        return (self.base >> 3) + HEADER_WORDS + number % capacity * self.size

    def _entry(self, number: int) -> list[int]:
        place = self._place(number)
        return [self.words[place + i] for i in range(self.size)]


def frame_ring(words: Any, base: int) -> Ring:
    """Entries: a frame's address, with ZEROED."""
    return Ring(words, base, 1)


def record_ring(words: Any, base: int) -> Ring:
    """Entries: a page's address with FILLED or RETURNED, and its frame with the directive's index."""
    return Ring(words, base, 2)


def return_ring(words: Any, base: int) -> Ring:
    """Entries: a frame's address, and the epoch that every core must have acknowledged before it is used."""
    return Ring(words, base, 2)


def ring_bytes(capacity: int, size: int) -> int:
    """Bytes of a ring with `capacity` entries of `size` words."""
    return 8 * (HEADER_WORDS + max(capacity, 1) * size)


# -- epochs -------------------------------------------------------------------------------------------------------


def epoch_bytes(cores: int) -> int:
    """Bytes of the epochs of an address space: a line, and one more for each core."""
    return 8 * arch.CORE_WORDS * (1 + cores)


def line_of(epochs: int, core: int) -> int:
    """The index of the first word of the core's line."""
    return (epochs >> 3) + arch.CORE_WORDS * (1 + core)


def next_epoch(words: Any, epochs: int) -> int:
    """Begin a new epoch of the address space (a locked add)."""
    words[(epochs >> 3) + arch.EPOCH] += 1
    return int(words[(epochs >> 3) + arch.EPOCH])


def acknowledge(words: Any, epochs: int, core: int) -> None:
    """The core has flushed its TLB: no translation of an earlier epoch is left in it."""
    words[line_of(epochs, core) + arch.ACKNOWLEDGED] = words[(epochs >> 3) + arch.EPOCH]


def leave(words: Any, epochs: int, core: int) -> None:
    """The core has loaded another address space, and flushed its TLB."""
    words[line_of(epochs, core) + arch.ACKNOWLEDGED] = arch.INACTIVE


def acknowledged(words: Any, epochs: int, cores: int) -> int:
    """The latest epoch that every core has acknowledged."""
    at = line_of(epochs, 0) + arch.ACKNOWLEDGED
    return int(min(words[at : at + cores * arch.CORE_WORDS].tolist()[:: arch.CORE_WORDS]))


# -- the gate -----------------------------------------------------------------------------------------------------


def move_gate(words: Any, epochs: int, operations: int) -> None:
    """One operation of the kernel more (1) or less (-1) that keeps units from beginning a fill (a locked add)."""
    words[(epochs >> 3) + arch.GATE] += operations


def is_closed(words: Any, epochs: int) -> bool:
    """Whether no unit may begin a fill, and PAGEOUT return no page."""
    return bool(words[(epochs >> 3) + arch.GATE] > 0)


def set_in_flight(words: Any, epochs: int, core: int, value: int) -> None:
    """The core's unit is in the middle of a fill (1), or not (0). The store is performed before the gate is read."""
    words[line_of(epochs, core) + arch.IN_FLIGHT] = value


def is_in_flight(words: Any, epochs: int, core: int) -> bool:
    return bool(words[line_of(epochs, core) + arch.IN_FLIGHT])
