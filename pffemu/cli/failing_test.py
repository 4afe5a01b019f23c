"""A test of a test_*.s or test_*.c file under the debugger: at its first instruction, or where it fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pffemu.debug import stepping
from pffemu.debug.breakpoints import Breakpoint
from pffemu.debug.halt import Why
from pffemu.debug.moment import Moment
from pffemu.debug.places import Places
from pffemu.debug.session import Session
from pffemu.debug.source_lines import lines_of_program
from pffemu.errors import MissingFileError, UsageError
from pffemu.events.kernel import ProcessKilled
from pffemu.inspect.nearest import nearest
from pffemu.machine.stop import BudgetUsedUp, Interrupted, Reached, Stop
from pffemu.testing.cases import Case
from pffemu.testing.directives import DEBUGGING, Directive
from pffemu.testing.runner import Run, run_block, start
from pffemu.testing.verify import verify
from pffemu.testing.whole_file import read_whole_file


class FailingTest:
    """`session` stands at the test's first instruction; `go_to_failure` goes where its first claim fails."""

    def __init__(self, path: Path, name: str, defaults: Sequence[Directive] = ()) -> None:
        """`name`: the part behind `::` of pytest's id; `defaults`: the project's.

        Raises MissingFileError, UsageError, PffemuError."""
        self.run = start(_case(path, name, defaults))
        self.session = Session(self.run.machine, read_variables=lambda: self.run.variables)
        self.places = Places(self.run.machine, lines_of_program(self.run.program))
        self._failing: Moment | None = None

    def go_to_failure(self) -> str:
        """Run the test and go to its first failure, or to its end when it passes; returns the failures' text."""
        run, session = self.run, self.session
        run_block(run, self._advance)
        self._note()
        verify(run)
        run.machine.events.sinks.remove(run.recorder)
        if not run.failures:
            return f"{run.case.title}: passes; stopped at its end"
        session.go_to(self._failing or self._of_event(run.failures[0].event) or self._death() or session.halt.moment)
        return "\n".join(f"{failure.where}: {failure.claim}: {failure.what}" for failure in run.failures)

    def commands(self) -> Iterator[tuple[Directive, str]]:
        """What the test's `# break:` and `# debug:` tell the debugger to do at the start, in their order."""
        for directive in self.run.case.block.directives:
            if directive.name in DEBUGGING:
                yield directive, f"break {directive.text}" if directive.name == "break" else directive.text

    def _advance(self, run: Run, places: set[int], budget: int) -> Stop:
        """As `run_whole`, but in the session."""
        self._note()
        session = self.session
        numbers = [session.breakpoints.add(Breakpoint(0, "", address=place)).number for place in sorted(places)]
        try:
            halt = session.move(stepping.resume_for(budget))
        finally:
            for number in numbers:
                session.breakpoints.remove(number)
        if halt.outcome is not None:
            return halt.outcome
        if halt.why is Why.BREAKPOINT:
            return Reached(halt.rip, halt.tid, session.cpu.index)
        return Interrupted() if halt.why is Why.INTERRUPTED else BudgetUsedUp(run.machine.instructions, "")

    def _note(self) -> None:
        """Note the moment of the first failure among the claims judged here."""
        if self.run.failures and self._failing is None:
            self._failing = self.session.halt.moment

    def _of_event(self, index: int | None) -> Moment | None:
        """The moment right after the event at which an order differed."""
        if index is None:
            return None
        event = self.run.recorder.events[index]
        return self._moment_of(lambda mark: mark is event)

    def _death(self) -> Moment | None:
        """The moment of the instruction that killed the guest."""
        return self._moment_of(lambda mark: type(mark) is ProcessKilled)

    def _moment_of(self, wanted: Any) -> Moment | None:
        journal = self.session.journal
        for number, mark in journal.backwards(journal.count + 1):
            if wanted(mark):
                return journal.moment_of(number)
        return None


def _case(path: Path, name: str, defaults: Sequence[Directive]) -> Case:
    try:
        source = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MissingFileError(f"cannot read it: {error}", where=str(path), remedy="name a test file") from error
    cases, errors = read_whole_file(source.replace("\r\n", "\n"), str(path), path.parent, defaults)
    for case in cases:
        if name in (case.id, case.title):
            return case
    if errors:
        raise errors[0][1]
    known = [case.id for case in cases]
    raise UsageError(f"no test {name!r}", where=str(path), remedy=nearest(name, known) if known else "it has none")
