"""Sink: a row for each page fault of a run: who faulted where, what resolved it, and how long that took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from pffemu.arch import pagefault
from pffemu.events.fault_tracker import CHANGES, FaultLife, FaultTracker
from pffemu.events.hw import WalkRefused
from pffemu.machine.machine import Machine
from pffemu.report.fault_choice import in_userfaultfd

_HEADINGS: Final = ("fault", "thread", "cycles", "path", "address", "access", "uffd", "instruction")
_NUMBERS: Final = (0, 1, 2)  # columns

SourceOf = Callable[[int], str]  # an address of the thread that faults as FILE:LINE; empty: not known


@dataclass(slots=True)
class FaultRow:
    """One fault. Addresses are of the faulting process; `cycles` are virtual, None while the fault is not over."""

    number: int  # in the trace, from 1
    thread: int
    address: int
    access: str  # read, write or fetch
    userfaultfd: bool  # the address is registered with a userfaultfd
    rip: int
    symbol: str  # of `rip`, with offset
    source: str  # FILE:LINE of `rip`; empty without line information
    start: int  # virtual cycles, by the core's clock
    path: str = ""  # what resolved it; empty: nothing did
    cycles: int | None = None  # from the refused walk to the resumed instruction


class FaultList:
    """Keeps the first `most` faults of a run in `rows`; of later ones only their number and cycles, by path."""

    def __init__(self, machine: Machine, most: int, source_of: SourceOf = lambda _: "") -> None:
        self._machine, self._most, self._source_of = machine, most, source_of
        self._tracker = FaultTracker()
        self._open: dict[int, FaultRow] = {}
        self.rows: list[FaultRow] = []
        self.count = 0
        self.paths: dict[str, tuple[int, int]] = {}  # path -> (faults, cycles)

    def __call__(self, event: Any) -> None:
        if type(event) not in CHANGES:
            return
        lives = self._tracker(event)
        if type(event) is WalkRefused:
            self.count += 1
            if len(self.rows) < self._most:
                self._begin(event)
        for life in lives:
            if life.end is not None:
                self._end(life)

    @property
    def left_out(self) -> int:
        """Faults that have no row."""
        return self.count - len(self.rows)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; addresses as hexadecimal text."""
        rows = [{**asdict(row), "address": f"{row.address:#x}", "rip": f"{row.rip:#x}"} for row in self.rows]
        paths = {path: {"faults": faults, "cycles": cycles} for path, (faults, cycles) in self.paths.items()}
        return {"faults": self.count, "left_out": self.left_out, "paths": paths, "rows": rows}

    def _begin(self, event: WalkRefused) -> None:
        task = self._machine.kernel.find_task(event.tid)
        process = task.process if task is not None else self._machine.process
        row = FaultRow(
            event.fault, event.tid, event.address, _access(event.error_code),
            in_userfaultfd(self._machine, event.tid, event.address), event.rip,
            self._machine.symbols_of(process).describe(event.rip), self._source_of(event.rip), event.time,
        )  # fmt: skip
        self.rows.append(row)
        self._open[event.fault] = row

    def _end(self, life: FaultLife) -> None:
        assert life.end is not None
        row = self._open.pop(life.number, None)
        if not life.path:
            return
        cycles = life.end - life.start
        faults, sum_of_cycles = self.paths.get(life.path, (0, 0))
        self.paths[life.path] = faults + 1, sum_of_cycles + cycles
        if row is not None:
            row.path, row.cycles = life.path, cycles


def fault_table(found: FaultList) -> str:
    """The rows as text, times in virtual cycles; the instruction comes last, so that no width cuts a number."""
    cells = [_HEADINGS, *(_cells(row) for row in found.rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(f"{text:{'>' if i in _NUMBERS else '<'}{widths[i]}}" for i, text in enumerate(line)).rstrip()
        for line in cells
    )


def _cells(row: FaultRow) -> tuple[str, ...]:
    cycles = "not over" if row.cycles is None else f"{row.cycles:,}"
    place = f"{row.symbol}  {row.source}".rstrip()
    uffd = "yes" if row.userfaultfd else ""
    return str(row.number), str(row.thread), cycles, row.path or "-", f"{row.address:#x}", row.access, uffd, place


def _access(error_code: int) -> str:
    if error_code & pagefault.I:
        return "fetch"
    return "write" if error_code & pagefault.W else "read"
