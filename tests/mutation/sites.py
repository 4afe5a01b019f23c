"""Places of a source file where one step can be bent: comparisons, operators, conditions, numbers, statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OPERATORS: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitXor: ast.BitOr, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
}  # fmt: skip
_REMOVED: Final = (ast.Expr, ast.Assign, ast.AugAssign)


@dataclass(frozen=True)
class Site:
    """Bytes [start, end) of the source, and what takes their place."""

    line: int
    start: int
    end: int
    new: str


def sites(source: str) -> list[Site]:
    """All places inside functions; annotations and docstrings are none."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            for statement in function.body:
                for node, new in _changes(statement):
                    at = starts[node.lineno - 1] + node.col_offset
                    end = starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)
                    found.append(Site(node.lineno, at, end, new))
    return sorted(set(found), key=lambda site: (site.start, site.end, site.new))


def _changes(statement: ast.stmt) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    annotations = {
        part for node in ast.walk(statement) if isinstance(node, ast.AnnAssign) for part in ast.walk(node.annotation)
    }
    for node in ast.walk(statement):
        if node in annotations:
            continue
        if isinstance(node, _REMOVED) and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            if not isinstance(node, ast.Assign) or isinstance(node.targets[0], ast.Attribute | ast.Subscript):
                yield node, "pass"
        elif isinstance(node, ast.If | ast.While | ast.IfExp):
            yield node.test, f"(not ({ast.unparse(node.test)}))"
        elif isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
            ops: list[ast.cmpop] = [_COMPARISONS[type(node.ops[0])](), *node.ops[1:]]
            yield node, f"({ast.unparse(ast.Compare(node.left, ops, node.comparators))})"
        elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            yield node, f"({ast.unparse(ast.BinOp(node.left, _OPERATORS[type(node.op)](), node.right))})"
        elif isinstance(node, ast.BoolOp):
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield node, f"({ast.unparse(ast.BoolOp(other, node.values))})"
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            yield node, str(node.value + 1)


def applied(source: str, site: Site) -> str:
    octets = source.encode()
    return (octets[: site.start] + site.new.encode() + octets[site.end :]).decode()
