"""A campaign: cases in batches, each run on the host and in pffemu, and their differences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from pffemu.errors import UsageError
from tests.oracle.compare import Difference, differences, refusal
from tests.oracle.driver import CHUNK
from tests.oracle.emulator import Emulator
from tests.oracle.forms import Judge, forms
from tests.oracle.generate import Made, sequence, single
from tests.oracle.host import run_on_host
from tests.oracle.rules import exact_forms
from tests.oracle.run import run_all

BATCH: Final = 16 * CHUNK


@dataclass(frozen=True, slots=True)
class Verdict:
    """A case and what differs; `found` is empty when nothing does. `name`: how to make it again."""

    name: str
    made: Made
    found: list[Difference]


def cases(kind: str, seed: int, batch: int, count: int = BATCH, first: int = 0) -> list[tuple[str, Made]]:
    """A batch from slot `first` on, each case with its name. `kind`: single, sequence, or the name of a form.

    Every case has a generator of its own, so that it can be made again without the others.
    """
    return [(name, named(name)) for name in (f"{kind}:{seed}:{batch}:{slot}" for slot in range(first, first + count))]


def named(name: str) -> Made:
    """The case of that name; those of odd batches are run with --exact-float. Raises UsageError when it is none."""
    kind, *numbers = name.split(":")
    if len(numbers) != 3 or not all(number.isdecimal() for number in numbers):
        raise UsageError(f"no case is called {name!r}", remedy="write it as a failure does, as in single:0:3:161")
    slot, random = int(numbers[2]), Random(name)
    exact_float = bool(int(numbers[1]) % 2)
    if kind == "single":
        return _with_mode(single(slot, random), exact_float)
    if kind == "sequence":
        return _with_mode(sequence(slot, random, exact_forms(exact_float)), exact_float)
    form = next((form for form in forms() if form.name == kind), None)
    if form is None:
        raise UsageError(f"no form is called {kind!r}", remedy="use single, sequence or a name of docs/instructions.md")
    return single(slot, random, form)


def _with_mode(made: Made, exact_float: bool) -> Made:
    return replace(made, case=replace(made.case, exact_float=exact_float))


def judge(emulator: Emulator, batch: list[tuple[str, Made]]) -> Iterator[Verdict]:
    """Run all cases on both sides."""
    for_host = [made for _, made in batch if made.judge is Judge.HOST]
    host = run_all(run_on_host, [made.host_case for made in for_host])
    by_slot = {made.case.slot: record for made, record in zip(for_host, host, strict=True)}
    ours = run_all(emulator.run, [made.case for _, made in batch])
    for (name, made), record in zip(batch, ours, strict=True):
        yield Verdict(name, made, compare(made, by_slot.get(made.case.slot, b""), record))


def compare(made: Made, host: bytes | str, ours: bytes | str) -> list[Difference]:
    """What differs, a driver that did not come to its end included."""
    if isinstance(host, str) or isinstance(ours, str):
        right, left = (record if isinstance(record, str) else "a result" for record in (host, ours))
        return [Difference("death", "the driver", right.splitlines()[0], left.splitlines()[0])]
    if made.judge is Judge.UD:
        return refusal(made.case, ours)
    return differences(made.case, made.on_both, host, ours)
