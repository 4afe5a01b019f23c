"""Known differences from the host's CPU, with reasons: a rule for each kind. docs/instructions.md is made from them.

A rule with `forms` says that each of them differs: a campaign that is long enough must see it for every one. A rule
with `when` is about how an instruction is written or what it meets, whatever the instruction is: it must be seen once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from tests.oracle.compare import Difference
from tests.oracle.families import family_of_code
from tests.oracle.forms import Form, Judge, forms
from tests.oracle.generate import Made

Condition = Callable[[Made, Difference, list[Difference]], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything but the first three is words. `kinds`: of the differences it explains (Difference.kind); none: all."""

    name: str
    what: str
    why: str
    forms: str = ""  # patterns of iced's names
    families: str = ""  # as families.family_of_code has them
    without: str = ""  # patterns of those that do not differ
    kinds: str = ""
    when: Condition | None = None
    rarely: bool = False  # seen for some of the forms is enough
    in_sequences: bool = False  # and nowhere else: it takes another instruction before it
    ends_with_exact_float: bool = False  # nothing differs with --exact-float

    @property
    def is_of_forms(self) -> bool:
        """It names forms that differ, and is not about how something is written."""
        return bool(self.forms or self.families)

    def explains(self, made: Made, difference: Difference, found: list[Difference]) -> bool:
        """Whether it is one of the rule's, in this case."""
        if self.ends_with_exact_float and made.case.exact_float:
            return False
        if self.kinds and difference.kind not in self.kinds.split():
            return False
        if self.is_of_forms and not any(names_it(self, form) for form in form_names(made)):
            return False
        return self.when is None or self.when(made, difference, found)


def form_names(made: Made) -> list[str]:
    """Of its instructions."""
    return made.case.form.split(" + ")


@cache
def _scope(patterns: str, families: str, without: str) -> frozenset[str]:
    return frozenset(
        form.name for form in forms()
        if (family_of_code(form.code) in families.split() or _matches(form.name, patterns))
        and form.judge is Judge.HOST
        and not _matches(form.name, without)
    )  # fmt: skip


def _matches(name: str, patterns: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns.split())


def names_it(rule: Rule, form: str) -> bool:
    """Whether the rule says that the form differs."""
    return form in _scope(rule.forms, rule.families, rule.without)


def forms_of(rule: Rule) -> list[Form]:
    """Those that the rule says differ."""
    return [form for form in forms() if names_it(rule, form.name)]


def explained(made: Made, found: list[Difference], rules: tuple[Rule, ...]) -> list[Rule] | None:
    """The rules that explain all of it; None when something remains."""
    used = []
    for difference in found:
        rule = next((rule for rule in rules if rule.explains(made, difference, found)), None)
        if rule is None:
            return None
        used.append(rule)
    return used
