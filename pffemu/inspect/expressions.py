"""The expressions of claims: a whitelist of Python's syntax, computed on 64-bit machine words.

    rax == 0x10            mem64[buf + 8] == 7        flags has CF           flags not has ZF
    rsp % 16 == 0          frame.address == buf       "text" in stdout       s64(rax) == -EINVAL
    count == 1             table[2] == -5             point.x < 7            name == "abc"       (C variables)
    xmm0 == 1 << 64        xmm1.d2 == 7               mem128[buf] == xmm0

`==` compares integers modulo 2**64, so `rax == -EINVAL` holds for what the system call left; `<`, `<=`, `>` and `>=`
compare values: registers and memory are unsigned, s8() to s64() make them signed. Where one side is a 128-bit word
(wide.py), `==` compares modulo 2**128.
"""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pffemu.arch.registers import MASK64
from pffemu.errors import UsageError
from pffemu.inspect.nearest import nearest
from pffemu.inspect.wide import WIDE_MASK, Wide

MASK: Final = MASK64
FLAGS: Final = ("CF", "PF", "AF", "ZF", "SF", "TF", "IF", "DF", "OF", "RF")
_HAS: Final = re.compile(r"\bflags\s+(?P<no>not\s+)?has\s+(?P<not>not\s+)?(?P<flag>\w+)")
_LARGEST_SHIFT: Final = 4096
_SHOWN: Final = 200  # characters of an expression in a message
_LARGEST_NUMBER: Final = 1 << 12  # bits; what is computed from two of them can still be printed
_LONGEST_TEXT: Final = 1 << 20  # bytes

