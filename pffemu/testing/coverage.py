"""Coverage of guest code: lines of assembly tests and their includes that were reached, and branch directions taken.

The machine stops before an instruction, in any thread, until the line and both directions of a branch are covered; so
counts show that something ran, not how often. Under xdist the workers send their coverage to the main process.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from guest.paths import INCLUDE
from pffemu.asm import Instruction, decode
from pffemu.asm.program import Line
from pffemu.machine.stop import BudgetUsedUp, Reached, Stop
from pffemu.testing.runner import Advance, Run

_CONDITIONAL: Final = re.compile(r"j(?!mp)\w+|loop\w*")


@dataclass(slots=True)
class FileCoverage:
    """Coverage of one file: arrivals by line, and by (line, whether the branch there was taken)."""

    lines: Counter[int] = field(default_factory=Counter)
    branches: Counter[tuple[int, bool]] = field(default_factory=Counter)

    def missing(self) -> list[int]:
        return sorted(line for line, count in self.lines.items() if not count)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Lines, lines reached, branch directions, directions taken."""
        ways = self.branches.values()
        return len(self.lines), sum(map(bool, self.lines.values())), len(ways), sum(map(bool, ways))


@dataclass(frozen=True, slots=True)
class _Place:
    file: FileCoverage
    line: int
    instruction: Instruction

    @property
    def is_branch(self) -> bool:
        return _CONDITIONAL.fullmatch(self.instruction.mnemonic) is not None

    @property
    def ways(self) -> tuple[int, ...]:
        """The two successors of a branch: the next instruction and its target."""
        if not self.is_branch:
            return ()
        return self.instruction.address + self.instruction.size, int(self.instruction.operands, 16)

    def way_to(self, address: int) -> bool | None:
        """Whether the branch was taken to get to `address`; None when it did not lead there."""
        return bool(self.ways.index(address)) if address in self.ways else None

    @property
    def is_known(self) -> bool:
        """Whether the line was reached and, for a branch, both directions taken."""
        reached = self.file.lines[self.line] > 0
        return reached and all(self.file.branches[self.line, way] for way in (False, True) if self.is_branch)


class _Watch:
    """Arrivals of one run. `wanted`: addresses to stop at; one leaves it once an arrival there gives nothing new."""

    def __init__(self, places: dict[int, _Place]) -> None:
        self._places = places
        self._before: dict[int, _Place] = {}  # by thread
        self.wanted = set(places)

    def arrive(self, tid: int, address: int) -> None:
        """Thread `tid` is about to run the instruction at `address`."""
        place = self._before.pop(tid, None)
        if place is not None:
            way = place.way_to(address)
            if way is not None:
                place.file.branches[place.line, way] += 1
            self._settle(place)
        place = self._places.get(address)
        if place is not None:
            place.file.lines[place.line] += 1
            self._before[tid] = place
            self._settle(place)

    def _settle(self, place: _Place) -> None:
        """Stop no more at addresses that are covered and that no uncovered branch leads to."""
        for address in (place.instruction.address, *place.ways):
            at = self._places.get(address)
            if at is not None and at.is_known and not self._leads_to_news(address):
                self.wanted.discard(address)

    def _leads_to_news(self, address: int) -> bool:
        return any(not other.is_known and address in other.ways for other in self._places.values())


class GuestCoverage:
    """Coverage by all tests of a session, by file."""

    def __init__(self) -> None:
        self.files: dict[str, FileCoverage] = {}

    def follow(self, run: Run) -> Advance:
        """An Advance that runs a block and notes its lines."""
        watch = _Watch(self._places(run))
        watch.arrive(run.cpu.tid, run.cpu.registers["rip"])

        def advance(run: Run, until: set[int], budget: int) -> Stop:
            end = run.machine.instructions + budget
            while (left := end - run.machine.instructions) > 0:
                stop = run.machine.run(left, until | watch.wanted)
                if not isinstance(stop, Reached):
                    return stop
                watch.arrive(stop.tid, stop.address)
                if stop.address in until:
                    return stop
            return BudgetUsedUp(budget, "")

        return advance

    def _places(self, run: Run) -> dict[int, _Place]:
        """The instructions of the file and its includes; also enters lines and directions not reached, with count 0."""
        code = {section.address: section for section in run.program.sections if section.executable}
        length = run.case.source.count("\n") + 1
        places = {}
        for line in run.program.lines:
            own = line.number <= length if line.file == run.case.block.file else Path(line.file).parent != INCLUDE
            section = next((s for s in code.values() if s.address <= line.address < s.address + s.size), None)
            if section is None or not own or _is_data(line):
                continue
            start = line.address - section.address
            instruction = decode(section.data[start : start + line.size], line.address)
            if instruction is None:
                continue
            file = self.files.setdefault(_shown(line.file), FileCoverage())
            place = places[line.address] = _Place(file, line.number, instruction)
            file.lines[line.number] += 0
            for taken in (False, True) if place.is_branch else ():
                file.branches[line.number, taken] += 0
        return places

    # -- other processes, and reports ---------------------------------------------------------------------------

    def as_values(self) -> dict[str, Any]:
        """The coverage as plain lists and numbers, for execnet."""
        return {
            name: [list(file.lines.items()), [[line, taken, n] for (line, taken), n in file.branches.items()]]
            for name, file in self.files.items()
        }

    def add_values(self, values: Mapping[str, Any]) -> None:
        for name, (lines, branches) in values.items():
            file = self.files.setdefault(name, FileCoverage())
            for line, count in lines:
                file.lines[line] += count
            for line, taken, count in branches:
                file.branches[line, bool(taken)] += count

    def lcov(self) -> str:
        """The coverage in lcov's tracefile format (man geninfo)."""
        records = []
        for name, file in sorted(self.files.items()):
            lines, reached, ways, gone = file.counts
            records += ["TN:pffemu", f"SF:{Path(name).resolve()}"]
            for (line, taken), count in sorted(file.branches.items()):
                records.append(f"BRDA:{line},0,{int(taken)},{count if file.lines[line] else '-'}")
            records += [f"BRF:{ways}", f"BRH:{gone}"]
            records += [f"DA:{line},{count}" for line, count in sorted(file.lines.items())]
            records += [f"LF:{lines}", f"LH:{reached}", "end_of_record"]
        return "\n".join(records) + "\n"

    def table(self) -> str:
        """A table of files: lines and branch directions covered, and the lines that were not reached."""
        width = max([len("file"), *map(len, self.files)])
        rows = [f"{'file':<{width}}  {'lines':>11}  {'branches':>11}  not reached"]
        for name, file in sorted(self.files.items()):
            lines, reached, ways, gone = file.counts
            missing = _ranges(file.missing())
            rows.append(f"{name:<{width}}  {reached:>5}/{lines:<5}  {gone:>5}/{ways:<5}  {missing}".rstrip())
        return "\n".join(rows)


def _is_data(line: Line) -> bool:
    """Whether the line is data between instructions, as `.skip 4096`."""
    word = line.text.rpartition(":")[2].split()
    return bool(word) and word[0].startswith(".") and word[0] != ".byte"


def _shown(file: str) -> str:
    path = Path(file)
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _ranges(numbers: list[int]) -> str:
    """The numbers as text, as in `3, 5-7`."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)
