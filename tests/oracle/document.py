"""docs/instructions.md, made from the forms and the rules: `python -m tests.oracle --write docs/instructions.md`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from typing import Final

from iced_x86 import Instruction

from tests.oracle.forms import FEATURE_NAMES, Form, Judge, forms
from tests.oracle.known import names_it
from tests.oracle.rules import RULES, status

PATH: Final = Path(__file__).parents[2] / "docs" / "instructions.md"
_WIDTH: Final = 120

_HEAD: Final = """\
# Instructions: exact, refused, different

Every form of 64-bit mode that iced knows, beside the host's CPU: `make test` runs 20,000 random cases of single
instructions and 2,500 sequences of 2 to 8, `make check-long` a million and 100,000. A case is code, registers, flags,
x87 and SSE state and memory at random, with its operand in a page that is there, missing, read-only, closed, unmapped,
beyond the end of its file, or forwarded (a user-interrupt handler brings it in), or across the edge of one. Registers,
flags, memory, signal, vector, error code, addresses and the frame of a forwarded fault must be what the host's CPU
leaves. The machine checks alignment (`--check-alignment`; without, SSE operands off a 16-byte boundary do not fault);
every other 1,024 cases are run with `--exact-float`, and there the rules that end with it explain nothing.
What the manual leaves undefined is not compared ([undefined.py](../tests/oracle/undefined.py)).

This file is made from [rules.py](../tests/oracle/rules.py): `python -m tests.oracle --write docs/instructions.md`. A
difference that no rule explains fails the campaign; so does a rule, or a form that a rule names, that the long campaign
never sees differ.

A case by its name, on both sides: `python -m tests.oracle --case single:0:3:161`. With `--shrink` it is printed as a
block of a test file, without the state that the difference does not need. Names hold as long as iced's table of forms
does; those of sequences as long as the list of exact forms below.
"""
_UNDER_CONDITIONS: Final = """
## Differences in how an instruction is written, or what it meets

Whatever the instruction is; its form counts as exact.

| rule | what | why |
|---|---|---|"""
_OF_FORMS: Final = """
## Differences of forms

| rule | what | why | forms |
|---|---|---|---|"""


def document() -> str:
    """The text of the file."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    yield from _shares()
    yield _UNDER_CONDITIONS
    for rule in RULES:
        if not rule.is_of_forms:
            yield f"| {rule.name} | {rule.what} | {rule.why} |"
    yield _OF_FORMS
    by_rule = {rule.name: [form for form in forms() if names_it(rule, form.name)] for rule in RULES if rule.is_of_forms}
    for rule in RULES:
        if rule.is_of_forms:
            until = ", not with `--exact-float`" if rule.ends_with_exact_float else ""
            yield f"| {rule.name} | {rule.what}{until} | {rule.why} | {len(by_rule[rule.name])} |"
    for name, named in by_rule.items():
        yield f"\n### {name}\n"
        yield _names(named)
    yield "\n## Exact\n"
    yield _names([form for form in forms() if status(form) == "exact"])
    yield "\n## Refused: #UD, because CPUID does not claim them\n"
    yield "| feature | forms |\n|---|---|"
    counted = Counter(
        ", ".join(FEATURE_NAMES[feature] for feature in Instruction.create(form.code).cpuid_features())
        for form in forms() if form.judge is Judge.UD
    )  # fmt: skip
    for feature, count in sorted(counted.items()):
        yield f"| {feature} | {count} |"
    yield "\n## Not compared\n\nTheir results are the machine's own (time, CPUID), or the system's.\n"
    yield _names([form for form in forms() if form.judge is Judge.NOBODY])


def _shares() -> Iterator[str]:
    counted = Counter(status(form) for form in forms())
    yield "| forms | |\n|---|---|"
    for name, what in (
        ("exact", "exact"),
        ("refused", "refused (#UD): CPUID does not claim them"),
        ("exact-float", "exact with `--exact-float` or `--strict`; else different, with a reason below"),
        ("differs", "different, with a reason below"),
        ("not compared", "not compared"),
    ):
        yield f"| {counted[name]:,} | {what} |"


def _names(named: list[Form]) -> str:
    """By mnemonic, each with its forms."""
    groups = defaultdict[str, list[str]](list)
    for form in named:
        mnemonic, _, operands = form.name.partition("_")
        groups[mnemonic].append(operands)
    shown = [
        f"{mnemonic}({' '.join(operands)})" if any(operands) else mnemonic
        for mnemonic, operands in sorted(groups.items())
    ]
    return fill(", ".join(shown), _WIDTH, break_long_words=False, break_on_hyphens=False) or "None."
