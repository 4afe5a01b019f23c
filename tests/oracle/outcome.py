"""What a campaign has come to: unexplained differences, and which rules were seen, for which forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Final, TypeVar

from tests.oracle import campaign
from tests.oracle.campaign import BATCH, Verdict
from tests.oracle.emulator import Emulator
from tests.oracle.generate import Made
from tests.oracle.known import Rule, explained, form_names, forms_of, names_it
from tests.oracle.rules import RULES, SELDOM

_ROUNDS: Final = 16  # of _CASES of one form, before it is said never to differ
_CASES: Final = 128
_T = TypeVar("_T")


@dataclass(slots=True)
class Outcome:
    """Give it every verdict."""

    cases: int = 0
    kept: list[Verdict] = field(default_factory=list)  # unexplained; with `keeps_all` also what rules explain
    unexplained: int = 0
    seen: Counter[str] = field(default_factory=Counter)  # rules
    forms_seen: set[tuple[str, str]] = field(default_factory=set)  # rule, form
    keeps_all: bool = False

    def add(self, verdict: Verdict) -> None:
        self.cases += 1
        if not verdict.found:
            return
        rules = explained(verdict.made, verdict.found, RULES)
        self.unexplained += rules is None
        if rules is None or self.keeps_all:
            self.kept.append(verdict)
        names = form_names(verdict.made)
        for rule in rules or ():
            self.seen[rule.name] += 1
            if len(names) == 1 or rule.in_sequences:
                self.forms_seen |= {(rule.name, name) for name in names if names_it(rule, name)}


def run(seed: int, singles: int, sequences: int, jobs: int = 1) -> Iterator[Verdict]:
    """So many cases, or up to a batch more, in order; `jobs` emulators at a time."""
    batches = [
        partial(campaign.cases, kind, seed, batch)
        for kind, count in (("single", singles), ("sequence", sequences))
        for batch in range(-(-count // BATCH))
    ]
    return _judged(batches, jobs)


def _directed(forms: list[str], seed: int, number: int) -> list[tuple[str, Made]]:
    """_CASES of each form, in one batch."""
    return [
        case for i, form in enumerate(forms) for case in campaign.cases(form, seed, number, _CASES, first=i * _CASES)
    ]


def _judged(batches: Sequence[Callable[[], list[tuple[str, Made]]]], jobs: int) -> Iterator[Verdict]:
    idle = SimpleQueue[Emulator]()
    with ExitStack() as stack, ThreadPoolExecutor(jobs) as pool:
        for _ in range(jobs):
            idle.put(stack.enter_context(Emulator()))

        def judged(batch: Callable[[], list[tuple[str, Made]]]) -> list[Verdict]:
            emulator = idle.get()
            try:
                return list(campaign.judge(emulator, batch()))
            finally:
                idle.put(emulator)

        for some in _pieces(batches, 4 * jobs):
            for verdicts in pool.map(judged, some):
                yield from verdicts


def _is_searched(rule: Rule) -> bool:
    """Form by form: the others need only be seen once."""
    return rule.is_of_forms and not rule.in_sequences and not rule.rarely


def _pieces(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """So many at a time: results must not pile up."""
    for at in range(0, len(items), size):
        yield items[at : at + size]


def never_seen(outcome: Outcome, seed: int, jobs: int = 1) -> list[str]:
    """Rules that explained nothing, and forms that rules name without reason, after a search for each."""
    pairs = [(rule.name, form.name) for rule in RULES if _is_searched(rule) for form in forms_of(rule)]
    asked = [rule for rule in RULES if not _is_searched(rule) and rule.name not in SELDOM]
    for number in range(_ROUNDS):
        rare = [rule for rule in asked if rule.is_of_forms and not outcome.seen[rule.name]]
        pending = sorted(
            {form for rule, form in pairs if (rule, form) not in outcome.forms_seen}
            | {form.name for rule in rare for form in forms_of(rule)}
        )
        batches = [partial(_directed, some, seed, number) for some in _pieces(pending, BATCH // _CASES)]
        for verdict in _judged(batches, jobs):
            outcome.add(verdict)
    idle = [f"{rule.name}: never seen" for rule in asked if not outcome.seen[rule.name]]
    never = [pair for pair in pairs if pair not in outcome.forms_seen]
    return idle + [f"{rule.name}: {form.name} never differs" for rule in RULES for form in forms_of(rule)
                   if (rule.name, form.name) in never]  # fmt: skip
