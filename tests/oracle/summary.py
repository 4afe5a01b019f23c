"""Differences in groups, each with its shortest cases: what to look at first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from tests.oracle.campaign import Verdict
from tests.oracle.families import family
from tests.oracle.generate import form_of

_MOST_FAMILIES = 14
_EXAMPLES = 2


def summary(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Lines of Markdown."""
    groups = defaultdict[str, dict[str, list[Verdict]]](lambda: defaultdict(list))
    for verdict in verdicts:
        made = verdict.made
        name = family(made.instructions[0], made.case.code) if len(made.instructions) == 1 else "sequence"
        groups[_shape(verdict)][name].append(verdict)
    for shape, families in sorted(groups.items(), key=lambda group: (-_weight(*group), group[0])):
        yield f"## {shape}   ({sum(map(len, families.values()))})\n"
        largest = sorted(families.items(), key=lambda item: -len(item[1]))
        for name, cases in largest[:_MOST_FAMILIES]:
            forms = Counter(form_of(verdict.made.instructions) for verdict in cases)
            shown = ", ".join(form for form, _ in forms.most_common(8)) if name != "sequence" else ""
            yield f"- **{name}** {len(cases)}: {shown}"
            for verdict in sorted(cases, key=lambda verdict: len(verdict.made.case.code))[:_EXAMPLES]:
                yield f"  - {_line(verdict)}"
        if len(largest) > _MOST_FAMILIES:
            yield f"- and {len(largest) - _MOST_FAMILIES} more"
        yield ""


def _weight(shape: str, families: dict[str, list[Verdict]]) -> int:
    """What ends the process comes first."""
    return sum(map(len, families.values())) + (1 << 30 if shape.startswith("the driver") else 0)


def _shape(verdict: Verdict) -> str:
    for difference in verdict.found:
        if difference.kind in ("death", "signal"):
            return str(difference)
    return ", ".join(sorted({difference.kind for difference in verdict.found}))


def _line(verdict: Verdict) -> str:
    made = verdict.made
    text = "; ".join("(bad)" if i.is_invalid else str(i) for i in made.instructions)
    found = "; ".join(str(difference)[:90] for difference in verdict.found[:5])
    return f"`{made.case.code.hex()}` {text} | {made.case.window.name} | {verdict.name} | {found}"