_OPERATORS: Final[dict[type[ast.AST], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Div: operator.floordiv, ast.Mod: operator.mod, ast.LShift: operator.lshift, ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_, ast.BitOr: operator.or_, ast.BitXor: operator.xor,
}  # fmt: skip
_UNARY: Final[dict[type[ast.AST], Callable[[Any], Any]]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Invert: operator.invert,
}  # fmt: skip
_ORDER: Final[dict[type[ast.AST], Callable[[Any, Any], bool]]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_NODES: Final = (
    ast.Expression, ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.And,
    ast.Or, ast.Compare, ast.Eq, ast.NotEq, ast.In, ast.NotIn, ast.Call, ast.Load, ast.Tuple, ast.Not, *_OPERATORS,
    *_UNARY,
    *_ORDER,
)  # fmt: skip


class Names(Protocol):
    """The names in expressions. `look_up` raises KeyError; `names` is for messages."""

    def look_up(self, name: str) -> Any: ...
    def names(self) -> Iterable[str]: ...


@dataclass(slots=True)
class Verdict:
    """An expression's result; `part`: the conjunct that failed, `terms`: the values of its names."""

    holds: bool
    part: str = ""
    terms: list[tuple[str, Any]] = field(default_factory=list)
    expected: Any = None  # the right side, when the failed part is `actual == expected`


def _sized(bits: int) -> Callable[[int], int]:
    def signed(value: int) -> int:
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value

    return signed


FUNCTIONS: Final[dict[str, Callable[[int], int]]] = {f"s{bits}": _sized(bits) for bits in (8, 16, 32, 64)}


def parse(text: str) -> ast.expr:
    """The expression in `text`. Raises UsageError for what it must not contain."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", "invalid .* literal")  # Python takes `0x1for x`, and warns
            tree = ast.parse(_with_flags(text).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        what = f"{_shortened(text)} is not an expression: {message}"
        raise UsageError(what, remedy="write it as in `rax == 0x10`") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and not _is_plain(node.value):
            raise UsageError(
                f"{_constant(node.value)} is not possible in {_shortened(text)}", remedy="use whole numbers and text"
            )
        if not isinstance(node, _NODES):
            kind = type(node).__name__
            raise UsageError(
                f"{kind} is not possible in {_shortened(text)}", remedy="use names, numbers, operators, mem64[...]"
            )
        if isinstance(node, ast.Call) and (
            not isinstance(node.func, ast.Name) or node.func.id not in FUNCTIONS or len(node.args) != 1 or node.keywords
        ):
            raise UsageError(f"a call in {_shortened(text)}", remedy=f"the only functions are {', '.join(FUNCTIONS)}")
    return tree.body


def _constant(value: object) -> str:
    return "so large a number" if isinstance(value, int) and value.bit_length() > 64 else _shortened(str(value))


def _is_plain(value: object) -> bool:
    """Whether it is a whole number, or text that can be encoded."""
    if isinstance(value, str):
        return not any("\ud800" <= letter <= "\udfff" for letter in value)
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= _LARGEST_NUMBER


def _shortened(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _with_flags(text: str) -> str:
    def flag(match: re.Match[str]) -> str:
        if match["flag"] not in FLAGS:
            raise UsageError(f"no flag is called {match['flag']!r}", remedy=nearest(match["flag"], FLAGS))
        return f"(flags.{match['flag']} == {0 if match['no'] or match['not'] else 1})"

    return _HAS.sub(flag, text)


def names_in(tree: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def value_of(tree: ast.expr, names: Names) -> Any:
    """The expression's value. Raises UsageError for an unknown name, or memory that is not present."""
    return _Evaluation(names).outcome(tree)


def judge(tree: ast.expr, names: Names) -> Verdict:
    """Whether the claim holds, and if not, the part that fails and the values of its names."""
    parts = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    for part in parts:
        evaluation = _Evaluation(names)
        if not evaluation.outcome(part):
            expected = None
            if isinstance(part, ast.Compare) and isinstance(part.ops[0], ast.Eq) and len(part.ops) == 1:
                expected = _Evaluation(names).value(part.comparators[0])
                if isinstance(expected, int) and isinstance(_Evaluation(names).value(part.left), Wide):
                    expected = Wide(expected)
            return Verdict(False, ast.unparse(part), list(dict(evaluation.terms).items()), expected)
    return Verdict(True)


class _Evaluation:
    """One walk over a tree that notes the value of each name."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._in_address = 0  # brackets of memory around what is being worked out
        self.terms: list[tuple[str, Any]] = []

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value):
                return value.encode() if isinstance(value, str) else value
            case ast.Name(name):
                return self._noted(node, self._look_up(name))
            case ast.Attribute(ast.Name(first), name) if f"{first}.{name}" in self._names.names():
                return self._noted(node, self._look_up(f"{first}.{name}"))  # a label with a dot
            case ast.Attribute(owner, name):
                return self._noted(node, self._attribute(self._quietly(owner), name))
            case ast.Subscript(owner, index):
                return self._noted(node, self._item(owner, index))
            case ast.Call(ast.Name(name), [argument]):
                return FUNCTIONS[name](self._number(argument))
            case ast.UnaryOp(ast.Not(), operand):
                return not self.value(operand)
            case ast.UnaryOp(op, operand):
                return _like((value := self._number(operand),), _UNARY[type(op)](value))
            case ast.BinOp(left, op, right):
                return self._arithmetic(op, self.value(left), self.value(right))
            case ast.BoolOp(ast.And(), values):
                return all(self.value(value) for value in values)
            case ast.BoolOp(_, values):
                return any(self.value(value) for value in values)
            case ast.Tuple(elements):
                return tuple(self.value(element) for element in elements)
            case ast.Compare(left, ops, comparators):
                return self._compare(left, ops, comparators)
        raise UsageError(f"{ast.unparse(node)!r} is not possible here")

    def outcome(self, node: ast.expr) -> Any:
        """`value`, with a clean error for expressions nested too deep."""
        try:
            return self.value(node)
        except RecursionError:
            raise UsageError("an expression too deep to work out", remedy="split it") from None

    def _number(self, node: ast.expr) -> int:
        value = self.value(node)
        if not isinstance(value, int):
            raise UsageError(f"{_shortened(ast.unparse(node))} is not a number", remedy="numbers only, here")
        return value

    def _noted(self, node: ast.expr, value: Any) -> Any:
        if isinstance(value, int | bytes):
            self.terms.append((ast.unparse(node), value))
        elif getattr(type(value), "SHOWN", False):
            self.terms.append((ast.unparse(node), str(value)))
        return value

    def _quietly(self, node: ast.expr) -> Any:
        kept = list(self.terms)
        value = self.value(node)
        self.terms = kept
        return value

    def _look_up(self, name: str) -> Any:
        """The value of a name; in the brackets of memory a C variable is its address."""
        find = getattr(self._names, "variable", None)
        try:
            if find is not None and not self._in_address and (found := find(name)) is not None:
                return found
            return self._names.look_up(name)
        except KeyError:
            raise UsageError(f"nothing is called {name!r}", remedy=nearest(name, self._names.names())) from None

    def _attribute(self, owner: Any, name: str) -> Any:
        fields = getattr(owner, "FIELDS", ())
        if name not in fields:
            raise UsageError(f"it has no part {name!r}", remedy=nearest(name, fields) if fields else "")
        return getattr(owner, name)

    def _item(self, owner: ast.expr, node: ast.expr) -> Any:
        container = self._quietly(owner)
        takes_address = getattr(container, "TAKES_ADDRESS", False)
        self._in_address += takes_address
        index = self.value(node)
        self._in_address -= takes_address
        if not hasattr(container, "at"):
            raise UsageError(f"{ast.unparse(owner)!r} has no elements", remedy="write mem64[ADDRESS] or frames[0]")
        if not isinstance(index, int):
            remedy = "give an address or a number; labels called `flags` or `frame` need another name"
            raise UsageError(f"what is in the brackets of {ast.unparse(owner)!r} is not a number", remedy=remedy)
        return container.at(index)

    def _arithmetic(self, op: ast.operator, left: Any, right: Any) -> Any:
        left, right = map(_decayed, (left, right))
        if isinstance(left, int) and isinstance(right, int):
            return _like((left, right), _compute(op, left, right))
        if isinstance(op, ast.Add) and isinstance(left, bytes) and isinstance(right, bytes):
            return left + right
        if isinstance(op, ast.Mult) and isinstance(left, bytes) and isinstance(right, int):
            if len(left) * right > _LONGEST_TEXT:
                raise UsageError("so long a text", remedy=f"at most {_LONGEST_TEXT} bytes")
            return left * right
        raise UsageError(
            "arithmetic with what is not a number", remedy='text can be joined, "a" + "b", or repeated, "a" * 8'
        )

    def _compare(self, left: ast.expr, ops: list[ast.cmpop], comparators: list[ast.expr]) -> bool:
        first = self.value(left)
        for op, comparator in zip(ops, comparators, strict=True):
            second = self.value(comparator)
            if not _holds(op, first, second):
                return False
            first = second
        return True


def _decayed(value: Any) -> Any:
    """An array's name is its address in arithmetic, as in C."""
    return value.ADDRESS if hasattr(type(value), "ADDRESS") else value


def _compute(op: ast.operator, left: int, right: int) -> int:
    if isinstance(op, ast.LShift | ast.RShift) and not 0 <= right <= _LARGEST_SHIFT:
        raise UsageError(f"a shift by {right}", remedy=f"shift by 0 to {_LARGEST_SHIFT}")
    if max(left.bit_length(), right.bit_length()) > _LARGEST_NUMBER:
        raise UsageError("numbers so large", remedy="no claim needs more than 128 bits")
    try:
        return int(_OPERATORS[type(op)](left, right))
    except ZeroDivisionError as error:
        raise UsageError(str(error), remedy="check the operands") from None


def _holds(op: ast.cmpop, left: Any, right: Any) -> bool:
    try:
        if isinstance(op, ast.Eq | ast.NotEq):
            return _same(left, right) == isinstance(op, ast.Eq)
        if isinstance(op, ast.In | ast.NotIn):
            inside = left in right if isinstance(right, bytes) else any(_same(left, value) for value in right)
            return inside == isinstance(op, ast.In)
        return _ORDER[type(op)](left, right)
    except TypeError as error:
        raise UsageError(str(error), remedy="compare numbers with numbers and text with text") from None


def _same(left: Any, right: Any) -> bool:
    """Whether two operands are equal; integers modulo their word size."""
    if not (isinstance(left, int) and isinstance(right, int)):
        return bool(left == right)
    mask = WIDE_MASK if isinstance(left, Wide) or isinstance(right, Wide) else MASK
    return (left - right) & mask == 0


def _like(operands: tuple[Any, ...], result: Any) -> Any:
    return Wide(result) if any(isinstance(operand, Wide) for operand in operands) else result
