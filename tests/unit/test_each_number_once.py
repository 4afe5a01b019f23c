"""A number of Linux or Intel has one definition; everything else imports it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOMES = ("kernel_model/abi", "pffemu/arch")
# the same word of two interfaces: registration modes of userfaultfd and of the MMU's device; sizes of two devices
SAME_BY_CHANCE = {"MODE_MISSING", "SIZE"}


def definitions(path: Path) -> Iterator[tuple[str, int]]:
    """Integers that a module gives a name, as far as they are literals."""
    for statement in ast.parse(path.read_text()).body:
        targets: list[ast.expr] = []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        elif isinstance(statement, ast.Assign):
            targets = statement.targets
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(statement, ast.Assign | ast.AnnAssign):
                value = literal(statement.value)
                if value is not None:
                    yield target.id.lstrip("_"), value


def literal(expression: ast.expr | None) -> int | None:
    """Its value, when it is made of numbers alone."""
    if expression is None or any(isinstance(node, ast.Name | ast.Call) for node in ast.walk(expression)):
        return None
    try:
        value = eval(compile(ast.Expression(expression), "", "eval"))
    except TypeError:
        return None
    return value if type(value) is int else None


def test_no_constant_of_linux_or_intel_is_defined_twice() -> None:
    places = defaultdict[tuple[str, int], list[str]](list)
    for package in ("pffemu", "kernel_model", "guest"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for name, value in definitions(path):
                places[name, value].append(str(path.relative_to(ROOT)))
    twice = {
        name: files for (name, _), files in places.items()
        if len(files) > 1 and name not in SAME_BY_CHANCE and any(file.startswith(HOMES) for file in files)
    }  # fmt: skip
    assert twice == {}


def test_the_mask_of_a_register_is_written_once() -> None:
    sources = [path for package in ("pffemu", "kernel_model") for path in (ROOT / package).rglob("*.py")]
    assert [path.name for path in sources if "(1 << 64) - 1" in path.read_text()] == ["registers.py"]
